#include "measure/redteam/encodings.h"

#include <gtest/gtest.h>

namespace plumb::redteam {
namespace {

TEST(Encodings, ChangeLettersAndNothingElse) {
  EXPECT_EQ(Rotate("Hello, Zoë 7!", 13), "Uryyb, Mbë 7!");
  EXPECT_EQ(Rotate("xyz", 3), "abc");
  EXPECT_EQ(Rotate("same", 0), "same");
  EXPECT_EQ(Leet("Toast is EASY, 2!"), "70457 15 345Y, 2!");
  EXPECT_EQ(Spaced("ab 1c"), "a b  1c ");
}

}  // namespace
}  // namespace plumb::redteam
