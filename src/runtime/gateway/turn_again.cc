#include "runtime/gateway/turn_again.h"

namespace plumb::gateway {

bool MayAskAgain(const Turn& turn, const guard::Verdict& verdict) {
  return turn.enforce && turn.call.choices == 1 && verdict.action == guard::Action::kRewrite &&
         turn.guard->policy().FindCategory(verdict.clause) != nullptr;
}

provider::ChatRequest AskAgain(const Turn& turn, const guard::Verdict& verdict, const std::string& shown) {
  const policy::Category& category = *turn.guard->policy().FindCategory(verdict.clause);
  provider::ChatRequest request = turn.call.request;
  request.forget = nullptr;
  if (!shown.empty()) request.messages.push_back({{"role", "assistant"}, {"content", shown}});
  const std::string_view how = shown.empty() ? "Your answer was not shown. Answer again without it."
                                             : "What you wrote after that was not shown. Go on from there without it.";
  request.messages.push_back({{"role", "user"}, {"content", fmt::format("{} It broke this rule ({}): {}", how, category.id, category.about)}});
  return request;
}

void AddUsage(provider::Usage& usage, const provider::Usage& more) {
  usage.input_tokens += more.input_tokens;
  usage.output_tokens += more.output_tokens;
  usage.cached_input_tokens += more.cached_input_tokens;
  usage.cache_creation_input_tokens += more.cache_creation_input_tokens;
  usage.reasoning_tokens += more.reasoning_tokens;
}

}  // namespace plumb::gateway
