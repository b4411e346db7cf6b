// One generation: sampling, scoring, advantages. What is learned from it is in online_step.cc.
#include "model/train/online.h"

#include <algorithm>
#include <cmath>

#include "model/train/answers.h"
#include "model/train/decoder_parts.h"
#include "model/train/goodhart_watch.h"
#include "model/train/online_pass.h"
#include "model/train/random.h"
#include "model/train/sft.h"

namespace plumb::train {
namespace {

PolicyOptions OptionsOf(Job job, const TrainSettings& s) {
  PolicyOptions o;
  o.loss_type = job == Job::kRloo ? "rloo" : job == Job::kPpo ? "ppo" : s.loss_type.front();
  o.epsilon_low = job == Job::kPpo ? s.cliprange : s.epsilon;
  o.epsilon_high = job == Job::kPpo ? s.cliprange : s.epsilon_high > 0 ? s.epsilon_high : s.epsilon;
  o.delta = s.delta;
  o.beta = job == Job::kGrpo ? s.beta : 0;
  o.sequence_level = s.importance_sampling_level == "sequence";
  o.bias_correction_kl = s.use_bias_correction_kl;
  o.cliprange_value = s.cliprange_value;
  o.vf_coef = s.vf_coef;
  return o;
}

double Sum(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}

}  // namespace

OnlineObjective::OnlineObjective(Job job, const TrainSettings& s, std::vector<OnlinePrompt> prompts,
                                 OnlineParts parts, bool from_adapter)
    : job_(job),
      settings_(s),
      prompts_(std::move(prompts)),
      parts_(std::move(parts)),
      head_(parts_.model, s.temperature),
      options_(OptionsOf(job, s)),
      controller_(s.kl_coef, s.kl_target, static_cast<double>(s.kl_horizon)),
      reference_is_base_(!from_adapter || s.reference == "base") {}

StepShape OnlineObjective::Shape() const {
  if (job_ == Job::kPpo)
    return {settings_.BatchRows(), settings_.num_ppo_epochs * settings_.num_mini_batches, true};
  const int64_t completions = settings_.GenerationRows();
  return {completions / settings_.num_generations,
          completions / settings_.BatchRows() * settings_.num_iterations, true};
}

Status OnlineObjective::Prepare(const std::vector<uint32_t>&) {
  if (!reference_is_base_) initial_ = parts_.parameters.flat().clone();
  return {};
}

json::object OnlineObjective::State() const {
  json::object state = {{"kl_coef", controller_.coefficient()}, {"generation", generation_}};
  if (parts_.watch) state["goodhart"] = parts_.watch->State();
  return state;
}

Status OnlineObjective::SetState(const json::object& state) {
  PLUMB_TRY(const double coefficient, GetNumberOr(state, "kl_coef", settings_.kl_coef));
  controller_.Set(coefficient);
  PLUMB_TRY(generation_, GetIntOr(state, "generation", 0));
  const json::object* seen = FindObject(state, "goodhart");
  if (parts_.watch && seen) PLUMB_CHECK(parts_.watch->SetState(*seen));
  return {};
}

Status OnlineObjective::SaveAdapter(const fs::path& folder) const {
  return SaveLora(folder, settings_, parts_.model);
}

Status OnlineObjective::Begin(const std::vector<uint32_t>& rows, uint64_t key) {
  part_ = 0;
  generation_key_ = key;
  metrics_.clear();
  if (parts_.watch && parts_.watch->Due(generation_)) {
    PLUMB_TRY(stop_, CheckGoodhart());
    if (!stop_.empty()) return {};
  }
  ++generation_;
  PLUMB_CHECK(Sample(rows, key));
  PLUMB_CHECK(Reward());
  // Where a generation feeds one step only, the policy that acts is the one that learns, and its
  // log-probabilities come with the step.
  const bool ppo = job_ == Job::kPpo;
  const bool penalised = ppo || (job_ == Job::kRloo && settings_.beta != 0);
  if (Shape().steps > 1 || penalised) Measure(Of::kPolicy, ppo);
  if (penalised || options_.beta != 0) Measure(Of::kReference, false);
  ppo ? PpoAdvantages() : Advantages();
  CompletionMetrics();
  return {};
}

Status OnlineObjective::Sample(const std::vector<uint32_t>& rows, uint64_t key) {
  const int64_t group = job_ == Job::kPpo ? 1 : settings_.num_generations;
  std::vector<std::vector<int32_t>> prompts;
  std::vector<uint64_t> seeds;
  episodes_.clear();
  for (uint32_t row : rows)
    for (int64_t g = 0; g < group; ++g) {
      Episode e;
      e.prompt = row;
      e.begin = prompts_[row].ids.size();
      episodes_.push_back(std::move(e));
      prompts.push_back(prompts_[row].ids);
      seeds.push_back(MixBits(key ^ MixBits(seeds.size() + 0x9e3779b9)));
    }
  PLUMB_TRY(std::vector<Completion> done, parts_.roller.Roll(prompts, seeds));
  if (done.size() != episodes_.size())
    return Fail(Code::kInternal, "{} completions came for {} prompts", done.size(),
                episodes_.size());
  for (size_t i = 0; i < done.size(); ++i) {
    Episode& e = episodes_[i];
    e.ids = std::move(prompts[i]);
    e.ids.insert(e.ids.end(), done[i].ids.begin(), done[i].ids.end());
    e.sampled.assign(done[i].sampled.begin(), done[i].sampled.end());
    e.ended = done[i].ended;
    e.masked = settings_.mask_truncated_completions && !e.ended;
  }
  return {};
}

Status OnlineObjective::Reward() {
  std::vector<Sampled> sampled;
  for (const Episode& e : episodes_) {
    Sampled s;
    s.row = prompts_[e.prompt].row;
    s.ids.assign(e.ids.begin() + static_cast<long>(e.begin), e.ids.end());
    s.ended = e.ended;
    s.text = parts_.text(s.ids);
    sampled.push_back(std::move(s));
  }
  PLUMB_TRY(scores_, parts_.rewarder.Score(sampled));
  std::vector<double> rewards;
  for (size_t i = 0; i < episodes_.size(); ++i) {
    episodes_[i].reward = parts_.rewarder.Total(scores_, i);
    rewards.push_back(episodes_[i].reward);
  }
  if (MeanOf(rewards).count == 0)
    return Fail(Code::kInvalid, "no reward has anything to say of any completion");
  return {};
}

template <class Call>
void OnlineObjective::WithReference(const Call& pass) {
  if (!initial_.defined()) return pass(/*adapters=*/false);
  const at::Tensor now = parts_.parameters.flat().clone();
  at::Tensor(parts_.parameters.flat()).copy_(initial_);
  parts_.trunk.Refresh();
  pass(/*adapters=*/true);
  at::Tensor(parts_.parameters.flat()).copy_(now);
  parts_.trunk.Refresh();
}

std::vector<double> OnlineObjective::Logps(const std::vector<TokenRow>& rows, Of of) {
  std::vector<double> out(rows.size());
  std::vector<uint32_t> all(rows.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  const auto pass = [&](bool adapters) {
    for (const auto& part : CutByTokens(
             all, [&](uint32_t i) -> const auto& { return rows[i].ids; },
             settings_.micro_batch_tokens)) {
      std::vector<const TokenRow*> list;
      for (uint32_t i : part) list.push_back(&rows[i]);
      const auto logps = AnswerLogps(parts_.trunk, head_, Answers(list), adapters);
      for (size_t i = 0; i < part.size(); ++i) out[part[i]] = logps[i];
    }
  };
  of == Of::kPolicy ? pass(true) : WithReference(pass);
  return out;
}

Result<std::string> OnlineObjective::CheckGoodhart() {
  const fs::path best = fs::path(settings_.out) / "best_on_gold";
  const GoodhartMonitor& monitor = parts_.watch->monitor();
  PLUMB_TRY(const GoodhartReading reading,
            parts_.watch->Check(
                generation_ * Shape().steps,
                [this](const auto& rows) { return Logps(rows, Of::kPolicy); },
                [this](const auto& rows) { return Logps(rows, Of::kReference); }, metrics_));
  if (settings_.on_goodhart == "log") return std::string();
  const auto last = static_cast<int64_t>(monitor.checks().size()) - 1;
  if (reading.alarms.empty()) {
    if (monitor.best() == last) PLUMB_CHECK(SaveAdapter(best));
    return std::string();
  }
  std::string why = WhyOf(reading);
  if (monitor.best() < 0) return why;
  PLUMB_CHECK(LoadValues(best, parts_.parameters));
  parts_.trunk.Refresh();
  return fmt::format("{}; the adapter is that of step {}", why,
                     monitor.checks()[static_cast<size_t>(monitor.best())].at);
}

Result<std::string> OnlineObjective::End() {
  if (!parts_.watch) return std::string();
  return CheckGoodhart();
}

// Log-probabilities of every completion's tokens, and the values of the states before them.
void OnlineObjective::Measure(Of of, bool values) {
  std::vector<uint32_t> all(episodes_.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  const auto measure = [&](bool adapters) {
    for (const auto& some : Cut(all)) {
      const Pass pass = Build(some);
      const at::Tensor x = parts_.trunk.Forward(*pass.batch, {.adapters = adapters});
      const auto stats = head_.Run(x, pass.targets, nullptr);
      std::vector<double> scores;
      if (values) scores = parts_.value->Forward(x, pass.targets.node, parts_.parameters).scores;
      for (size_t i = 0; i < stats.size(); ++i) {
        Episode& e = episodes_[pass.owner[i]];
        (of == Of::kPolicy ? e.old : e.reference).push_back(stats[i].logp);
        if (values) e.values.push_back(scores[i]);
      }
    }
  };
  of == Of::kPolicy ? measure(true) : WithReference(measure);
  if (of == Of::kPolicy) {
    for (Episode& e : episodes_) Correct(e);
    SamplerMetrics();
  }
}

// The sampler computed in bfloat16, or is a server: weigh the completion by how much likelier the trainer thinks
// it, and leave it out where that is too much (TRL's sequence_mask).
void OnlineObjective::Correct(Episode& e) const {
  if (e.sampled.empty() || !settings_.importance_sampling_correction || parts_.roller.Exact()) return;
  double difference = 0;
  for (size_t t = 0; t < e.old.size(); ++t) difference += e.old[t] - e.sampled[t];
  const double ratio = std::exp(difference);
  e.correction = ratio > settings_.importance_sampling_clip_max ? 0 : ratio;
}

void OnlineObjective::SamplerMetrics() {
  double sum = 0, kl = 0, most = 0, least_ratio = INFINITY, most_ratio = 0, ratios = 0;
  size_t tokens = 0, known = 0, left_out = 0;
  for (const Episode& e : episodes_) {
    if (e.sampled.empty() || e.old.empty()) continue;
    for (size_t t = 0; t < e.old.size(); ++t) {
      const double gap = std::abs(e.old[t] - e.sampled[t]);
      kl += e.sampled[t] - e.old[t];
      sum += gap;
      most = std::max(most, gap);
      ++tokens;
    }
    least_ratio = std::min(least_ratio, e.correction);
    most_ratio = std::max(most_ratio, e.correction);
    ratios += e.correction;
    left_out += e.correction == 0;
    ++known;
  }
  if (tokens == 0) return;
  metrics_.emplace_back("sampling/sampling_logp_difference/mean",
                        sum / static_cast<double>(tokens));
  metrics_.emplace_back("sampling/sampling_logp_difference/max", most);
  metrics_.emplace_back("sampling/kl", kl / static_cast<double>(tokens));  // a token, sampler ‖ trainer
  metrics_.emplace_back("sampling/left_out", static_cast<double>(left_out) / static_cast<double>(known));
  metrics_.emplace_back("sampling/importance_sampling_ratio/min", least_ratio);
  metrics_.emplace_back("sampling/importance_sampling_ratio/mean",
                        ratios / static_cast<double>(known));
  metrics_.emplace_back("sampling/importance_sampling_ratio/max", most_ratio);
}

void OnlineObjective::Advantages() {
  std::vector<double> rewards;
  double kl = 0, tokens = 0;
  for (const Episode& e : episodes_) {
    double reward = e.reward;
    if (settings_.reward_clip_range.size() == 2)
      reward = std::clamp(reward, settings_.reward_clip_range[0], settings_.reward_clip_range[1]);
    if (job_ == Job::kRloo && settings_.beta != 0) {
      const double ratio = Sum(e.old) - Sum(e.reference);
      kl += ratio;
      reward -= settings_.beta * ratio;
    }
    tokens += static_cast<double>(e.Tokens());
    rewards.push_back(reward);
  }
  const auto group = static_cast<size_t>(settings_.num_generations);
  const GroupAdvantages made = job_ == Job::kRloo
                                   ? LeaveOneOut(rewards, group, settings_.normalize_advantages)
                                   : RelativeToGroup(rewards, group, settings_.scale_rewards);
  for (size_t i = 0; i < episodes_.size(); ++i) episodes_[i].advantage = made.advantages[i];
  metrics_.emplace_back("frac_reward_zero_std", made.fraction_zero_deviation);
  if (job_ == Job::kRloo && settings_.beta != 0)
    metrics_.emplace_back("kl", kl / std::max(1.0, tokens));
}

void OnlineObjective::PpoAdvantages() {
  const double coefficient = controller_.coefficient(), n = static_cast<double>(episodes_.size());
  const bool k3 = settings_.kl_estimator == "k3";
  double kl = 0, entropy = 0, penalty = 0, scores = 0, total = 0, ended = 0;
  std::vector<double> all;  // every token's reward, then every token's advantage
  std::vector<std::vector<double>> rewards;
  for (const Episode& e : episodes_) {
    double score = std::isnan(e.reward) ? 0 : e.reward;
    scores += score;
    if (!e.ended) score -= settings_.missing_eos_penalty;
    rewards.push_back(e.masked ? std::vector<double>{}
                               : PenalisedRewards(e.old, e.reference, coefficient, k3, score));
    const double sum = Sum(rewards.back());
    total += sum;
    penalty += e.masked ? 0 : sum - score;
    kl += Sum(e.old) - Sum(e.reference);
    entropy -= Sum(e.old);
    ended += e.ended;
    all.insert(all.end(), rewards.back().begin(), rewards.back().end());
  }
  const auto give_back = [&](auto to) {
    size_t at = 0;
    for (size_t i = 0; i < episodes_.size(); ++i)
      for (double& v : to(i)) v = all[at++];
  };
  if (settings_.whiten_rewards) {
    Whiten(all, /*shift=*/false);
    give_back([&](size_t i) -> auto& { return rewards[i]; });
  }
  all.clear();
  for (size_t i = 0; i < episodes_.size(); ++i) {
    Episode& e = episodes_[i];
    e.advantages = Gae(rewards[i], e.values, settings_.gamma, settings_.lam);
    e.returns.clear();
    for (size_t t = 0; t < e.advantages.size(); ++t)
      e.returns.push_back(e.advantages[t] + e.values[t]);
    all.insert(all.end(), e.advantages.begin(), e.advantages.end());
  }
  if (settings_.whiten_advantages) {
    Whiten(all, /*shift=*/true);
    give_back([&](size_t i) -> auto& { return episodes_[i].advantages; });
  }
  metrics_.insert(metrics_.end(), {{"objective/kl", kl / n},
                                   {"objective/entropy", entropy / n},
                                   {"objective/non_score_reward", penalty / n},
                                   {"objective/rlhf_reward", total / n},
                                   {"objective/scores", scores / n},
                                   {"objective/kl_coef", coefficient},
                                   {"val/num_eos_tokens", ended}});
  controller_.Update(kl / n, n);
}

void OnlineObjective::CompletionMetrics() {
  std::vector<double> lengths, finished, rewards;
  for (const Episode& e : episodes_) {
    lengths.push_back(static_cast<double>(e.ids.size() - e.begin));
    if (e.ended) finished.push_back(lengths.back());
    rewards.push_back(e.reward);
  }
  const double n = static_cast<double>(lengths.size());
  metrics_.emplace_back("completions/clipped_ratio", 1 - static_cast<double>(finished.size()) / n);
  if (finished.empty()) finished = {0};
  for (const auto& [name, list] :
       {std::pair{"length", &lengths}, {"terminated_length", &finished}}) {
    metrics_.emplace_back(fmt::format("completions/mean_{}", name), MeanOf(*list).mean);
    metrics_.emplace_back(fmt::format("completions/min_{}", name),
                          *std::ranges::min_element(*list));
    metrics_.emplace_back(fmt::format("completions/max_{}", name),
                          *std::ranges::max_element(*list));
  }
  const auto add = [&](const std::string& mean, const std::string& deviation,
                       const std::vector<double>& values) {
    const Mean m = MeanOf(values);
    if (m.count == 0) return;
    metrics_.emplace_back(mean, m.mean);
    metrics_.emplace_back(deviation, m.deviation);
  };
  add("reward", "reward_std", rewards);
  for (size_t t = 0; t < parts_.rewarder.terms(); ++t)
    add("rewards/" + parts_.rewarder.name(t) + "/mean",
        "rewards/" + parts_.rewarder.name(t) + "/std", scores_[t]);
}

}  // namespace plumb::train
