// The built-in patterns as a table.
#pragma once

#include <span>
#include <string_view>

#include "runtime/guard/validators.h"

namespace plumb::guard {

struct BuiltInPattern {
  std::string_view detector;
  std::string_view what;
  const char* regex;      // in the common part of Vectorscan's and PCRE2's syntax
  const char* hold;       // where the whole match is wider than `regex`; nullptr where it is the same
  Validator validate;
  bool caseless = false;
};

std::span<const BuiltInPattern> BuiltInPatterns();

}  // namespace plumb::guard
