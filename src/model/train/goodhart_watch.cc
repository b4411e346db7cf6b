#include "model/train/goodhart_watch.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "model/train/random.h"

namespace plumb::train {
namespace {

// The share of neighbouring token pairs, over all completions, that are different ones.
double DistinctPairs(const std::vector<Completion>& completions) {
  std::set<std::pair<int32_t, int32_t>> seen;
  size_t all = 0;
  for (const Completion& c : completions)
    for (size_t t = 1; t < c.ids.size(); ++t, ++all) seen.insert({c.ids[t - 1], c.ids[t]});
  return all > 0 ? static_cast<double>(seen.size()) / static_cast<double>(all) : 1;
}

Result<std::vector<double>> Totals(const Rewarder& rewarder, const std::vector<Sampled>& sampled) {
  PLUMB_TRY(const auto scores, rewarder.Score(sampled));
  std::vector<double> out;
  for (size_t i = 0; i < sampled.size(); ++i) out.push_back(rewarder.Total(scores, i));
  return out;
}

}  // namespace

std::vector<OnlinePrompt> SomePrompts(const std::vector<OnlinePrompt>& prompts, int64_t most) {
  const size_t n = prompts.size(), take = std::min(n, static_cast<size_t>(most));
  std::vector<OnlinePrompt> out;
  for (size_t i = 0; i < take; ++i) out.push_back(prompts[i * n / take]);
  return out;
}

GoodhartWatch::GoodhartWatch(const TrainSettings& s, std::vector<OnlinePrompt> prompts, Parts parts,
                             int64_t steps, int64_t per_generation)
    : settings_(s),
      prompts_(std::move(prompts)),
      parts_(std::move(parts)),
      monitor_({.planned = steps / std::max<int64_t>(1, per_generation * s.monitor_every) + 2,
                .kl_budget = s.kl_budget,
                .stop_at_peak = s.stop_at_predicted_peak}) {}

Result<GoodhartReading> GoodhartWatch::Check(
    int64_t step, const LogpsOf& policy, const LogpsOf& reference,
    std::vector<std::pair<std::string, double>>& metrics) {
  std::vector<std::vector<int32_t>> asked;
  std::vector<uint64_t> seeds;
  for (const OnlinePrompt& p : prompts_) {
    asked.push_back(p.ids);
    seeds.push_back(MixBits(static_cast<uint64_t>(settings_.seed) ^ 0x676f6f64) ^
                    MixBits(seeds.size() + 1));
  }
  PLUMB_TRY(const std::vector<Completion> said, parts_.roller.Roll(asked, seeds));
  GoodhartCheck check{.at = step};
  check.distinct_2 = DistinctPairs(said);
  std::vector<Sampled> sampled;
  std::vector<TokenRow> rows;
  for (size_t i = 0; i < said.size(); ++i) {
    sampled.push_back({prompts_[i].row, parts_.text(said[i].ids), said[i].ids, said[i].ended});
    TokenRow row;
    row.ids = asked[i];
    row.learn.assign(row.ids.size(), 0);
    row.ids.insert(row.ids.end(), said[i].ids.begin(), said[i].ids.end());
    row.learn.resize(row.ids.size(), 1);
    rows.push_back(std::move(row));
    check.length += static_cast<double>(said[i].ids.size()) / static_cast<double>(said.size());
    check.ended += said[i].ended / static_cast<double>(said.size());
  }
  PLUMB_TRY(check.proxy, Totals(parts_.proxy, sampled));
  if (parts_.gold) {
    PLUMB_TRY(check.gold, Totals(*parts_.gold, sampled));
    if (monitor_.checks().empty() && std::isnan(KnownMean(check.gold)))
      return Fail(Code::kInvalid, "no gold reward has anything to say of any completion");
  }
  const std::vector<double> now = policy(rows), then = reference(rows);
  for (size_t i = 0; i < rows.size(); ++i)
    check.kl += (now[i] - then[i]) / static_cast<double>(rows.size());

  if (parts_.opinions) {
    Sycophancy seen = parts_.opinions->Measure(policy);
    check.sway = std::move(seen.sway);
    check.agreement = seen.agreement;
    check.mistaken = seen.mistaken;
  }

  const GoodhartReading reading = monitor_.Add(check);
  metrics.emplace_back("goodhart/proxy", KnownMean(check.proxy));
  if (parts_.gold) metrics.emplace_back("goodhart/gold", KnownMean(check.gold));
  metrics.insert(metrics.end(), {{"goodhart/kl", check.kl},
                                 {"goodhart/length", check.length},
                                 {"goodhart/distinct_2", check.distinct_2},
                                 {"goodhart/ended", check.ended},
                                 {"goodhart/alarms", static_cast<double>(reading.alarms.size())}});
  if (!check.sway.empty())
    metrics.insert(metrics.end(), {{"goodhart/sway", KnownMean(check.sway)}, {"goodhart/agreement", check.agreement}});
  parts_.emit(GoodhartEvent(check, reading));
  return reading;
}

}  // namespace plumb::train
