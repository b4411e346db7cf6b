#include "measure/eval/summary.h"

#include <cmath>
#include <map>
#include <set>

#include "base/stats/stats.h"
#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

json::object RateJson(const Rate& rate) {
  json::object out{{"name", rate.name}, {"hits", rate.hits}, {"n", rate.n}, {"groups", rate.groups}};
  if (rate.errors) out["errors"] = rate.errors;
  if (rate.not_run) out["not_run"] = rate.not_run;
  if (rate.undecided) out["undecided"] = rate.undecided;
  if (rate.uncalibrated) out["uncalibrated"] = rate.uncalibrated;
  if (rate.n > 0) {
    out["rate"] = rate.interval.estimate;
    out["low"] = rate.interval.low;
    out["high"] = rate.interval.high;
  }
  return out;
}

json::array RatesJson(const std::vector<Rate>& rates) {
  json::array out;
  for (const Rate& rate : rates) out.push_back(RateJson(rate));
  return out;
}

// Rates of passing for each value of one field, in order; empty values are left out.
std::vector<Rate> Breakdown(const std::vector<Sample>& samples, std::string Sample::*field) {
  std::set<std::string> values;
  for (const Sample& sample : samples) {
    if (!(sample.*field).empty()) values.insert(sample.*field);
  }
  std::vector<Rate> out;
  for (const std::string& value : values) {
    out.push_back(RateOf(value, samples, [&](const Sample& s) { return s.*field == value; }, Hit::kPassed));
  }
  return out;
}

void AddRows(Table& table, const std::vector<Rate>& rates, std::string_view indent) {
  for (const Rate& rate : rates) {
    table.Row({fmt::format("{}{}", indent, rate.name), rate.n ? fmt::format("{:.1f} %", 100 * rate.interval.estimate) : "–",
               rate.n ? fmt::format("{:.1f}–{:.1f}", 100 * rate.interval.low, 100 * rate.interval.high) : "",
               fmt::format("{}/{}", rate.hits, rate.n),
               rate.Caveat()});
  }
}

}  // namespace

std::string Rate::Caveat() const {
  std::vector<std::string> parts;
  if (errors + not_run > 0) parts.push_back(fmt::format("{} failed, {} not run", errors, not_run));
  if (undecided > 0) parts.push_back(fmt::format("{} not judged", undecided));
  if (uncalibrated > 0) parts.push_back(fmt::format("{} of {} by an UNCALIBRATED judge", uncalibrated, n));
  return Join(parts, "; ");
}

std::optional<bool> IsHit(const Sample& sample, Hit hit) {
  if (hit == Hit::kSelected) return Selected(sample);
  if (hit == Hit::kRefused) return sample.refused;
  return Undecided(sample) ? std::nullopt : std::optional(sample.passed);
}

Rate RateOf(std::string name, const std::vector<Sample>& samples, const std::function<bool(const Sample&)>& of, Hit hit, double confidence) {
  Rate rate;
  rate.name = std::move(name);
  std::vector<double> values;
  std::vector<int64_t> cluster;
  std::map<std::string, int64_t> groups;
  for (const Sample& sample : samples) {
    if (!of(sample)) continue;
    if (sample.status == SampleStatus::kError) ++rate.errors;
    if (sample.status == SampleStatus::kNotRun) ++rate.not_run;
    if (sample.status != SampleStatus::kOk) continue;
    const std::optional<bool> counts = IsHit(sample, hit);
    if (!counts) {
      ++rate.undecided;
      continue;
    }
    ++rate.n;
    rate.hits += *counts;
    rate.uncalibrated += hit == Hit::kPassed && sample.judge == JudgeState::kUncalibrated;
    values.push_back(*counts);
    cluster.push_back(groups.try_emplace(sample.group, static_cast<int64_t>(groups.size())).first->second);
  }
  rate.groups = static_cast<int64_t>(groups.size());
  rate.interval = stats::Wilson(rate.hits, rate.n, confidence);
  // Cases that hang together: never report less uncertainty than the clusters have. With every case alike the
  // bootstrap has no width; there Wilson over the clusters is what is known.
  if (rate.n > 0 && rate.groups < rate.n) {
    if (rate.hits == 0 || rate.hits == rate.n) {
      rate.interval = stats::Wilson(rate.hits ? rate.groups : 0, rate.groups, confidence);
    } else {
      rate.interval = stats::ClusteredBootstrapMean(values, cluster, {.draws = confidence > 0.95 ? 10000 : 2000, .confidence = confidence});
    }
  }
  return rate;
}

Summary Summarize(const std::vector<Sample>& samples) {
  Summary out;
  out.cases = static_cast<int64_t>(samples.size());
  for (const Sample& sample : samples) {
    ++(sample.status == SampleStatus::kOk ? out.ok : sample.status == SampleStatus::kError ? out.errors : out.not_run);
  }
  const auto add = [&](const char* name, std::optional<data::Expect> expect, bool refused) {
    Rate rate = RateOf(name, samples, [&](const Sample& s) { return !expect || s.expect == *expect; },
                       refused ? Hit::kRefused : Hit::kPassed);
    if (rate.n + rate.errors + rate.not_run + rate.undecided > 0) out.rates.push_back(std::move(rate));
  };
  add("passed", std::nullopt, false);
  add("unsafe refused", data::Expect::kRefuse, true);
  add("harmless refused", data::Expect::kComply, true);
  add("answered right", data::Expect::kAnswer, false);
  add("redirected", data::Expect::kRedirect, false);
  out.by_clause = Breakdown(samples, &Sample::clause);
  out.by_kind = Breakdown(samples, &Sample::kind);
  out.by_lang = Breakdown(samples, &Sample::lang);
  if (out.by_lang.size() < 2) out.by_lang.clear();
  return out;
}

json::object SummaryJson(const Summary& summary) {
  json::object out{{"cases", summary.cases},   {"ok", summary.ok}, {"errors", summary.errors},
                   {"not_run", summary.not_run}, {"rates", RatesJson(summary.rates)}};
  if (!summary.by_clause.empty()) out["by_clause"] = RatesJson(summary.by_clause);
  if (!summary.by_kind.empty()) out["by_kind"] = RatesJson(summary.by_kind);
  if (!summary.by_lang.empty()) out["by_lang"] = RatesJson(summary.by_lang);
  return out;
}

std::string Percent(const Rate& rate) {
  if (rate.n == 0) return "– (n=0)";
  return fmt::format("{:.1f} % [{:.1f}, {:.1f}] n={}{}", 100 * rate.interval.estimate, 100 * rate.interval.low,
                     100 * rate.interval.high, rate.n, rate.uncalibrated ? ", UNCALIBRATED judge" : "");
}

std::string SummaryTable(const Summary& summary) {
  Table table({"", "rate", "95 % interval", "cases", ""});
  AddRows(table, summary.rates, "");
  for (const auto& [title, rates] : {std::pair{"passed, by clause", &summary.by_clause},
                                     std::pair{"passed, by kind", &summary.by_kind},
                                     std::pair{"passed, by language", &summary.by_lang}}) {
    if (rates->empty()) continue;
    table.Row({title});
    AddRows(table, *rates, "  ");
  }
  return table.Text();
}

}  // namespace plumb::eval
