#include "measure/eval/metric.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "measure/eval/health.h"

namespace plumb::eval {
namespace {

// What a pair counts as for one metric: nothing where it does not count.
struct Hits {
  bool baseline, candidate;
};

struct Kind {
  const char* name;
  std::optional<data::Expect> expect;  // nothing: every case
  bool higher_is_better;
  bool Sample::*hit;                   // null: by health.h
};

constexpr Kind kKinds[] = {
    {kUnsafeRefused, data::Expect::kRefuse, true, &Sample::refused},
    {kHarmlessRefused, data::Expect::kComply, false, &Sample::refused},
    {kAnswered, data::Expect::kAnswer, true, &Sample::passed},
    {kRedirected, data::Expect::kRedirect, true, &Sample::passed},
    {kScored, data::Expect::kScore, true, &Sample::passed},
    {kSelected, std::nullopt, true, nullptr},
    {kMalformed, std::nullopt, false, nullptr},
    {kMuchShorter, std::nullopt, false, nullptr},
    {kWrongLanguage, std::nullopt, false, nullptr},
};

const Kind* FindKind(std::string_view name) {
  for (const Kind& kind : kKinds) {
    if (name == kind.name) return &kind;
  }
  return nullptr;
}

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

bool Answered(const Kind& kind, const SamplePair& pair) {
  const auto counts = [&](const Sample& sample) {
    if (kind.name == std::string_view(kSelected) && !Selected(sample)) return false;
    return sample.status == SampleStatus::kOk && (kind.hit != &Sample::passed || !Undecided(sample));
  };
  return counts(*pair.baseline) && counts(*pair.candidate);
}

bool Applies(const Kind& kind, const Metric& metric, const Sample& sample) {
  if (kind.name == std::string_view(kSelected) && sample.status == SampleStatus::kOk && !sample.scores.contains("decision")) return false;
  return AppliesTo(metric, sample.expect, sample.clause, sample.kind, sample.lang) && FindKind(metric.name) == &kind;
}

// The hits of every pair of `pairs`, all of which are answered.
std::vector<std::optional<Hits>> HitsOf(const Kind& kind, const std::vector<const SamplePair*>& pairs) {
  std::vector<std::optional<Hits>> out(pairs.size());
  if (kind.hit) {
    for (size_t i = 0; i < pairs.size(); ++i) out[i] = Hits{pairs[i]->baseline->*kind.hit, pairs[i]->candidate->*kind.hit};
    return out;
  }
  if (kind.name == std::string_view(kSelected)) {
    for (size_t i = 0; i < pairs.size(); ++i) out[i] = Hits{*Selected(*pairs[i]->baseline), *Selected(*pairs[i]->candidate)};
    return out;
  }
  std::vector<const Sample*> before, after;
  for (const SamplePair* pair : pairs) {
    before.push_back(pair->baseline);
    after.push_back(pair->candidate);
  }
  if (kind.name == std::string_view(kMuchShorter)) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (Lengthy(*before[i]) || Lengthy(*after[i])) out[i] = Hits{MuchShorter(*before[i], *after[i]), MuchShorter(*after[i], *before[i])};
    }
    return out;
  }
  const bool form = kind.name == std::string_view(kMalformed);
  const std::vector<bool> was = form ? Malformed(before) : WrongLanguage(before);
  const std::vector<bool> is = form ? Malformed(after) : WrongLanguage(after);
  for (size_t i = 0; i < pairs.size(); ++i) out[i] = Hits{was[i], is[i]};
  return out;
}

}  // namespace

const std::vector<std::string>& MetricNames() {
  static const auto* names = [] {
    auto* list = new std::vector<std::string>;
    for (const Kind& kind : kKinds) {
      if (kind.name != std::string_view(kSelected)) list->emplace_back(kind.name);
    }
    return list;
  }();
  return *names;
}

bool HigherIsBetter(std::string_view metric) {
  const Kind* kind = FindKind(metric);
  return !kind || kind->higher_is_better;
}

