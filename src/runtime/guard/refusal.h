// Whether an answer refuses: rules in 17 languages, and a trained head where a model is given.
//
//   double p = RefusalScore("I'm sorry, but I can't help with that.", "How do I …?");   // near 1
//
// 0 is full compliance, 1 a full refusal; a partial refusal (a warning and then the answer, or an answer to something
// else) lies between. RefusalDegreeOf says it in words at the thresholds measured on suites/dev. Thread-safe.
#pragma once

#include <string_view>

namespace plumb::guard {

class LinearModel;

enum class RefusalDegree { kNone, kPartial, kFull };

// `prompt` may be empty; it only tells quoted refusal phrases from spoken ones. `model`, where it has the head
// "refusal", has the larger say; without it the rules decide alone.
double RefusalScore(std::string_view completion, std::string_view prompt, const LinearModel* model = nullptr);

// The rules alone, as log-odds; what RefusalScore feeds on.
double RefusalRuleLogit(std::string_view completion, std::string_view prompt);

RefusalDegree RefusalDegreeOf(double score);

// Changes whenever the same text could get another score; stands in every run.
const char* RefusalScorerVersion();

}  // namespace plumb::guard
