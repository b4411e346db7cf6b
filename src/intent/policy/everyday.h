// Which harmless prompts stand for everyday traffic.
#pragma once

#include <vector>

#include "intent/policy/policy.h"

namespace plumb::policy {

// Kinds of "ordinary" examples that teach and are measured, but stand for nothing that is common: "tail", everyday prompts of kinds
// that alarm (a fake holiday, a weak password, weeds to be killed), and "multilingual" where the policy claims English alone.
inline constexpr std::string_view kTail = "tail", kMultilingual = "multilingual";

// Whether the promise of few false alarms is made on it: clause "ordinary", and of none of those kinds. A guard's scores of those
// that do in the general policy are spread as of instructions by other people (docs/guard.md).
bool StandsForEveryday(const Policy& policy, const Example& example);

// The "ordinary" examples of a split: those that stand for everyday traffic, or the others. One of each group: splits go by group, so
// that a large family of near copies would otherwise count as many independent prompts and hide what the others are like.
std::vector<Example> OrdinaryExamples(const Policy& policy, Split split, bool everyday);

}  // namespace plumb::policy
