#include "measure/eval/compare.h"

#include <algorithm>
#include <cmath>

#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

// What every comparison shows, where there are such cases.
constexpr const char* kShown[] = {kUnsafeRefused, kHarmlessRefused, kAnswered, kRedirected, kScored};

json::array Strings(const std::vector<std::string>& list) { return json::array(list.begin(), list.end()); }

}  // namespace

json::object IntervalJson(const stats::Interval& interval) {
  if (std::isnan(interval.estimate)) return {{"low", interval.low}, {"high", interval.high}};
  return {{"estimate", interval.estimate}, {"low", interval.low}, {"high", interval.high}};
}

const Measure* Comparison::Find(std::string_view name) const {
  const auto found = std::find_if(measures.begin(), measures.end(), [&](const Measure& m) { return m.name == name; });
  return found == measures.end() ? nullptr : &*found;
}

Result<Comparison> Compare(const Run& baseline, const Run& candidate) {
  Comparison out{.baseline = baseline.id, .candidate = candidate.id, .baseline_target = baseline.TargetName(),
                 .candidate_target = candidate.TargetName(), .measures = {}};
  out.same_suite = baseline.suite == candidate.suite;
  PLUMB_TRY(const std::vector<SamplePair> pairs, PairSamples(baseline, candidate));
  out.only_baseline = static_cast<int64_t>(baseline.samples.size() - pairs.size());
  out.only_candidate = static_cast<int64_t>(candidate.samples.size() - pairs.size());
  if (pairs.empty())
    return Fail(Code::kInvalid, "the two runs have no case in common: suites '{}' and '{}'",
                std::string_view(baseline.suite.at("name").as_string()),
                std::string_view(candidate.suite.at("name").as_string()));
  std::vector<double> p;
  for (const char* name : kShown) {
    if (auto measure = MeasureOf({.name = name, .clause = "", .kind = "", .lang = ""}, pairs)) {
      p.push_back(measure->p_mid);
      const stats::PairedCounts& counts = measure->counts;
      if (counts.n() > 0) measure->detectable = stats::DetectableDifference(counts.n(), static_cast<double>(counts.discordant()) / static_cast<double>(counts.n()));
      out.measures.push_back(std::move(*measure));
    }
  }
  const std::vector<double> adjusted = stats::HolmAdjust(p);
  for (size_t i = 0; i < adjusted.size(); ++i) out.measures[i].p_adjusted = adjusted[i];
  return out;
}

json::object ComparisonJson(const Comparison& comparison) {
  json::array measures;
  for (const Measure& m : comparison.measures) {
    measures.push_back(json::object{
        {"name", m.name},
        {"higher_is_better", m.higher_is_better},
        {"n", m.n()},
        {"groups", m.groups},
        {"not_compared", m.not_compared},
        {"uncalibrated", m.uncalibrated},
        {"baseline", IntervalJson(m.baseline)},
        {"candidate", IntervalJson(m.candidate)},
        {"difference", IntervalJson(m.difference)},
        {"both", m.counts.both},
        {"only_baseline", m.counts.only_baseline},
        {"only_candidate", m.counts.only_candidate},
        {"neither", m.counts.neither},
        {"mcnemar_exact_p", m.p_exact},
        {"mcnemar_mid_p", m.p_mid},
        {"holm_p", m.p_adjusted},
        {"detectable_difference", m.detectable},
        {"lost", Strings(m.lost)},
        {"gained", Strings(m.gained)}});
  }
  return {{"baseline", comparison.baseline},
          {"candidate", comparison.candidate},
          {"baseline_target", comparison.baseline_target},
          {"candidate_target", comparison.candidate_target},
          {"same_suite", comparison.same_suite},
          {"only_in_baseline", comparison.only_baseline},
          {"only_in_candidate", comparison.only_candidate},
          {"measures", std::move(measures)}};
}

std::string ComparisonTable(const Comparison& comparison) {
  Table table({"", "before", "after", "change", "95 % interval", "p (Holm)", "pairs", "could have seen"});
  for (const Measure& m : comparison.measures) {
    if (m.n() == 0) {
      table.Row({m.name, "–", "–", "", "", "", fmt::format("0 of {}", m.not_compared), ""});
      continue;
    }
    table.Row({m.name + (m.higher_is_better ? "" : " (lower is better)"), fmt::format("{:.1f} %", 100 * m.baseline.estimate),
               fmt::format("{:.1f} %", 100 * m.candidate.estimate), fmt::format("{:+.1f}", 100 * m.difference.estimate),
               fmt::format("{:+.1f} … {:+.1f}", 100 * m.difference.low, 100 * m.difference.high),
               m.p_adjusted < 0.0001 ? "<0.0001" : fmt::format("{:.4f}", m.p_adjusted), fmt::format("{}", m.n()),
               fmt::format("{:.1f} points", 100 * m.detectable)});
  }
  std::string text = fmt::format("before: {}\nafter:  {}\n\n{}", comparison.baseline_target, comparison.candidate_target,
                                 table.Text());
  if (const Measure* right = comparison.Find(kAnswered); right && right->n() > 0)
    text += fmt::format("\nAlignment tax: {:.1f} points [{:.1f}, {:.1f}] of right answers lost; over several suites: plumb eval tax.\n", -100 * right->difference.estimate,
                        -100 * right->difference.high, -100 * right->difference.low);
  int64_t missing = 0;
  for (const Measure& m : comparison.measures) {
    missing += m.not_compared;
    if (m.uncalibrated)
      text += fmt::format("\n{}: {} of {} pairs rest on an UNCALIBRATED judge: nobody has held it to people's labels.\n", m.name, m.uncalibrated, m.n());
  }
  if (missing) text += fmt::format("\n{} cases failed, did not run or were not judged in one of the runs and are not compared.\n", missing);
  if (!comparison.same_suite)
    text += fmt::format("\nThe suites differ; compared are the cases with the same id ({} only before, {} only after).\n",
                        comparison.only_baseline, comparison.only_candidate);
  return text;
}

}  // namespace plumb::eval
