#include "model/train/memory.h"
#include "model/train/online_job.h"

#include <algorithm>
#include <optional>

#include "model/lm/encoder_engine.h"
#include "model/train/best_of_n.h"
#include "model/train/goodhart_watch.h"
#include "model/train/online.h"
#include "model/train/preserve.h"
#include "model/train/remote_rollout.h"
#include "model/train/reward_model.h"
#include "model/train/rows.h"
#include "model/train/sft.h"

namespace plumb::train {
namespace {

std::vector<std::vector<int32_t>> Cutoff(std::vector<std::vector<int32_t>> sequences,
                                         int64_t most) {
  for (auto& ids : sequences)
    if (static_cast<int64_t>(ids.size()) > most) ids.resize(static_cast<size_t>(most));
  return sequences;
}

class RewardModelTerm : public RewardTerm {
 public:
  RewardModelTerm(std::vector<std::unique_ptr<RewardModel>> models, std::string combine,
                  double pessimism)
      : models_(std::move(models)), combine_(std::move(combine)), pessimism_(pessimism) {}

  Result<std::vector<double>> Score(const std::vector<Sampled>& sampled) override {
    std::vector<std::vector<double>> by_model;
    for (const auto& model : models_) {
      const RowEncoder encoder = model->Encoder();
      std::vector<std::vector<int32_t>> sequences;
      for (const Sampled& s : sampled) {
        PLUMB_TRY(auto ids, encoder.Answered(*s.row, s.text));
        sequences.push_back(std::move(ids));
      }
      PLUMB_TRY(auto scores, model->Score(Cutoff(std::move(sequences), model->context())));
      by_model.push_back(std::move(scores));
    }
    std::vector<double> out;
    for (size_t i = 0; i < sampled.size(); ++i) {
      std::vector<double> one;
      for (const auto& scores : by_model) one.push_back(scores[i]);
      out.push_back(Combine(one, combine_, pessimism_));
    }
    return out;
  }

 private:
  std::vector<std::unique_ptr<RewardModel>> models_;
  std::string combine_;
  double pessimism_;
};

// − the guard's highest probability over the heads that are named: 0 is safe, −1 is not.
class GuardTerm : public RewardTerm {
 public:
  GuardTerm(std::unique_ptr<lm::Classifier> classifier, std::vector<size_t> heads)
      : classifier_(std::move(classifier)), heads_(std::move(heads)) {}
  Result<std::vector<double>> Score(const std::vector<Sampled>& sampled) override {
    std::vector<std::string> texts;
    for (const Sampled& s : sampled) texts.push_back(s.text.empty() ? " " : s.text);
    const lm::ClassifyResult result = classifier_->Classify(texts);
    std::vector<double> out;
    for (const auto& scores : result.scores) {
      double worst = 0;
      for (size_t head : heads_) worst = std::max(worst, static_cast<double>(scores[head]));
      out.push_back(-worst);
    }
    return out;
  }

