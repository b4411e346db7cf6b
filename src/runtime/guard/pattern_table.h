// The built-in patterns as a table.
#pragma once

#include <span>
#include <string_view>

#include "runtime/guard/validators.h"

namespace plumb::guard {

struct BuiltInPattern {
  std::string_view detector;
  std::string_view what;
  const char* regex;      // finds candidates; in the common part of Vectorscan's and PCRE2's syntax
  const char* hold;       // covers all that the validator may take; nullptr where `regex` does
  Validator validate;
  bool caseless = false;
};

std::span<const BuiltInPattern> BuiltInPatterns();

}  // namespace plumb::guard
