// Preference pairs: what the policy wants said, beside what the model says by itself.
//
// For a request that breaks a clause the chosen side declines; for a look-alike or an everyday prompt the chosen side is
// the model's own helpful answer and the rejected side a refusal. Own answers are taken from the start of what the model
// says and are marked "open": they do not teach it where to stop. Most of them are empty: there only the model's own first
// token is held, which needs no answer.
#pragma once

#include <string>
#include <vector>

#include "base/core/core.h"
#include "intent/policy/policy.h"

namespace plumb::loop {

struct PairPrompt {
  std::string text;    // the request, perhaps reworded or wrapped
  std::string clause;  // a category's id, or "ordinary"
  std::string kind;    // the example's kind; "wrapper/NAME", "reworded"
  bool violates = false;
  std::string example; // the text it was made from
};

// The training examples as prompts: every one as written, and a share of both sides reworded and wrapped, so that neither
// wording nor wrapper tells harm from harmless. At most `most`, balanced over clauses, in seeded order.
std::vector<PairPrompt> PairPrompts(const std::vector<policy::Example>& examples, size_t most, uint64_t seed);

// The refusal this policy gives to a request: a plain opening that nobody takes for anything else, then the clause's
// own words where they add something. The same request always gets the same one.
// What every refusal that is taught begins with: enough of it to tell one.
std::string_view RefusalOpening();
std::string RefusalFor(const policy::Policy& policy, const PairPrompt& prompt);

// Is this answer a clear refusal in words worth keeping: one or two whole sentences?
bool DeclinesWell(std::string_view answer, std::string_view prompt);
// Does it refuse, or open as a refusal would ("I'm sorry to hear that"), so that learning it teaches the opening of one?
bool OpensAsRefusal(std::string_view answer, std::string_view prompt);

struct Pair {
  PairPrompt prompt;
  std::string chosen, rejected;
  bool open = false;       // `chosen` is the start of a longer answer, perhaps an empty one
  std::string source;      // "policy", "distilled", "attack", "data"; constitution.h has more
};

// TRL's preference row, with ours beside it: clause, kind, violates, source, open.
json::object PairRow(const Pair& pair);
Result<Pair> PairFromRow(const json::object& row);
// Whether a prompt's row teaches more than the first words of its answer: one in four, decided by the text.
bool LearnedFurther(std::string_view prompt);
// TRL's prompt-completion row of the chosen side, for SFT.
json::object SftRow(const Pair& pair);
// The part of both that is TRL's: a prompt and an answer as messages.
json::array Said(std::string_view role, std::string_view content);

}  // namespace plumb::loop