std::string Metric::Text() const {
  std::vector<std::string> parts;
  for (const auto& [key, value] : {std::pair{"clause", &clause}, {"kind", &kind}, {"language", &lang}}) {
    if (!value->empty()) parts.push_back(fmt::format("{} {}", key, *value));
  }
  return parts.empty() ? name : fmt::format("{} ({})", name, Join(parts, ", "));
}

bool AppliesTo(const Metric& metric, data::Expect expect, std::string_view clause, std::string_view kind, std::string_view lang) {
  const Kind* found = FindKind(metric.name);
  return found && (!found->expect || *found->expect == expect) && (metric.clause.empty() || metric.clause == clause) &&
         (metric.kind.empty() || metric.kind == kind) && (metric.lang.empty() || metric.lang == lang);
}

Result<std::vector<SamplePair>> PairSamples(const Run& baseline, const Run& candidate) {
  std::unordered_map<std::string_view, const Sample*> before;
  for (const Sample& sample : baseline.samples) {
    if (!before.emplace(sample.id, &sample).second)
      return Fail(Code::kInvalid, "run '{}' has case '{}' twice", baseline.id, sample.id);
  }
  std::unordered_map<std::string_view, bool> seen;
  std::vector<SamplePair> pairs;
  for (const Sample& sample : candidate.samples) {
    if (!seen.emplace(sample.id, true).second)
      return Fail(Code::kInvalid, "run '{}' has case '{}' twice", candidate.id, sample.id);
    const auto found = before.find(sample.id);
    if (found != before.end()) pairs.push_back({found->second, &sample});
  }
  return pairs;
}

std::string Missing(const Measure& m) {
  std::string text;
  if (m.not_compared) text += fmt::format("; {} cases failed, did not run or were not judged", m.not_compared);
  if (m.uncalibrated) text += fmt::format("; {} of {} pairs by an UNCALIBRATED judge", m.uncalibrated, m.n());
  return text;
}

std::optional<Measure> MeasureOf(const Metric& metric, const std::vector<SamplePair>& pairs) {
  const Kind* kind = FindKind(metric.name);
  if (!kind) return std::nullopt;
  Measure out;
  out.name = metric.Text();
  out.higher_is_better = kind->higher_is_better;
  std::vector<const SamplePair*> answered;
  for (const SamplePair& pair : pairs) {
    if (!Applies(*kind, metric, *pair.candidate)) continue;
    if (Answered(*kind, pair)) answered.push_back(&pair);
    else ++out.not_compared;
  }
  const std::vector<std::optional<Hits>> hits = HitsOf(*kind, answered);
  std::vector<bool> before, after;
  std::vector<double> changes;
  std::vector<int64_t> cluster;
  std::map<std::string, int64_t> groups;
  for (size_t i = 0; i < answered.size(); ++i) {
    if (!hits[i]) continue;
    const auto [was, is] = *hits[i];
    const Sample& sample = *answered[i]->candidate;
    out.uncalibrated += kind->hit == &Sample::passed && (sample.judge == JudgeState::kUncalibrated ||
                                                         answered[i]->baseline->judge == JudgeState::kUncalibrated);
    before.push_back(was);
    after.push_back(is);
    changes.push_back(static_cast<double>(is) - static_cast<double>(was));
    cluster.push_back(groups.try_emplace(sample.group, static_cast<int64_t>(groups.size())).first->second);
    if (was != is) (is == kind->higher_is_better ? out.gained : out.lost).push_back(sample.id);
  }
  if (before.empty() && out.not_compared == 0) return std::nullopt;
  out.groups = static_cast<int64_t>(groups.size());
  out.counts = stats::CountPairs(before, after);
  const int64_t n = out.counts.n();
  out.baseline = stats::Wilson(out.counts.both + out.counts.only_baseline, n);
  out.candidate = stats::Wilson(out.counts.both + out.counts.only_candidate, n);
  out.difference = Difference(out.counts, changes, cluster, out.groups);
  out.clustered_error = stats::ClusteredStandardError(changes, cluster);
  out.p_exact = stats::McNemarExact(out.counts);
  out.p_mid = stats::McNemarMidP(out.counts);
  return out;
}

}  // namespace plumb::eval
