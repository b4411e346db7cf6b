#include "runtime/gateway/glance.h"

#include <gtest/gtest.h>

namespace plumb::gateway {
namespace {

TEST(Glance, SeesModelAndStream) {
  const std::string body = R"({"messages":[{"role":"user","model":"not this","stream":true}],"model":"gpt","stream":false})";
  const auto seen = GlanceAt(body);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->model, "gpt");
  EXPECT_FALSE(seen->stream);
  EXPECT_TRUE(GlanceAt(R"({"stream" : true, "model":"m" } )")->stream);
}

TEST(Glance, PutsAnotherModelInItsPlace) {
  const std::string body = R"({"a":"model","model" : "gpt","b":[1,"gpt"]})";
  EXPECT_EQ(WithModel(body, *GlanceAt(body), "x\"y"), R"({"a":"model","model" : "x\"y","b":[1,"gpt"]})");
}

// Another reader might take the other one: such a request is nobody's to pass on.
TEST(Glance, LeavesWhatCanBeReadTwoWays) {
  for (const char* body : {R"({"model":"a","model":"b"})", R"({"model":"a","mod\u0065l":"b"})", R"({"model":"a\u0062"})",
                           R"({"model":"a","stream":true,"stream":false})", R"({"model":"a","stream":1})", R"({"model":"a","stream":null})",
                           R"({"model":["a"]})", R"({"model":{"a":1}})", R"({"model":null})", R"({"stream":true})", R"(["model","a"])",
                           R"("model")", R"({"model":"a"} x)", R"({"model":"a")", R"({"model":"a",})", "", "{\"model\":\"a\xff\"}"}) {
    EXPECT_FALSE(GlanceAt(body)) << body;
  }
  std::string deep = R"({"model":"a","x":)" + std::string(70, '[') + std::string(70, ']') + "}";
  EXPECT_FALSE(GlanceAt(deep));
}

}  // namespace
}  // namespace plumb::gateway
