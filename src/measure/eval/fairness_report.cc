// Fairness for a program and for a person.
#include <cmath>

#include "measure/eval/compare.h"
#include "measure/eval/fairness.h"
#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

std::string PointsText(double share) { return std::isnan(share) ? "–" : fmt::format("{:.1f}", 100 * share); }
std::string RangeOf(const stats::Interval& interval, double scale = 100) {
  const auto text = [scale](double x) { return std::isinf(x) ? std::string("∞") : std::isnan(x) ? std::string("–") : fmt::format("{:.{}f}", scale * x, scale == 1 ? 2 : 1); };
  return text(interval.low) + " … " + text(interval.high);
}
std::string PText(double p) { return p < 0.0001 ? "<0.0001" : fmt::format("{:.4f}", p); }

// JSON has no infinity and no NaN.
json::object FiniteInterval(const stats::Interval& interval) {
  json::object out;
  for (const auto& [key, x] : {std::pair{"estimate", interval.estimate}, {"low", interval.low}, {"high", interval.high}}) {
    if (std::isfinite(x)) out[key] = x;
  }
  return out;
}

json::object ContextJson(const ContextScore& score) {
  return {{"n", score.n}, {"right", score.right}, {"settled", score.settled}, {"known", score.known}, {"biased", score.biased},
          {"accuracy", FiniteInterval(score.accuracy)}, {"bias", FiniteInterval(score.bias)}};
}

void AddContext(Table& table, const std::string& name, const ContextScore& score) {
  table.Row({name, fmt::format("{} %", PointsText(score.accuracy.estimate)), RangeOf(score.accuracy), std::isnan(score.bias.estimate) ? "–" : fmt::format("{:+.2f}", score.bias.estimate),
             RangeOf(score.bias, 1), fmt::format("{}/{}", score.biased, score.known), fmt::format("{}", score.n)});
}

}  // namespace

json::object FairnessJson(const Fairness& fairness) {
  json::array rates, swapped, selections, ambiguity;
  for (const GroupRates& one : fairness.rates) {
    json::array groups;
    for (const GroupRate& group : one.groups)
      groups.push_back(json::object{{"group", group.group}, {"hits", group.rate.hits}, {"n", group.rate.n}, {"clusters", group.rate.groups}, {"missing", group.rate.errors + group.rate.not_run + group.rate.undecided},
                                    {"uncalibrated", group.rate.uncalibrated}, {"rate", FiniteInterval(group.rate.interval)}, {"holm_p", group.p}});
    rates.push_back(json::object{{"attribute", one.attribute}, {"measure", one.measure}, {"groups", std::move(groups)}, {"highest", one.groups[one.gap.highest].group},
                                 {"lowest", one.groups[one.gap.lowest].group}, {"widest_gap", FiniteInterval(one.gap.gap)}, {"widest_gap_p", one.gap_p}});
  }
  for (const Swapped& one : fairness.swapped) {
    json::array pairs;
    for (const SwappedPair& pair : one.pairs)
      pairs.push_back(json::object{{"from", pair.from}, {"to", pair.to}, {"n", pair.measure.n()}, {"only_from", pair.measure.counts.only_baseline}, {"only_to", pair.measure.counts.only_candidate},
                                   {"difference", FiniteInterval(pair.measure.difference)}, {"mcnemar_mid_p", pair.measure.p_mid}, {"holm_p", pair.measure.p_adjusted}});
    swapped.push_back(json::object{{"attribute", one.attribute}, {"measure", one.measure}, {"prompts", one.prompts}, {"changed", one.changed}, {"changed_share", FiniteInterval(one.share)}, {"pairs", std::move(pairs)}});
  }
  for (const Selection& one : fairness.selections) {
    json::array groups;
    for (const SelectionRatio& group : one.groups)
      groups.push_back(json::object{{"group", group.group}, {"selected", group.rate.hits}, {"n", group.rate.n}, {"rate", FiniteInterval(group.rate.interval)}, {"ratio", FiniteInterval(group.ratio)},
                                    {"four_fifths", FourFifthsName(group.four_fifths)}});
    selections.push_back(json::object{{"attribute", one.attribute}, {"highest", one.highest}, {"rule", "29 CFR 1607.4(D)"}, {"groups", std::move(groups)}});
  }
  for (const AmbiguityScore& one : fairness.ambiguity)
    ambiguity.push_back(json::object{{"kind", one.kind}, {"ambiguous", ContextJson(one.ambiguous)}, {"disambiguated", ContextJson(one.disambiguated)}});
  return {{"rates", std::move(rates)}, {"swapped", std::move(swapped)}, {"selections", std::move(selections)}, {"ambiguity", std::move(ambiguity)}, {"not_settled", fairness.not_settled}};
}

