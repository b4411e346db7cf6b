#include "measure/eval/tax.h"

#include <algorithm>
#include <map>

#include "measure/eval/compare.h"
#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

std::string SuiteKey(const Run& run) {
  const json::string *name = FindString(run.suite, "name"), *sha256 = FindString(run.suite, "sha256");
  return fmt::format("{} {}", name ? std::string_view(*name) : "?", sha256 ? std::string_view(*sha256).substr(0, 12) : "?");
}

Result<std::map<std::string, const Run*>> BySuite(const std::vector<Run>& runs) {
  std::map<std::string, const Run*> out;
  for (const Run& run : runs) {
    const auto [at, fresh] = out.emplace(SuiteKey(run), &run);
    if (!fresh) return Fail(Code::kInvalid, "suite '{}' is there twice on one side: runs {} and {}", at->first, at->second->id, run.id);
  }
  return out;
}

const Metric kAbility{.name = kAnswered, .clause = "", .kind = "", .lang = ""};

double DetectableOf(const Measure& measure) {
  if (measure.n() == 0) return 1;
  return stats::DetectableDifference(measure.n(), static_cast<double>(measure.counts.discordant()) / static_cast<double>(measure.n()));
}

}  // namespace

Result<AlignmentTax> TaxOf(const std::vector<Run>& before, const std::vector<Run>& after) {
  PLUMB_TRY(const auto earlier, BySuite(before));
  PLUMB_TRY(const auto later, BySuite(after));
  AlignmentTax out;
  // One set of cases; ids and groups of different suites may be alike, so they are told apart by the suite.
  std::vector<Run> sides(2);
  for (const auto& [suite, run] : earlier) {
    const auto found = later.find(suite);
    if (found == later.end()) continue;
    PLUMB_TRY(const auto pairs, PairSamples(*run, *found->second));
    auto measure = MeasureOf(kAbility, pairs);
    if (!measure || measure->n() == 0) continue;
    measure->detectable = DetectableOf(*measure);
    out.suites.push_back({suite.substr(0, suite.rfind(' ')), std::move(*measure)});
    out.same_conditions = out.same_conditions && run->settings == found->second->settings;
    for (int side = 0; side < 2; ++side) {
      for (Sample sample : (side ? *found->second : *run).samples) {
        sample.id = suite + "\n" + sample.id;
        sample.group = suite + "\n" + sample.group;
        sides[side].samples.push_back(std::move(sample));
      }
    }
  }
  if (out.suites.empty()) return Fail(Code::kInvalid, "no suite with cases that have a right answer (expect answer) was run on both sides");
  PLUMB_TRY(const auto pairs, PairSamples(sides[0], sides[1]));
  out.all = *MeasureOf(kAbility, pairs);
  out.all.detectable = out.detectable = DetectableOf(out.all);
  out.tax = {-out.all.difference.estimate, -out.all.difference.high, -out.all.difference.low};
  return out;
}

json::object TaxJson(const AlignmentTax& tax) {
  json::array suites;
  for (const TaxedSuite& one : tax.suites)
    suites.push_back(json::object{{"suite", one.suite}, {"n", one.measure.n()}, {"before", IntervalJson(one.measure.baseline)}, {"after", IntervalJson(one.measure.candidate)},
                                  {"difference", IntervalJson(one.measure.difference)}, {"detectable_difference", one.measure.detectable}, {"not_compared", one.measure.not_compared}});
  return {{"alignment_tax", IntervalJson(tax.tax)}, {"n", tax.all.n()}, {"groups", tax.all.groups}, {"lost", tax.all.counts.only_baseline}, {"gained", tax.all.counts.only_candidate},
          {"mcnemar_mid_p", tax.all.p_mid}, {"detectable", tax.detectable}, {"not_compared", tax.all.not_compared}, {"uncalibrated", tax.all.uncalibrated}, {"same_conditions", tax.same_conditions},
          {"suites", std::move(suites)}};
}

std::string TaxTable(const AlignmentTax& tax) {
  Table table({"answered right", "before", "after", "change", "95 % interval", "cases", "could have seen"});
  const auto row = [&](const std::string& name, const Measure& m) {
    table.Row({name, fmt::format("{:.1f} %", 100 * m.baseline.estimate), fmt::format("{:.1f} %", 100 * m.candidate.estimate), fmt::format("{:+.1f}", 100 * m.difference.estimate),
               fmt::format("{:+.1f} … {:+.1f}", 100 * m.difference.low, 100 * m.difference.high), fmt::format("{}", m.n()), fmt::format("{:.1f} points", 100 * m.detectable)});
  };
  for (const TaxedSuite& one : tax.suites) row(one.suite, one.measure);
  if (tax.suites.size() > 1) row("all, each case the same", tax.all);
  std::string text = table.Text();
  text += fmt::format("\nAlignment tax: {:.1f} points [{:.1f}, {:.1f}] ({} answers lost, {} gained); so many cases would have found {:.1f} points with 80 % power{}.\n", 100 * tax.tax.estimate,
                      100 * tax.tax.low, 100 * tax.tax.high, tax.all.counts.only_baseline, tax.all.counts.only_candidate, 100 * tax.detectable, Missing(tax.all));
  if (!tax.same_conditions) text += "The two sides were not asked under the same settings: the figure is of the difference in those, too.\n";
  return text;
}

}  // namespace plumb::eval
