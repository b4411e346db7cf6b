// Targets of the running system: a model through runtime/provider, and the guard in front of it.
#pragma once

#include <memory>
#include <string>

#include "measure/eval/scorer.h"
#include "measure/eval/target.h"
#include "runtime/guard/guard.h"
#include "runtime/provider/target.h"

namespace plumb::eval {

// "local:MODEL[+ADAPTER]", "PROVIDER:MODEL", "gateway:ROUTE", "replay:FILE". Errors: as provider::OpenTarget and
// OpenReplay. Log-probabilities of choices come from local models.
Result<std::unique_ptr<Target>> OpenTarget(const std::string& name, const provider::OpenOptions& options);

// What GuardTarget and the scorer "harm" need, from a loaded guard, which must outlive them.
GuardTools GuardToolsOf(const guard::Guard& guard);
ScorerTools ScorerToolsOf(const guard::Guard& guard);

}  // namespace plumb::eval