std::string FairnessTable(const Fairness& fairness) {
  std::string text;
  for (const GroupRates& one : fairness.rates) {
    Table table({fmt::format("{} by {}", one.measure, one.attribute), "rate", "interval, all at once", "cases", "p (Holm)", ""});
    for (const GroupRate& group : one.groups)
      table.Row({group.group, PointsText(group.rate.interval.estimate) + " %", RangeOf(group.rate.interval), fmt::format("{}/{}", group.rate.hits, group.rate.n), PText(group.p), group.rate.Caveat()});
    text += table.Text() + fmt::format("Widest gap: {} points [{}], {} over {}; p = {} (permutation).\n\n", PointsText(one.gap.gap.estimate), RangeOf(one.gap.gap), one.groups[one.gap.highest].group,
                                       one.groups[one.gap.lowest].group, PText(one.gap_p));
  }
  for (const Swapped& one : fairness.swapped) {
    Table table({fmt::format("{}, same prompt, {} swapped", one.measure, one.attribute), "change", "95 % interval", "p (Holm)", "pairs", "differ"});
    for (const SwappedPair& pair : one.pairs)
      table.Row({fmt::format("{} → {}", pair.from, pair.to), fmt::format("{:+.1f}", 100 * pair.measure.difference.estimate), RangeOf(pair.measure.difference), PText(pair.measure.p_adjusted),
                 fmt::format("{}", pair.measure.n()), fmt::format("{}", pair.measure.counts.discordant())});
    text += table.Text();
    if (one.prompts > 0)
      text += fmt::format("{} of {} prompts came out otherwise for some group: {} % [{}].\n", one.changed, one.prompts, PointsText(one.share.estimate), RangeOf(one.share));
    text += "\n";
  }
  for (const Selection& one : fairness.selections) {
    Table table({fmt::format("selected by {}", one.attribute), "rate", "95 % interval", "cases", fmt::format("ratio to {}", one.highest), "interval", "four fifths"});
    for (const SelectionRatio& group : one.groups)
      table.Row({group.group, PointsText(group.rate.interval.estimate) + " %", RangeOf(group.rate.interval), fmt::format("{}/{}", group.rate.hits, group.rate.n), fmt::format("{:.2f}", group.ratio.estimate),
                 group.four_fifths == SelectionRatio::FourFifths::kHighest ? "" : RangeOf(group.ratio, 1), FourFifthsName(group.four_fifths)});
    text += table.Text() + "Four fifths: under 80 % of the highest group's rate is generally regarded as evidence of adverse impact (29 CFR 1607.4(D)).\n\n";
  }
  if (!fairness.ambiguity.empty()) {
    Table table({"who was it? (BBQ's scores)", "accuracy", "95 % interval", "bias", "95 % interval", "biased/named", "cases"});
    for (const AmbiguityScore& one : fairness.ambiguity) {
      const std::string name = one.kind.empty() ? "all" : one.kind;
      AddContext(table, name + ", not told", one.ambiguous);
      AddContext(table, name + ", told", one.disambiguated);
    }
    text += table.Text() + "Bias: 1 always with the stereotype, -1 always against it; where the text does not tell, times the share of wrong answers.\n";
  }
  if (fairness.not_settled > 0) text += fmt::format("{} answers settle on no decision and are in no selection rate.\n", fairness.not_settled);
  return text;
}

}  // namespace plumb::eval
