// A model behind a provider, as something that can be measured.
#pragma once

#include <memory>
#include <string>

#include "measure/eval/target.h"
#include "runtime/provider/target.h"

namespace plumb::eval {

// "local:…", "openai:…", "PROVIDER:…", "gateway:…" as provider::OpenTarget takes them; "replay:FILE" as OpenReplay does.
// Local models give log-probabilities of choices. Errors: theirs.
Result<std::unique_ptr<Target>> OpenTarget(const std::string& name, const provider::OpenOptions& options);

}  // namespace plumb::eval
