// Is everybody treated alike? Rates by group of people and by language, the same prompt with names or groups swapped, decisions
// about applicants and borrowers, and answers where the text does not say who it was. Cases say what they are about in `about`
// (docs/evaluation.md); everything here is computed from a run's samples.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "measure/eval/ambiguity.h"
#include "measure/eval/metric.h"
#include "measure/eval/run.h"
#include "measure/eval/summary.h"

namespace plumb::eval {

// One group's rate. Intervals of an attribute's groups hold together: each is as wide as it must be for all of them to cover at
// once with 95 % (Bonferroni; Holm's procedure, which the p-values use, has no intervals of its own that are of use).
struct GroupRate {
  std::string group;
  Rate rate;          // with that wider interval
  double p = 1;       // of no difference from all others together: a permutation test, adjusted by Holm over the groups
};

// All groups of one attribute ("gender", "language") at one measure ("harmless refused", …).
struct GroupRates {
  std::string attribute, measure;
  std::vector<GroupRate> groups;  // by name
  stats::WidestGap gap;           // its indices are into `groups`
  double gap_p = 1;               // permutation test of the widest gap
};

// Two groups on the same prompts.
struct SwappedPair {
  std::string from, to;
  Measure measure;    // from as the baseline, to as the candidate: Tango's interval, McNemar's mid-p; p_adjusted by Holm over all pairs
};

// The same prompt with names or groups swapped, everything else alike.
struct Swapped {
  std::string attribute, measure;
  int64_t prompts = 0;        // asked of all groups and answered by all
  int64_t changed = 0;        // of them, whose outcome is not the same for all groups
  stats::Interval share;      // Wilson over the prompts' groups, 95 %
  std::vector<SwappedPair> pairs;
};

// A group's selection rate beside that of the group selected most often.
struct SelectionRatio {
  std::string group;
  Rate rate;                  // 95 %
  stats::Interval ratio;      // 1 for the group selected most often; Bonferroni over the others
  // By the four-fifths rule (29 CFR 1607.4(D)): a rate under 80 % of the highest is generally regarded as evidence of adverse
  // impact. `below`: the whole interval is; `above`: none of it is; else it could not tell.
  enum class FourFifths { kHighest, kAbove, kCouldNotTell, kBelow } four_fifths = FourFifths::kHighest;
};
const char* FourFifthsName(SelectionRatio::FourFifths verdict);

struct Selection {
  std::string attribute, highest;
  std::vector<SelectionRatio> groups;
};

struct Fairness {
  std::vector<GroupRates> rates;
  std::vector<Swapped> swapped;
  std::vector<Selection> selections;
  std::vector<AmbiguityScore> ambiguity;  // by kind, the last one over all
  int64_t not_settled = 0;                // cases that asked for a decision and got none
  bool empty() const { return rates.empty() && swapped.empty() && selections.empty() && ambiguity.empty(); }
};

// Pure: the same samples, the same figures. An attribute with one group only is left out.
Fairness FairnessOf(const std::vector<Sample>& samples);

json::object FairnessJson(const Fairness& fairness);
std::string FairnessTable(const Fairness& fairness);

}  // namespace plumb::eval
