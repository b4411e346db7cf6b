// What the scorers are made of, for the files that define them: scorer.cc has the table. Private to this room.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "measure/eval/scorer.h"

namespace plumb::eval {

using MadeScorer = Result<std::shared_ptr<const Scorer>>;

// What a scorer is made from: its own object in the case, and the case.
struct ScorerSpec {
  const json::object& spec;
  const data::Case& one;
  const ScorerTools& tools;
};

// A scorer from a name and a function of the sample.
MadeScorer MakeScorer(std::string name, std::function<Score(const Scored&)> judge);
// 1 where it passed, else 0.
Score PassOrFail(bool passed, std::string note = "");
// A field that may stand in the scorer or in the row; null where it is in neither.
const json::value& ScorerField(const ScorerSpec& in, std::string_view key);
// A text or a list of texts (whole numbers as texts); none where it is null. Error: kInvalid.
Result<std::vector<std::string>> ScorerTexts(const json::value& value, std::string_view key);

MadeScorer MakeChoice(const ScorerSpec& in);    // choice_scorer.cc
MadeScorer MakeDecision(const ScorerSpec& in);  // choice_scorer.cc
MadeScorer MakeCode(const ScorerSpec& in);      // code_scorer.cc
MadeScorer MakeSecrets(const ScorerSpec& in);   // secrets_scorer.cc

}  // namespace plumb::eval
