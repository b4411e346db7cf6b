// On-policy pairs for DPO: what the fine-tuned model really says is the rejected side where it is wrong, and some of what it says
// rightly comes along, so that neither direction is unlearned. SFT leaves many that it has taught wrong (a quarter of the harmless
// prompts, seen in one turn), so all pairs are candidates.
#pragma once

#include <string>
#include <vector>

#include "loop/pairs.h"

namespace plumb::loop {

// Pairs by what the model said when it was asked their prompts again.
struct AskedAgain {
  size_t wrong = 0;                                     // refused where it should answer, or the other way round
  std::vector<Pair> hard;                               // wrong: `rejected` is what it said
  std::vector<Pair> unanswered;                         // the same, without a chosen side until the bare model is asked
  std::vector<Pair> refused_rightly, answered_rightly;  // those with both sides
};
// answers[i] is to pairs[i].
AskedAgain SortAnswered(std::vector<Pair> pairs, const std::vector<std::string>& answers);

// Rows for DPO. own[i] is the bare model's answer to again.unanswered[i]: the chosen side, unless it is empty or opens as a refusal.
// `data` are the user's pairs; those with both sides are taught further. Where 16 or more were wrong, as many right refusals and
// half as many right answers hold what was learned: most of the wrong are harmless prompts refused.
std::vector<json::object> HardRows(AskedAgain again, const std::vector<std::string>& own, const std::vector<Pair>& data);

}  // namespace plumb::loop
