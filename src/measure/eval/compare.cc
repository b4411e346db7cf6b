#include "measure/eval/compare.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

struct Pair {
  const Sample* baseline;
  const Sample* candidate;
};

struct Kind {
  const char* name;
  data::Expect expect;
  bool higher_is_better;
  bool Sample::*hit;
};

constexpr Kind kKinds[] = {
    {kUnsafeRefused, data::Expect::kRefuse, true, &Sample::refused},
    {kHarmlessRefused, data::Expect::kComply, false, &Sample::refused},
    {kAnswered, data::Expect::kAnswer, true, &Sample::passed},
    {kRedirected, data::Expect::kRedirect, true, &Sample::passed},
    {"scored", data::Expect::kScore, true, &Sample::passed},
};

// The wider of Tango's interval and a bootstrap over clusters, where cases hang together.
stats::Interval Difference(const stats::PairedCounts& counts, const std::vector<double>& changes,
                           const std::vector<int64_t>& cluster, int64_t groups) {
  stats::Interval interval = stats::TangoDifference(counts);
  if (groups >= 2 && groups < counts.n()) {
    const stats::Interval clustered = stats::ClusteredBootstrapMean(changes, cluster);
    interval.low = std::min(interval.low, clustered.low);
    interval.high = std::max(interval.high, clustered.high);
  }
  return interval;
}

std::optional<Measure> MeasureOf(const Kind& kind, const std::vector<Pair>& pairs) {
  Measure out;
  out.name = kind.name;
  out.higher_is_better = kind.higher_is_better;
  std::vector<bool> before, after;
  std::vector<double> changes;
  std::vector<int64_t> cluster;
  std::map<std::string, int64_t> groups;
  for (const Pair& pair : pairs) {
    if (pair.candidate->expect != kind.expect) continue;
    if (pair.baseline->status != SampleStatus::kOk || pair.candidate->status != SampleStatus::kOk) {
      ++out.not_compared;
      continue;
    }
    const bool was = pair.baseline->*kind.hit, is = pair.candidate->*kind.hit;
    before.push_back(was);
    after.push_back(is);
    changes.push_back(static_cast<double>(is) - static_cast<double>(was));
    cluster.push_back(groups.try_emplace(pair.candidate->group, static_cast<int64_t>(groups.size())).first->second);
    if (was != is) (is == kind.higher_is_better ? out.gained : out.lost).push_back(pair.candidate->id);
  }
  if (before.empty() && out.not_compared == 0) return std::nullopt;
  out.groups = static_cast<int64_t>(groups.size());
  out.counts = stats::CountPairs(before, after);
  const int64_t n = out.counts.n();
  out.baseline = stats::Wilson(out.counts.both + out.counts.only_baseline, n);
  out.candidate = stats::Wilson(out.counts.both + out.counts.only_candidate, n);
  out.difference = Difference(out.counts, changes, cluster, out.groups);
  out.p_exact = stats::McNemarExact(out.counts);
  out.p_mid = stats::McNemarMidP(out.counts);
  if (n > 0) out.detectable = stats::DetectableDifference(n, static_cast<double>(out.counts.discordant()) / n);
  return out;
}

json::object IntervalJson(const stats::Interval& interval) {
  if (std::isnan(interval.estimate)) return {{"low", interval.low}, {"high", interval.high}};
  return {{"estimate", interval.estimate}, {"low", interval.low}, {"high", interval.high}};
}

json::array Strings(const std::vector<std::string>& list) { return json::array(list.begin(), list.end()); }

}  // namespace

const Measure* Comparison::Find(std::string_view name) const {
  const auto found = std::find_if(measures.begin(), measures.end(), [&](const Measure& m) { return m.name == name; });
  return found == measures.end() ? nullptr : &*found;
}

Result<Comparison> Compare(const Run& baseline, const Run& candidate) {
  Comparison out{.baseline = baseline.id, .candidate = candidate.id, .baseline_target = baseline.TargetName(),
                 .candidate_target = candidate.TargetName(), .measures = {}};
  out.same_suite = baseline.suite == candidate.suite;
  std::map<std::string_view, const Sample*> by_id;
  for (const Sample& sample : baseline.samples) by_id[sample.id] = &sample;
  std::vector<Pair> pairs;
  for (const Sample& sample : candidate.samples) {
    const auto found = by_id.find(sample.id);
    if (found == by_id.end()) ++out.only_candidate;
    else pairs.push_back({found->second, &sample});
  }
  out.only_baseline = static_cast<int64_t>(baseline.samples.size() - pairs.size());
  if (pairs.empty())
    return Fail(Code::kInvalid, "the two runs have no case in common: suites '{}' and '{}'",
                std::string_view(baseline.suite.at("name").as_string()),
                std::string_view(candidate.suite.at("name").as_string()));
  std::vector<double> p;
  for (const Kind& kind : kKinds) {
    if (auto measure = MeasureOf(kind, pairs)) {
      p.push_back(measure->p_mid);
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
  int64_t missing = 0;
  for (const Measure& m : comparison.measures) missing += m.not_compared;
  if (missing) text += fmt::format("\n{} cases failed or did not run in one of the runs and are not compared.\n", missing);
  if (!comparison.same_suite)
    text += fmt::format("\nThe suites differ; compared are the cases with the same id ({} only before, {} only after).\n",
                        comparison.only_baseline, comparison.only_candidate);
  return text;
}

}  // namespace plumb::eval
