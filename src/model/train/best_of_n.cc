#include "model/train/best_of_n.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "model/train/goodhart.h"
#include "model/train/random.h"

namespace plumb::train {
namespace {

data::TrlText AsAnswer(const data::TrlText& prompt, const std::string& text) {
  data::TrlText answer{.conversational = prompt.conversational, .text = text};
  if (answer.conversational) answer = {.conversational = true, .messages = {{"assistant", text}}};
  return answer;
}

}  // namespace

double BestOfNKl(int64_t n) {
  const double m = static_cast<double>(n);
  return std::log(m) - (m - 1) / m;
}

namespace {

// What a prompt was answered with.
struct Drawn {
  const data::TrlRow* row = nullptr;
  std::vector<Sampled> said;
  std::vector<double> reward, gold;  // gold: empty where there is none
};

// The choice's worth for n = 1, 2, 4, …, all; emits each. Returns how many completions to choose among,
// and why not all.
std::pair<size_t, std::string> WatchChoice(const TrainSettings& s, const std::vector<Drawn>& drawn,
                                           const Surroundings& world) {
  const auto all = static_cast<size_t>(s.num_generations);
  std::vector<size_t> counts;
  for (size_t n = 1; n < all; n *= 2) counts.push_back(n);
  counts.push_back(all);
  GoodhartMonitor monitor({.planned = static_cast<int64_t>(counts.size()),
                           .kl_budget = s.kl_budget,
                           .stop_at_peak = s.stop_at_predicted_peak,
                           .curve = GaoCurve::kBestOfN});
  std::string why;
  for (size_t n : counts) {
    GoodhartCheck check{.at = static_cast<int64_t>(n), .kl = BestOfNKl(static_cast<int64_t>(n))};
    double lengths = 0, ended = 0, known = 0;
    for (const Drawn& d : drawn) {
      std::vector<double> length, end;
      for (const Sampled& one : d.said) {
        length.push_back(static_cast<double>(one.ids.size()));
        end.push_back(one.ended);
      }
      check.proxy.push_back(BestOfNMean(d.reward, d.reward, n));
      if (!d.gold.empty()) check.gold.push_back(BestOfNMean(d.reward, d.gold, n));
      if (const double mean = BestOfNMean(d.reward, length, n); !std::isnan(mean)) {
        lengths += mean;
        ended += BestOfNMean(d.reward, end, n);
        ++known;
      }
    }
    check.length = lengths / std::max(1.0, known);
    check.ended = ended / std::max(1.0, known);
    const GoodhartReading reading = monitor.Add(check);
    json::object event = GoodhartEvent(check, reading);
    event.erase("step");
    event.erase("distinct_2");
    event["n"] = check.at;
    world.emit(event);
    if (why.empty()) why = WhyOf(reading);
    if (!why.empty() && s.on_goodhart != "log") break;
  }
  if (why.empty() || s.on_goodhart == "log" || monitor.best() < 0) return {all, why};
  const int64_t best = monitor.checks()[static_cast<size_t>(monitor.best())].at;
  return {static_cast<size_t>(best), fmt::format("{}; the best of {} were taken", why, best)};
}

void AddAll(const Drawn& d, std::vector<json::object>& rows) {
  for (size_t i = 0; i < d.said.size(); ++i) {
    json::object row = {{"prompt_row", d.row->where},
                        {"completion", d.said[i].text},
                        {"ended", d.said[i].ended}};
    if (!std::isnan(d.reward[i])) row["reward"] = d.reward[i];
    if (!d.gold.empty() && !std::isnan(d.gold[i])) row["gold"] = d.gold[i];
    rows.push_back(std::move(row));
  }
}

// The best of the first `among`, and its pair with the worst of them where they differ.
void AddChoice(const Drawn& d, size_t among, std::vector<json::object>& best_rows,
               std::vector<json::object>& pair_rows) {
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < among; ++i)
    if (!std::isnan(d.reward[i])) order.emplace_back(d.reward[i], i);
  if (order.empty()) return;
  const auto worst = *std::ranges::min_element(order), best = *std::ranges::max_element(order);
  data::TrlRow row;
  row.shape = data::TrlShape::kPromptCompletion;
  row.prompt = d.row->prompt;
  row.completion = AsAnswer(row.prompt, d.said[best.second].text);
  row.extra["reward"] = best.first;
  best_rows.push_back(data::TrlRowToJson(row));
  if (best.first <= worst.first || d.said[best.second].text == d.said[worst.second].text) return;
  row.shape = data::TrlShape::kPreference;
  row.chosen = row.completion;
  row.rejected = AsAnswer(row.prompt, d.said[worst.second].text);
  row.extra = {{"margin", best.first - worst.first}};
  pair_rows.push_back(data::TrlRowToJson(row));
}

}  // namespace

