#include "base/core/markup.h"

#include <gtest/gtest.h>

namespace plumb {
namespace {

TEST(Markup, NothingOfATextEndsItsElementOrAttribute) {
  EXPECT_EQ(EscapeMarkup("<b a=\"x\" c='y'>&amp;"), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(EscapeMarkup(std::string_view("a\0\x1b\r\n\tb", 7)), "a\n\tb");
  EXPECT_EQ(EscapeMarkup("S\u00e3o \u4e2d"), "S\u00e3o \u4e2d");
}

}  // namespace
}  // namespace plumb