 private:
  std::unique_ptr<lm::Classifier> classifier_;
  std::vector<size_t> heads_;
};

Result<std::unique_ptr<RewardTerm>> Guard(const json::object& o, bool bf16) {
  PLUMB_TRY(const std::string model, GetString(o, "model"));
  PLUMB_TRY(auto classifier,
            lm::Classifier::Load(model, bf16 ? lm::Precision::kBFloat16 : lm::Precision::kFloat32));
  const std::vector<std::string> known(classifier->heads().begin(), classifier->heads().end());
  std::vector<size_t> heads;
  if (const json::array* named = FindArray(o, "heads")) {
    for (const auto& name : *named) {
      const std::string text = name.is_string() ? std::string(name.get_string()) : ToJson(name);
      const auto found = std::ranges::find(known, text);
      if (found == known.end())
        return Fail(Code::kInvalid, "{} has no head \"{}\"{}", model, text,
                    DidYouMean(text, known));
      heads.push_back(static_cast<size_t>(found - known.begin()));
    }
  } else {
    for (size_t i = 0; i < known.size(); ++i) heads.push_back(i);
  }
  return std::make_unique<GuardTerm>(std::move(classifier), std::move(heads));
}

Result<std::unique_ptr<RewardTerm>> Models(const json::object& o, bool ensemble, bool bf16) {
  std::vector<std::string> names;
  std::string combine = "mean";
  double pessimism = 1;
  if (ensemble) {
    const json::array* list = FindArray(o, "models");
    if (!list || list->empty()) return Fail(Code::kInvalid, "\"models\" must be a list of models");
    for (const auto& name : *list) {
      if (!name.is_string()) return Fail(Code::kInvalid, "\"models\" must be a list of models");
      names.emplace_back(name.get_string());
    }
    PLUMB_TRY(combine, GetStringOr(o, "combine", "mean"));
    PLUMB_TRY(pessimism, GetNumberOr(o, "pessimism", 1));
    if (combine != "mean" && combine != "min" && combine != "pessimistic")
      return Fail(Code::kInvalid, "\"combine\" is \"{}\", must be mean, min or pessimistic",
                  combine);
  } else {
    PLUMB_TRY(const std::string name, GetString(o, "model"));
    names.push_back(name);
  }
  std::vector<std::unique_ptr<RewardModel>> models;
  for (const std::string& name : names) {
    PLUMB_TRY(auto model, RewardModel::Load(name, bf16));
    models.push_back(std::move(model));
  }
  return std::make_unique<RewardModelTerm>(std::move(models), combine, pessimism);
}

// Prompts as tokens. Those that leave no room for a completion are named, all of them.
Result<std::vector<OnlinePrompt>> Prompts(const TrainSettings& s,
                                          const std::vector<data::TrlRow>& rows,
                                          const DecoderText& text, int64_t context) {
  std::vector<OnlinePrompt> prompts;
  std::vector<std::string> too_long;
  const RowEncoder encoder = text.Encoder(s.max_length);
  for (const data::TrlRow& row : rows) {
    PLUMB_TRY(auto ids, encoder.Prompt(row));
    if (static_cast<int64_t>(ids.size()) + s.max_completion_length > context)
      too_long.push_back(row.where);
    prompts.push_back({std::move(ids), &row});
  }
  if (!too_long.empty())
    return Fail(
        Code::kInvalid,
        "{} of {} prompts and max_completion_length {} do not fit the context of {} tokens: {}",
        too_long.size(), rows.size(), s.max_completion_length, context, Join(too_long, ", "));
  return prompts;
}

Result<std::unique_ptr<Rewarder>> LoadRewards(const std::string& file, bool bf16) {
  return Rewarder::Load(file,
                        [&](const json::object& o) -> Result<std::unique_ptr<RewardTerm>> {
                          PLUMB_TRY(const std::string type, GetString(o, "type"));
                          if (type == "reward_model" || type == "ensemble")
                            return Models(o, type == "ensemble", bf16);
                          if (type == "guard") return Guard(o, bf16);
                          return Fail(Code::kNotFound, "no reward of type \"{}\"", type);
                        });
}

// Of the whole run, by the loop's own arithmetic.
int64_t StepsOf(const TrainSettings& s, const OnlineObjective& objective) {
  if (s.max_steps > 0) return s.max_steps;
  const StepShape shape = objective.Shape();
  const auto rows = static_cast<int64_t>(objective.rows());
  const double epoch = static_cast<double>(rows / std::max<int64_t>(1, shape.rows) * shape.steps);
  return static_cast<int64_t>(s.num_train_epochs * epoch);
}

// Bytes of the widest step and of sampling; the rewards' own models come on top and are not counted.
Result<int64_t> ForeseeOnline(Job job, const TrainSettings& s, const std::vector<data::TrlRow>& rows,
                              const DecoderText& text, const Surroundings& world) {
  PLUMB_TRY(const lm::LmConfig config, lm::CausalLm::ReadConfig(s.model));
  const RowEncoder encoder = text.Encoder(config.context);
  int64_t longest = 0;
  for (const data::TrlRow& row : rows) {
    auto ids = encoder.Prompt(row);
    if (ids) longest = std::max(longest, static_cast<int64_t>(ids->size()));
  }
  longest += s.max_completion_length;
  auto forecast = [&](const TrainSettings& x) {
    const int64_t n = job == Job::kBestOfN ? 0 : std::min(std::max(x.micro_batch_tokens, longest), x.GenerationRows() * longest);
    return ForecastDecoder(job, x, config, {.nodes = n, .positions = n, .targets = n, .longest = longest});
  };
  PLUMB_CHECK(CheckMemory(s, MemoryAllowed(s, world), longest, forecast));
  return forecast(s).Total();
}

Result<std::unique_ptr<Roller>> Sampler(const TrainSettings& s, const DecoderParts& parts, const DecoderText& text,
                                        const Surroundings& world) {
  const lm::Sampling sampling{.temperature = s.temperature,
                              .top_k = s.top_k,
                              .top_p = s.top_p,
                              .min_p = s.min_p,
                              .max_tokens = s.max_completion_length};
  if (s.vllm_server_base_url.empty()) return std::make_unique<EngineRoller>(*parts.model, sampling);
  PLUMB_TRY(const RemoteRoller::Sync sync, ParseRolloutSync(s.rollout_sync));
  PLUMB_TRY(auto remote, RemoteRoller::Connect({.url = s.vllm_server_base_url,
                                                .sync = sync,
                                                .model = s.model,
                                                .folder = fs::path(s.out) / "rollouts",
                                                .sampling = sampling},
                                               *text.tokenizer, parts.parameters,
                                               [&](const fs::path& folder) { return SaveLora(folder, s, *parts.model); }));
  const char* how = remote->sync() == RemoteRoller::Sync::kPlumb  ? "plumb"
                    : remote->sync() == RemoteRoller::Sync::kLora ? "lora"
                                                                  : "none";
  world.emit({{"event", "rollouts"}, {"url", s.vllm_server_base_url}, {"sync", how}, {"corrected", s.importance_sampling_correction}});
  return remote;
}

}  // namespace

Result<JobResult> RunOnline(Job job, TrainSettings s, const std::vector<data::TrlRow>& rows,
                            const DecoderText& text, const Surroundings& world) {
  const bool bf16 = s.bf16;
  PLUMB_TRY(const int64_t foreseen, ForeseeOnline(job, s, rows, text, world));
  PLUMB_TRY(const auto rewarder, LoadRewards(s.rewards, bf16));
  std::unique_ptr<Rewarder> gold;
  if (!s.gold_rewards.empty()) {
    PLUMB_TRY(gold, LoadRewards(s.gold_rewards, bf16));
  }
  PLUMB_TRY(const auto parts,
            DecoderParts::Load(s, job == Job::kPpo ? "base_model.model.v_head.weight" : "", true));
  PLUMB_TRY(std::vector<OnlinePrompt> prompts,
            Prompts(s, rows, text, parts->model->config().context));
  PLUMB_TRY(const auto sampler, Sampler(s, *parts, text, world));
  Roller& roller = *sampler;
  const TextOf decode = [&text](const std::vector<int32_t>& ids) {
    return text.tokenizer->Decode(ids);
  };
  EmitStart(job, s, rows.size(), 0, {}, parts->parameters, foreseen, world);
  if (job == Job::kBestOfN) {
    parts->trunk->Refresh();
    return RunBestOfN(s, prompts, roller, *rewarder, gold.get(), decode, world);
  }
  std::vector<data::TrlRow> watched_rows;
  std::vector<OnlinePrompt> watched;
  if (!s.monitor_data.empty()) {
    PLUMB_TRY(watched_rows, ReadRows(job, s.monitor_data));
    PLUMB_TRY(watched, Prompts(s, watched_rows, text, parts->model->config().context));
  }
  watched = SomePrompts(watched.empty() ? prompts : watched, s.monitor_prompts);
  std::optional<GoodhartWatch> watch;
  std::optional<SycophancyProbe> opinions;
  if (!s.monitor_sycophancy.empty()) {
    PLUMB_TRY(opinions, SycophancyProbe::Load(s.monitor_sycophancy, text.Encoder(parts->model->config().context), *text.tokenizer));
  }
  OnlineParts borrowed{.model = *parts->model,
                       .trunk = *parts->trunk,
                       .parameters = parts->parameters,
                       .value = parts->head ? &*parts->head : nullptr,
                       .roller = roller,
                       .rewarder = *rewarder,
                       .text = decode};
  OnlineObjective objective(job, s, std::move(prompts), borrowed, !s.adapter_in.empty());
  if (s.Monitors()) {
    watch.emplace(s, std::move(watched),
                  GoodhartWatch::Parts{.roller = roller,
                                       .proxy = *rewarder,
                                       .gold = gold.get(),
                                       .opinions = opinions ? &*opinions : nullptr,
                                       .text = decode,
                                       .emit = world.emit},
                  StepsOf(s, objective), objective.Shape().steps);
    objective.WatchedBy(*watch);
  }
  return FinishPreserving(s, SettingsThatMatter(job, s), objective, *parts, text, world);
}

}  // namespace plumb::train
