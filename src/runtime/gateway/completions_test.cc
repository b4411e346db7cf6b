// What OpenAI's old /v1/completions has beyond what every API has.
#include <gmock/gmock.h>

#include "runtime/gateway/gateway_fixture_test.h"
#include "runtime/gateway/surface_reader_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

class CompletionsTest : public GatewayTest {
 protected:
  void Configure(GatewayOptions& options) override {
    provider::ProviderConfig server = options.providers[0];
    server.name = "server";
    server.preset = "vllm";
    options.providers.push_back(server);
    options.models.push_back({"base", "server:mock-1", false});
    options.models.push_back({"base-prompted", "server:mock-1", true});
  }
  net::ClientResponse Post(const std::string& path, std::string_view body) { return Send("POST", path, std::string(body), {{"authorization", "Bearer " + key_}}); }
};

TEST_F(CompletionsTest, CompletionsEchoTheirPromptWhoeverAnswers) {
  for (const char* model : {"base", "mock"}) {
    for (const char* stream : {"false", "true"}) {
      const auto answer = Post("/v1/completions", fmt::format(R"({{"model":"{}","prompt":"Once upon","echo":true,"stream":{}}})", model, stream));
      ASSERT_EQ(answer.status, 200) << answer.body;
      const Understood read = stream == std::string_view("true") ? ReadStream("completions", answer.body) : ReadWhole("completions", Json(answer));
      EXPECT_EQ(read.text, "Once uponYou said: Once upon") << model << stream;
      EXPECT_FALSE(vendor_.seen().back().body.contains("echo"));
    }
  }
  const auto blocked = Post("/v1/completions", R"({"model":"base","prompt":"SECRET-1234","echo":true})");
  EXPECT_EQ(ReadWhole("completions", Json(blocked)).text, "");
}

TEST_F(CompletionsTest, CompletionsHaveLogprobsOfTheirOwnForm) {
  vendor_.Answer({.texts = {"Ça va, 4111 1111 1111 1111 done."}, .logprobs = true});
  for (const char* model : {"base", "mock"}) {  // a vendor that has this form, and one that has that of chats
    const auto answer = Post("/v1/completions", fmt::format(R"({{"model":"{}","prompt":"x","logprobs":2}})", model));
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_THAT(answer.body, Not(HasSubstr("4111")));
    const json::value body = Json(answer);
    const json::object& logprobs = body.at("choices").at(0).at("logprobs").as_object();
    EXPECT_EQ(logprobs.at("tokens"), (json::array{"Ça", " va,", " done."}));
    EXPECT_EQ(logprobs.at("token_logprobs"), (json::array{-0.5, -0.5, -0.5}));
    EXPECT_EQ(logprobs.at("text_offset"), (json::array{0, 2, std::string("Ça va, [redacted: cards]").size() - 1})) << "in characters, as shown";
    EXPECT_EQ(vendor_.seen().back().body.at("logprobs"), json::value(model == std::string_view("base") ? json::value(2) : json::value(true)));
    const auto stream = Post("/v1/completions", fmt::format(R"({{"model":"{}","prompt":"x","logprobs":0,"stream":true}})", model));
    EXPECT_THAT(stream.body, HasSubstr(R"(" done.")")) << stream.body;
    EXPECT_THAT(stream.body, Not(HasSubstr("4111")));
  }
}

TEST_F(CompletionsTest, OnlyModelsThatCompleteTextsAreAskedForSuffixesAndTheBestOfSeveral) {
  EXPECT_EQ(Post("/v1/completions", R"({"model":"base","prompt":"a","suffix":"z","best_of":3})").status, 200);
  EXPECT_EQ(vendor_.seen().back().body.at("suffix").as_string(), "z");
  EXPECT_EQ(vendor_.seen().back().body.at("best_of").to_number<int>(), 3);
  const size_t asked = vendor_.seen().size();
  for (const auto& [fields, says] : {std::pair{R"("model":"mock","suffix":"z")", "models that complete texts"}, std::pair{R"("model":"claude","best_of":2)", "models that complete texts"},
                                     std::pair{R"("model":"base","n":3,"best_of":2)", "from n, which is 3"}, std::pair{R"("model":"base","best_of":2,"stream":true)", "known at the end"},
                                     std::pair{R"("model":"base","logprobs":9)", "from 0 to 5"}, std::pair{R"("model":"base","logprobs":1,"echo":true)", "put in front here"}}) {
    const auto answer = Post("/v1/completions", fmt::format(R"({{{},"prompt":"a"}})", fields));
    EXPECT_EQ(answer.status, 400) << fields << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(says));
  }
  EXPECT_EQ(vendor_.seen().size(), asked);
}

TEST_F(CompletionsTest, ModelsThatCompleteTextsAreAskedTo) {
  for (const char* stream : {"false", "true"}) {
    const auto answer = Post("/v1/completions", fmt::format(R"({{"model":"base","prompt":"Once upon a time","max_tokens":9,"stream":{}}})", stream));
    ASSERT_EQ(answer.status, 200) << answer.body;
    const Understood read = stream == std::string_view("true") ? ReadStream("completions", answer.body) : ReadWhole("completions", Json(answer));
    EXPECT_EQ(read.text, "You said: Once upon a time");
    EXPECT_EQ(read.reason, "stop");
    const auto seen = vendor_.seen().back();
    EXPECT_EQ(seen.path, "/v1/completions");
    EXPECT_EQ(seen.body.at("prompt").as_string(), "Once upon a time");
    EXPECT_FALSE(seen.body.contains("messages"));
  }
  Post("/v1/completions", R"({"model":"mock","prompt":"Once"})");
  EXPECT_EQ(vendor_.seen().back().path, "/v1/chat/completions") << "nobody said that this one completes texts";
  Post("/v1/completions", R"({"model":"base-prompted","prompt":"Once"})");
  EXPECT_EQ(vendor_.seen().back().path, "/v1/chat/completions") << "a system prompt stands in front: it is a chat";
  // Guarded like everything else.
  vendor_.Say("The code is SECRET-1234.");
  const auto blocked = Post("/v1/completions", R"({"model":"base","prompt":"the code?"})");
  EXPECT_THAT(blocked.body, Not(HasSubstr("-1234")));
  EXPECT_THAT(blocked.body, HasSubstr("content_filter"));
  const size_t asked = vendor_.seen().size();
  Post("/v1/completions", R"({"model":"base","prompt":"SECRET-1234"})");
  EXPECT_EQ(vendor_.seen().size(), asked);
}

}  // namespace
}  // namespace plumb::gateway
