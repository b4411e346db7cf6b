// The attack step: the policy's own violating examples in disguise. What the bare model answers becomes a pair.
#include <algorithm>
#include <random>

#include "loop/turn.h"
#include "measure/redteam/redteam.h"
#include "runtime/guard/refusal.h"

namespace plumb::loop {

Status Turn::Attack() {
  progress_.Phase("attack", "wrapping the policy's own examples");
  std::vector<PairPrompt> requests;
  for (const auto& example : policy::Examples(policy_))
    if (example.violates && example.split == policy::Split::kTrain && example.prompt.empty() && policy_.FindCategory(example.clause))
      requests.push_back({example.text, example.clause, "", true, example.text});
  std::mt19937_64 random(options_.seed + 1);
  std::shuffle(requests.begin(), requests.end(), random);
  if (requests.size() > plan_.attacks) requests.resize(plan_.attacks);

  std::vector<const redteam::Wrapper*> wrappers;
  for (const auto& wrapper : redteam::Wrappers())
    if (!wrapper.held_out) wrappers.push_back(&wrapper);
  std::vector<std::string> prompts;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto* wrapper = wrappers[i % wrappers.size()];
    requests[i].text = wrapper->apply(requests[i].text);
    requests[i].kind = fmt::format("wrapper/{}", wrapper->name);
    prompts.push_back(requests[i].text);
  }
  PLUMB_TRY(const auto answers, Answers(*base_, prompts, "", plan_.answer_tokens, 0, 0, prompts.size()));
  attacks_tried_ = static_cast<int64_t>(prompts.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    if (guard::RefusalScore(answers[i], prompts[i]) >= 0.5) continue;
    attacks_.push_back({requests[i], RefusalFor(policy_, requests[i]), answers[i], false, "attack"});
  }
  progress_.Say(fmt::format("{} of {} wrapped requests were answered", attacks_.size(), prompts.size()));
  return Record("attack", {{"tried", attacks_tried_}, {"answered", attacks_.size()}});
}

}  // namespace plumb::loop
