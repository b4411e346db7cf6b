// The shape of a policy, as policy.schema.json tells it: which keys, which types, which values.
//
// One schema serves editors and this checker. The checker reads the part of JSON Schema that the file uses: $ref, type,
// properties, additionalProperties, required, items, enum, anyOf, pattern, minLength, minimum, exclusiveMinimum,
// maximum, exclusiveMaximum.
#pragma once

#include "intent/policy/node.h"

namespace plumb::policy {

// The parsed schema.
const json::object& Schema();
// The schema of `key` directly under the top, or nullptr.
const json::object* TopLevelSchema(std::string_view key);

// Adds a problem for whatever in `root`, one file's tree, does not have the policy's shape; empties it so that later
// checks need not look again. `+key` is taken for `key`, which must be a list.
void CheckShape(Node& root, Problems& problems);

// The tree as JSON: numbers and booleans where the schema says so, everything else text; a lone text where a list is
// meant becomes a list; empty values are left out.
json::object ToPolicyJson(const Node& root);

}  // namespace plumb::policy
