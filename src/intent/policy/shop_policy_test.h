// For tests of any room: a policy whose verdicts are certain.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/core/core.h"

namespace plumb::policy {

// tests/policies/shop.yaml: cards are refused and redacted, keys blocked.
inline std::string ShopPolicy() {
  auto text = ReadFile(fs::path(PLUMB_SOURCE_DIR) / "tests/policies/shop.yaml");
  EXPECT_TRUE(text) << text.error().Text();
  return text.value_or("");
}

}  // namespace plumb::policy
