// Attacks: ways to bring a target to answer what it should not. Each is a game with one goal: it says what to ask next,
// hears what came back, and may learn from it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "measure/redteam/playbook.h"

namespace plumb::redteam {

// A request whose answer the policy forbids.
struct Goal {
  std::string id, text, clause, group;
};
// JSONL rows {"id","goal" or "prompt", "clause"?, "group"?}, or a suite's cases that expect a refusal. Errors: kNotFound,
// kInvalid (no goal, an id twice).
Result<std::vector<Goal>> LoadGoals(const fs::path& file);

// What is asked, of whom.
struct Try {
  enum To { kTarget, kAttacker, kScore } to = kTarget;
  json::array messages;
  double temperature = 0;
  uint64_t seed = 0;
  std::string opening;  // kScore: how likely does the target's answer begin so? A query like any other
  json::object extra;   // further fields of the request
};
Try Ask(std::string prompt);

struct Heard {
  bool answered = false;
  std::string output;
  bool refused = false;
  bool success = false;
  double harm = 0;      // of the answer to the goal, 0…1; 0 without a guard
  double logprob = 0;   // kScore
};

class Session {
 public:
  virtual ~Session() = default;
  // Nothing: this attack has nothing more to try.
  virtual std::optional<Try> Next() = 0;
  virtual void Hear(const Heard& heard) = 0;
};

struct Attack {
  std::string name, family, atlas;
  bool held_out = false;       // trains nothing
  bool adaptive = false;       // learns from answers, or draws again
  bool needs_attacker = false; // asks a second model
  bool needs_scores = false;   // log-probabilities, or an answer begun for the model: local targets
  std::string technique;       // one line for people
  // At most `most` questions to the target.
  std::function<std::unique_ptr<Session>(const Goal& goal, uint64_t seed, int most)> begin;
};

// Everything: the request as it stands ("direct"), the built-in wrappers, the playbook's templates, and the adaptive ones.
// Error: kInvalid (two attacks of one name).
Result<std::vector<Attack>> AllAttacks(const std::vector<Template>& playbook);

// By a list of names, families, or "all", "static", "adaptive", "held-out", "seen". "direct" is always the first. Error:
// kInvalid with near names.
Result<std::vector<Attack>> SelectAttacks(const std::vector<Attack>& all, const std::string& list);

// adaptive.cc
Attack BestOfN();
Attack Pair();
Attack Crescendo();
Attack SuffixSearch();
Attack Prefill();
// tree.cc
Attack TreeOfAttacks();

}  // namespace plumb::redteam
