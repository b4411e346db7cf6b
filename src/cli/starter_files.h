// The files that come with Plumbline: starter policies, the shipped guard, suites.
#pragma once

#include "base/core/core.h"

namespace plumb::cli {

// `relative` ("policies/general-assistant.yaml") in the source tree or installation the program stands in, by walking
// up from the program's folder; empty where there is none.
fs::path ShippedFile(const fs::path& relative);

}  // namespace plumb::cli
