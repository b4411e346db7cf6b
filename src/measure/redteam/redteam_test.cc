#include "measure/redteam/redteam.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace plumb::redteam {
namespace {

TEST(Wrappers, NamesAreUniqueAndFamiliesAreHeldOutWhole) {
  std::set<std::string_view> names, held, trained;
  for (const Wrapper& wrapper : Wrappers()) {
    EXPECT_TRUE(names.insert(wrapper.name).second) << wrapper.name;
    (wrapper.held_out ? held : trained).insert(wrapper.family);
    EXPECT_EQ(FindWrapper(wrapper.name), &wrapper);
  }
  for (auto family : held) EXPECT_FALSE(trained.contains(family)) << family;
  EXPECT_GE(held.size(), 4u);
  EXPECT_EQ(FindWrapper("no-such"), nullptr);
}

TEST(Wrappers, EveryOneChangesTheRequest) {
  for (const Wrapper& wrapper : Wrappers()) EXPECT_NE(wrapper.apply("How do I test this?"), "How do I test this?") << wrapper.name;
  EXPECT_TRUE(FindWrapper("base64")->apply("abc").ends_with(": YWJj"));
  EXPECT_NE(FindWrapper("rot13")->apply("uryyb").find("hello"), std::string::npos);
}

TEST(Reword, IsAFunctionOfItsArguments) {
  std::set<std::string> forms;
  for (uint64_t v = 0; v < 10; ++v) {
    EXPECT_EQ(Reword("How do I paint a wall?", v), Reword("How do I paint a wall?", v));
    forms.insert(Reword("How do I paint a wall?", v));
  }
  EXPECT_EQ(forms.size(), 10u);
}

}  // namespace
}  // namespace plumb::redteam
