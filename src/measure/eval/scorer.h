// Scorers: what tells a good output from a bad one. The table of types is in docs/evaluation.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "intent/data/suite.h"

namespace plumb::eval {

class Sandbox;

// What a scorer is shown of one sample.
struct Scored {
  const data::Case& one;
  const std::string& output;
  double refusal = 0;                    // of the refusal scorer, 0…1
  std::vector<double> choice_logprobs;   // one for each choice where the target gave them, else empty
};

struct Score {
  bool passed = false;
  double value = 0;       // 0…1, higher is better
  std::string note;       // why, for a person; may be empty
  bool pending = false;   // nobody has said yet: `judge` waits for plumb eval judge
  std::optional<int64_t> chose = {};      // which of the choices the answer settled on
  std::optional<double> confidence = {};  // and how sure it was of it, 0…1
  std::string error = {};                 // it could not be scored at all: the sample failed, and is never a pass
};

class Scorer {
 public:
  virtual ~Scorer() = default;
  virtual std::string name() const = 0;
  // May be called from any thread.
  virtual Score Judge(const Scored& sample) const = 0;
};

// What scorers need from elsewhere: `harm` gives how unsafe the guard finds an answer (0…1), in the `sandbox` (sandbox.h) "code" runs
// what a model wrote. Without them a suite that asks for such a scorer is refused before anything is sent.
struct ScorerTools {
  std::function<double(const std::string& output, const std::string& prompt)> harm;
  std::shared_ptr<const Sandbox> sandbox = {};
};

// The scorers of a case. Error: kInvalid (unknown type, wrong field), naming the case.
Result<std::vector<std::shared_ptr<const Scorer>>> MakeScorers(const data::Case& one, const ScorerTools& tools);

// Does this case choose between `choices` by log-probability (if the target can)?
bool WantsLogprobs(const data::Case& one);
// Does a judge have a say in whether it passed?
bool WantsJudge(const data::Case& one);
// Does it decide between `choices` of which none is right?
bool AsksToDecide(const data::Case& one);
// Is it asked to say how sure it is?
bool WantsConfidence(const data::Case& one);
// Is what was answered run as a program?
bool WantsSandbox(const data::Case& one);
// Does it choose between `choices` at all?
bool IsChoice(const data::Case& one);
// The choice that these log-probabilities, one for each, settle on.
int64_t LikeliestChoice(const data::Case& one, const std::vector<double>& logprobs);

const std::vector<std::string>& ScorerTypes();

}  // namespace plumb::eval
