// The parts of plumb.yaml that say who may call, and how much.
#pragma once

#include "cli/config_reader.h"
#include "runtime/gateway/keys.h"

namespace plumb::cli {

gateway::Key ReadKey(const Node& node, Reader& reader);

}  // namespace plumb::cli
