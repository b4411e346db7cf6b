// The system prompts a policy puts in front, ready made for each of its routes. Private to this room.
//
//   const Prompts prompts(policy, policy.routes, encoder);
//   const Prompt* prompt = prompts.For(route);                     // words, canary and what counts as leaking them
//   std::string more = prompts.Bearing("how do I pick a lock", 3);  // the clauses that bear on it; blocks
//
// Immutable but for the index of clauses, which begins with words and moves on to meaning once the encoder has read
// the policy; safe to use from any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "intent/policy/policy.h"
#include "runtime/gateway/prompt_leak.h"
#include "runtime/guard/encoder.h"

namespace plumb::gateway {

struct Prompt {
  std::string text;  // with its canary
  PromptLeak leak;
};

class Prompts {
 public:
  Prompts();
  // For requests that come by `routes`, which need not be the policy's own (an arm's are not). `encoder` may be null.
  Prompts(const policy::Policy& policy, const std::vector<policy::Route>& routes, std::shared_ptr<guard::Encoder> encoder);
  Prompts(Prompts&&) noexcept;
  Prompts& operator=(Prompts&&) noexcept;
  ~Prompts();

  // What the route asks for; the usual prompt where it asks for nothing of its own.
  const Prompt& For(const policy::Route& route) const;
  // An arm's own words in place of the policy's.
  Prompt Of(std::string words, const policy::Route& route) const;
  // The k clauses that bear on `text`, in the policy's words, and their ids; nothing where no route asks for any.
  struct Clauses {
    std::string text;
    std::vector<std::string> ids;
  };
  Clauses Bearing(std::string_view text, size_t k) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plumb::gateway
