// Instructions whose following can be checked by a program (after IFEval, Zhou et al. 2023). The table of checks is in
// docs/evaluation.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::eval {

struct InstructionCheck {
  std::string name;
  // Whether `output`, the answer to `prompt`, does what was asked.
  std::function<bool(const std::string& output, const std::string& prompt)> follows;
};

// One entry of `checks`. Error: kInvalid (unknown check, missing or wrong field), naming what is known.
Result<InstructionCheck> ParseInstructionCheck(const json::object& spec);

const std::vector<std::string>& InstructionCheckNames();

}  // namespace plumb::eval