Result<JobResult> RunBestOfN(const TrainSettings& s, const std::vector<OnlinePrompt>& prompts,
                             Roller& roller, const Rewarder& rewarder, const Rewarder* gold,
                             const TextOf& text,
                             const Surroundings& world) {
  const fs::path out = s.out;
  PLUMB_CHECK(MakeFolder(out));
  std::vector<Drawn> drawn;
  const auto n = static_cast<size_t>(s.num_generations);
  const size_t together = std::max<size_t>(1, 64 / n);
  double mean_sum = 0, best_sum = 0;
  size_t scored = 0;
  JobResult result;
  for (size_t begin = 0; begin < prompts.size(); begin += together) {
    if (world.stop && world.stop->load()) {
      result.loop.interrupted = true;
      break;
    }
    const size_t end = std::min(begin + together, prompts.size());
    std::vector<std::vector<int32_t>> asked;
    std::vector<uint64_t> seeds;
    for (size_t p = begin; p < end; ++p)
      for (size_t g = 0; g < n; ++g) {
        asked.push_back(prompts[p].ids);
        seeds.push_back(MixBits(static_cast<uint64_t>(s.seed)) ^ MixBits(p * n + g + 1));
      }
    PLUMB_TRY(std::vector<Completion> done, roller.Roll(asked, seeds));
    std::vector<Sampled> sampled;
    for (size_t i = 0; i < done.size(); ++i) {
      result.loop.tokens += static_cast<int64_t>(done[i].ids.size());
      const std::string said = text(done[i].ids);
      sampled.push_back({prompts[begin + i / n].row, said, std::move(done[i].ids), done[i].ended});
    }
    PLUMB_TRY(const auto scores, rewarder.Score(sampled));
    std::vector<std::vector<double>> gold_scores;
    if (gold) {
      PLUMB_TRY(gold_scores, gold->Score(sampled));
    }
    for (size_t p = begin; p < end; ++p) {
      Drawn d{.row = prompts[p].row};
      double best = -INFINITY;
      for (size_t i = (p - begin) * n; i < (p - begin + 1) * n; ++i) {
        d.reward.push_back(rewarder.Total(scores, i));
        if (gold) d.gold.push_back(gold->Total(gold_scores, i));
        if (!std::isnan(d.reward.back())) best = std::max(best, d.reward.back());
        d.said.push_back(std::move(sampled[i]));
      }
      if (const double mean = KnownMean(d.reward); !std::isnan(mean)) {
        mean_sum += mean;
        best_sum += best;
        ++scored;
      }
      drawn.push_back(std::move(d));
    }
    world.emit({{"event", "progress"},
                {"step", static_cast<int64_t>(end)},
                {"total", static_cast<int64_t>(prompts.size())},
                {"reward", mean_sum / static_cast<double>(std::max<size_t>(1, scored))},
                {"best_reward", best_sum / static_cast<double>(std::max<size_t>(1, scored))}});
  }
  size_t among = n;
  std::string why;
  if (s.Monitors() && scored > 0) std::tie(among, why) = WatchChoice(s, drawn, world);
  std::vector<json::object> best_rows, pair_rows, all_rows;
  for (const Drawn& d : drawn) {
    AddAll(d, all_rows);
    AddChoice(d, among, best_rows, pair_rows);
  }
  PLUMB_CHECK(WriteJsonl(out / "best.jsonl", best_rows));
  PLUMB_CHECK(WriteJsonl(out / "pairs.jsonl", pair_rows));
  PLUMB_CHECK(WriteJsonl(out / "completions.jsonl", all_rows));
  const double divide = static_cast<double>(std::max<size_t>(1, scored));
  json::object done = {{"event", result.loop.interrupted ? "interrupted" : "done"},
              {"rows", static_cast<int64_t>(best_rows.size())},
              {"pairs", static_cast<int64_t>(pair_rows.size())},
              {"reward", mean_sum / divide},
              {"best_reward", best_sum / divide},
              {"kl_bound", BestOfNKl(s.num_generations)},
              {"num_tokens", result.loop.tokens},
              {"seconds", world.seconds() - world.started},
              {"out", out.string()}};
  result.loop.stopped = among < n ? why : "";
  if (!result.loop.stopped.empty()) {
    done["stopped"] = why;
    done["failed"] = s.on_goodhart == "fail";
  }
  world.emit(done);
  return result;
}

}  // namespace plumb::train
