// What the tests of this room share: the golden files and the embedded models, or the reason to skip.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/lm/causal_lm.h"

namespace plumb::lm {

inline fs::path GoldenFile(const std::string& name) { return fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/lm" / name; }

#define PLUMB_NEEDS_MODEL(path, model)                                      \
  const auto path##_found = FindModel(model);                               \
  if (!path##_found) GTEST_SKIP() << path##_found.error().Text();           \
  const fs::path path = *path##_found

#define PLUMB_ASSERT_OK(value) ASSERT_TRUE(value) << (value).error().Text()

}  // namespace plumb::lm
