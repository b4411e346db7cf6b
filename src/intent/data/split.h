// Splits by hash: a row's part depends on its group alone, so it is the same on every machine, for ever, and rows that
// belong together stay together.
#pragma once

#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::data {

struct Part {
  std::string name;
  double share;  // of the groups
};

// "train=0.8,test=0.2". Error: kInvalid (shares must be positive and sum to 1).
Result<std::vector<Part>> ParseParts(std::string_view text);

// Index into `parts` for SHA-256(salt ‖ 0 ‖ group), read as a fraction in [0, 1).
size_t PartOf(std::string_view group, const std::vector<Part>& parts, std::string_view salt = "");

// The group a row is kept together by: the named field, else `group`, else its prompt as it is compared.
std::string RowGroup(const json::object& row, std::string_view field = "");

}  // namespace plumb::data
