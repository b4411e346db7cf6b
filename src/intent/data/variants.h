// Templates → cases: the same prompt with names or groups swapped, so that nothing but the group differs.
//
//   {"variants": "names", "as": [{"group": {"gender": "women"}, "name": "Emily Ward", "they": "she"},
//                                {"group": {"gender": "men"}, "name": "Jacob Ward", "they": "he"}]}
//   {"id": "loan-1", "prompt": "{name} asks for … {they} …", "vary": "names", "expect": "score", "scorer": {"type": "decision"}, …}
//
// become "loan-1/women" and "loan-1/men", both of group "loan-1" and with {"about": {"pair": "loan-1", "gender": "women"}}.
#pragma once

#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::data {

// The rows with every row that has `vary` (the name of a list of variants, or such a list) in as many variants; others as they are.
// Texts of `prompt`, `messages` and `choices` are filled in. Errors:
// kInvalid, with the row (no such list, a {word} that no variant has, a variant that none of the texts uses).
Result<std::vector<json::object>> ExpandVariants(const std::vector<json::object>& rows, const std::string& name);

}  // namespace plumb::data
