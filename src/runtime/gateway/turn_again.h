// The action `rewrite`: the model is asked once more, and told which clause its answer broke. Private to this room.
#pragma once

#include "runtime/gateway/turn.h"

namespace plumb::gateway {

// Whether what broke off an answer is to be asked for again: one answer was wanted, and its action is to rewrite.
bool MayAskAgain(const Turn& turn, const guard::Verdict& verdict);

// The question, the part of the answer that was shown, and what was wrong with the rest.
provider::ChatRequest AskAgain(const Turn& turn, const guard::Verdict& verdict, const std::string& shown);

// Both askings are paid for.
void AddUsage(provider::Usage& usage, const provider::Usage& more);

}  // namespace plumb::gateway
