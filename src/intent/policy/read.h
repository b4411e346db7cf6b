// From checked JSON to the structs of policy.h.
#pragma once

#include "intent/policy/policy.h"

namespace plumb::policy {

// `resolved` has the schema's shape; fields that are missing keep their defaults.
Policy ReadPolicy(const json::object& resolved);

}  // namespace plumb::policy
