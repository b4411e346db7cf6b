// Every bad policy in tests/goldens/policy/bad says exactly what its .errors file says.
#include <gtest/gtest.h>

#include <algorithm>

#include "intent/policy/policy.h"

namespace plumb::policy {
namespace {

const fs::path kBad = fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/policy/bad";

std::vector<std::string> BadPolicies() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kBad))
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

// With the folder taken out, so that goldens do not depend on where the tree is.
std::string Portable(std::string text) {
  const std::string folder = kBad.string() + "/";
  for (size_t at; (at = text.find(folder)) != std::string::npos;) text.erase(at, folder.size());
  return text;
}

class BadPolicy : public testing::TestWithParam<std::string> {};

TEST_P(BadPolicy, SaysEverythingThatIsWrong) {
  auto problems = CheckPolicy(kBad / (GetParam() + ".yaml"));
  ASSERT_TRUE(problems) << problems.error().Text();
  std::string said;
  for (const Problem& each : *problems) said += each.where + ": " + each.message + "\n";
  EXPECT_EQ(Portable(said), *ReadFile(kBad / (GetParam() + ".errors")));
}

TEST_P(BadPolicy, IsNotLoadedAndTheErrorHasEveryLine) {
  auto policy = LoadPolicy(kBad / (GetParam() + ".yaml"));
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, Code::kInvalid);
  if (GetParam() == "overlays") return;  // what an overlay does to the rest shows only where it fits
  EXPECT_EQ(Portable(policy.error().Text()) + "\n", *ReadFile(kBad / (GetParam() + ".errors")));
}

INSTANTIATE_TEST_SUITE_P(Goldens, BadPolicy, testing::ValuesIn(BadPolicies()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(PolicyErrors, MissingFileIsNotFound) {
  EXPECT_EQ(LoadPolicy("nowhere/policy.yaml").error().code, Code::kNotFound);
  EXPECT_EQ(CheckPolicy("nowhere/policy.yaml").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace plumb::policy
