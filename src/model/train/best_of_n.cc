#include "model/train/best_of_n.h"

#include <algorithm>
#include <cmath>

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

Result<JobResult> RunBestOfN(const TrainSettings& s, const std::vector<OnlinePrompt>& prompts,
                             Roller& roller, const Rewarder& rewarder, const TextOf& text,
                             const Surroundings& world) {
  const fs::path out = s.out;
  PLUMB_CHECK(MakeFolder(out));
  std::vector<json::object> best_rows, pair_rows, all_rows;
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
    for (size_t p = begin; p < end; ++p) {
      std::vector<std::pair<double, size_t>> order;
      double sum = 0;
      for (size_t g = 0; g < n; ++g) {
        const size_t i = (p - begin) * n + g;
        const double reward = rewarder.Total(scores, i);
        json::object row = {{"prompt_row", prompts[p].row->where},
                            {"completion", sampled[i].text},
                            {"ended", sampled[i].ended}};
        if (!std::isnan(reward)) {
          row["reward"] = reward;
          order.emplace_back(reward, i);
          sum += reward;
        }
        all_rows.push_back(std::move(row));
      }
      if (order.empty()) continue;
      const auto worst = *std::ranges::min_element(order), best = *std::ranges::max_element(order);
      mean_sum += sum / static_cast<double>(order.size());
      best_sum += best.first;
      ++scored;
      data::TrlRow row;
      row.shape = data::TrlShape::kPromptCompletion;
      row.prompt = prompts[p].row->prompt;
      row.completion = AsAnswer(row.prompt, sampled[best.second].text);
      row.extra["reward"] = best.first;
      best_rows.push_back(data::TrlRowToJson(row));
      if (best.first <= worst.first || sampled[best.second].text == sampled[worst.second].text)
        continue;
      row.shape = data::TrlShape::kPreference;
      row.chosen = row.completion;
      row.rejected = AsAnswer(row.prompt, sampled[worst.second].text);
      row.extra = {{"margin", best.first - worst.first}};
      pair_rows.push_back(data::TrlRowToJson(row));
    }
    world.emit({{"event", "progress"},
                {"step", static_cast<int64_t>(end)},
                {"total", static_cast<int64_t>(prompts.size())},
                {"reward", mean_sum / static_cast<double>(std::max<size_t>(1, scored))},
                {"best_reward", best_sum / static_cast<double>(std::max<size_t>(1, scored))}});
  }
  PLUMB_CHECK(WriteJsonl(out / "best.jsonl", best_rows));
  PLUMB_CHECK(WriteJsonl(out / "pairs.jsonl", pair_rows));
  PLUMB_CHECK(WriteJsonl(out / "completions.jsonl", all_rows));
  const double divide = static_cast<double>(std::max<size_t>(1, scored));
  world.emit({{"event", result.loop.interrupted ? "interrupted" : "done"},
              {"rows", static_cast<int64_t>(best_rows.size())},
              {"pairs", static_cast<int64_t>(pair_rows.size())},
              {"reward", mean_sum / divide},
              {"best_reward", best_sum / divide},
              {"kl_bound", BestOfNKl(s.num_generations)},
              {"num_tokens", result.loop.tokens},
              {"seconds", world.seconds() - world.started},
              {"out", out.string()}});
  return result;
}

}  // namespace plumb::train
