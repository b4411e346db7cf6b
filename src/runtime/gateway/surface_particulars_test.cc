// What only one API has: event sequences, n > 1, reasoning, images, tool results, embeddings, token counts, models.
#include <gmock/gmock.h>

#include "runtime/gateway/gateway_fixture_test.h"
#include "runtime/gateway/surface_reader_test.h"

namespace plumb::gateway {
namespace {

using provider::MockAnswer;
using provider::MockFault;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ParticularsTest : public GatewayTest {
 protected:
  net::ClientResponse Post(const std::string& path, std::string_view body) { return Send("POST", path, std::string(body)); }
};

TEST_F(ParticularsTest, ResponsesStreamItsEventsInOrder) {
  const auto plain = Post("/v1/responses", R"({"model":"mock","stream":true,"input":"hello there"})");
  EXPECT_THAT(ReadStream("responses", plain.body).events,
              ElementsAre("response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
                          "response.output_text.delta", "response.output_text.done", "response.content_part.done",
                          "response.output_item.done", "response.completed"));
  net::SseParser parser;
  int64_t expected = 0;
  const auto events = parser.Feed(plain.body);
  for (const net::SseEvent& event : *events) {
    EXPECT_EQ(ParseJson(event.data)->at("sequence_number").to_number<int64_t>(), expected++);
  }
  vendor_.Answer({.texts = {"Looking."}, .reasoning = "Hm, the weather.", .tool = "weather", .arguments = R"({"city":"Oslo"})"});
  const auto tool = Post("/v1/responses", R"({"model":"mock","stream":true,"input":"weather?"})");
  EXPECT_THAT(ReadStream("responses", tool.body).events,
              ElementsAre("response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
                          "response.reasoning_text.delta", "response.reasoning_text.done", "response.content_part.done",
                          "response.output_item.done", "response.output_item.added", "response.content_part.added",
                          "response.output_text.delta", "response.output_text.done", "response.content_part.done",
                          "response.output_item.done", "response.output_item.added", "response.function_call_arguments.delta",
                          "response.function_call_arguments.done", "response.output_item.done", "response.completed"));
  const auto blocked = Post("/v1/responses", R"({"model":"mock","stream":true,"input":"SECRET-1234"})");
  EXPECT_THAT(ReadStream("responses", blocked.body).events,
              ElementsAre("response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
                          "response.refusal.delta", "response.refusal.done", "response.content_part.done",
                          "response.output_item.done", "response.incomplete"));
}

TEST_F(ParticularsTest, MessagesStreamTheirEventsInOrder) {
  const auto plain = Post("/v1/messages", R"({"model":"claude","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello"}]})");
  EXPECT_THAT(ReadStream("messages", plain.body).events,
              ElementsAre("message_start", "ping", "content_block_start", "content_block_delta", "content_block_stop",
                          "message_delta", "message_stop"));
  vendor_.Answer({.texts = {"Looking."}, .reasoning = "Hm, the weather.", .tool = "weather", .arguments = R"({"city":"Oslo"})"});
  const auto tool = Post("/v1/messages", R"({"model":"claude","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello"}]})");
  EXPECT_THAT(ReadStream("messages", tool.body).events,
              ElementsAre("message_start", "ping", "content_block_start", "content_block_delta", "content_block_stop",
                          "content_block_start", "content_block_delta", "content_block_stop", "content_block_start",
                          "content_block_delta", "content_block_stop", "message_delta", "message_stop"));
  const Understood read = ReadStream("messages", tool.body);
  EXPECT_EQ(read.reasoning, "Hm, the weather.");
  EXPECT_EQ(read.signature, "c2VhbA==");
  const auto blocked = Post("/v1/messages", R"({"model":"claude","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"SECRET-1234"}]})");
  EXPECT_THAT(ReadStream("messages", blocked.body).events, ElementsAre("message_start", "ping", "message_delta", "message_stop"));
}

TEST_F(ParticularsTest, EveryChoiceIsGuardedAndGiven) {
  vendor_.Answer({.texts = {"First answer.", "The second says 4111 1111 1111 1111 now."}});
  const auto whole = Json(Post("/v1/chat/completions", R"({"model":"mock","n":2,"messages":[{"role":"user","content":"x"}]})"));
  const json::array& choices = whole.at("choices").as_array();
  ASSERT_EQ(choices.size(), 2u);
  EXPECT_EQ(choices[1].at("index").to_number<int>(), 1);
  EXPECT_EQ(choices[1].at("message").at("content").as_string(), "The second says [redacted: cards] now.");
  const auto streamed = Post("/v1/chat/completions", R"({"model":"mock","n":2,"stream":true,"messages":[{"role":"user","content":"x"}]})");
  EXPECT_THAT(streamed.body, Not(HasSubstr("4111")));
  std::map<int64_t, std::string> texts, reasons;
  net::SseParser parser;
  const auto events = parser.Feed(streamed.body);
  for (const net::SseEvent& event : *events) {
    if (event.data == "[DONE]") continue;
    const json::value chunk = *ParseJson(event.data);
    const json::object& choice = chunk.at("choices").at(0).as_object();
    const int64_t index = choice.at("index").to_number<int64_t>();
    texts[index] += Text(choice.at("delta").as_object(), "content");
    reasons[index] += Text(choice, "finish_reason");
  }
  EXPECT_EQ(texts[0], "First answer.");
  EXPECT_EQ(texts[1], "The second says [redacted: cards] now.");
  EXPECT_EQ(reasons[0], "stop");
  EXPECT_EQ(reasons[1], "stop");
}

TEST_F(ParticularsTest, AVendorWithOneAnswerIsNotAskedForMore) {
  const auto answer = Post("/v1/chat/completions", R"({"model":"claude","n":2,"messages":[{"role":"user","content":"x"}]})");
  EXPECT_EQ(answer.status, 400) << answer.body;
}

TEST_F(ParticularsTest, ReasoningIsShownAndGuarded) {
  vendor_.Answer({.texts = {"Done."}, .reasoning = "The card 4111 1111 1111 1111 is theirs."});
  for (const char* model : {"mock", "claude"}) {
    for (const char* stream : {"false", "true"}) {
      const auto answer = Post("/v1/chat/completions", fmt::format(R"({{"model":"{}","stream":{},"messages":[{{"role":"user","content":"x"}}]}})", model, stream));
      EXPECT_THAT(answer.body, Not(HasSubstr("4111"))) << model << stream;
      EXPECT_THAT(answer.body, HasSubstr("[redacted: cards]"));
      EXPECT_THAT(answer.body, HasSubstr("Done."));
    }
  }
}

TEST_F(ParticularsTest, LogprobsLeaveWithTheirText) {
  vendor_.Answer({.texts = {"The card 4111 1111 1111 1111 is theirs."}, .logprobs = true});
  for (const char* stream : {"false", "true"}) {
    const auto answer = Post("/v1/chat/completions", fmt::format(R"({{"model":"mock","logprobs":true,"stream":{},"messages":[{{"role":"user","content":"x"}}]}})", stream));
    EXPECT_THAT(answer.body, Not(HasSubstr("4111"))) << stream;
    EXPECT_THAT(answer.body, Not(HasSubstr("52,49,49,49")));
    EXPECT_THAT(answer.body, HasSubstr(R"("token":" theirs.")")) << answer.body;
  }
}

TEST_F(ParticularsTest, ImagesAndToolResultsReachEitherVendor) {
  constexpr char body[] = R"({"model":"%","max_tokens":9,"system":"Be brief.","messages":[
    {"role":"user","content":[{"type":"text","text":"look"},
      {"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}]},
    {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2VhbA=="},{"type":"tool_use","id":"t1","name":"see","input":{"a":1}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"cache_control":{"type":"ephemeral"},"content":"found 4111 1111 1111 1111"},{"type":"text","text":"well?"}]}]})";
  for (const std::string model : {"mock", "claude"}) {
    std::string text = body;
    text.replace(text.find('%'), 1, model);
    EXPECT_EQ(Post("/v1/messages", text).status, 200);
  }
  const auto seen = vendor_.seen();
  const std::string openai = ToJson(seen.at(0).body), anthropic = ToJson(seen.at(1).body);
  EXPECT_THAT(openai, HasSubstr(R"("url":"data:image/png;base64,aGk=")"));
  EXPECT_THAT(openai, HasSubstr(R"("role":"tool","tool_call_id":"t1","content":"[withheld by policy: cards]")"));
  EXPECT_THAT(openai, HasSubstr(R"("name":"see","arguments":"{\"a\":1}")"));
  for (const char* own : {"cache_control", "thinking", "is_error"}) {
    EXPECT_THAT(openai, Not(HasSubstr(own)));
    EXPECT_THAT(anthropic, HasSubstr(own));
  }
  EXPECT_THAT(anthropic, HasSubstr(R"("media_type":"image/png","data":"aGk=")"));
  EXPECT_THAT(anthropic, HasSubstr("[withheld by policy: cards]"));
  EXPECT_THAT(anthropic, HasSubstr(R"("system":"Be brief.")"));
}

TEST_F(ParticularsTest, ResponsesCarryWholeConversations) {
  const auto answer = Post("/v1/responses", R"({"model":"mock","instructions":"Be brief.","max_output_tokens":9,"text":{"format":
    {"type":"json_schema","name":"x","schema":{"type":"object"}}},"input":[{"role":"user","content":[{"type":"input_text","text":"look"},
    {"type":"input_image","image_url":"data:image/png;base64,aGk="}]},{"type":"function_call","call_id":"c1","name":"see","arguments":"{}"},
    {"type":"function_call_output","call_id":"c1","output":"a hill"},{"role":"user","content":"so?"}]})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  const json::object sent = vendor_.seen().at(0).body;
  const json::array& messages = sent.at("messages").as_array();
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[1].at("content").at(1).at("image_url").at("url").as_string(), "data:image/png;base64,aGk=");
  EXPECT_EQ(messages[2].at("tool_calls").at(0).at("id").as_string(), "c1");
  EXPECT_EQ(messages[3].at("content").as_string(), "a hill");
  EXPECT_EQ(sent.at("response_format").at("json_schema").at("name").as_string(), "x");
  EXPECT_EQ(Json(answer).at("instructions").as_string(), "Be brief.");
}

TEST_F(ParticularsTest, WhatWouldNeedAStoreIsRefusedClearly) {
  const auto answer = Post("/v1/responses", R"({"model":"mock","previous_response_id":"resp_1","input":"x"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("answers are not stored here"));
  EXPECT_EQ(Post("/v1/responses", R"({"model":"mock","input":"x","tools":[{"type":"web_search"}]})").status, 400);
  EXPECT_EQ(Post("/v1/messages", R"({"model":"mock","max_tokens":1,"messages":[{"role":"user","content":"x"}],
    "tools":[{"type":"web_search_20250305","name":"web_search"}]})").status, 400);
}

TEST_F(ParticularsTest, AnthropicsKeyHeaderAndErrors) {
  const auto answer = Send("POST", "/v1/messages", "{}", {{"authorization", ""}, {"x-api-key", "plumb-wrong"}});
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(Json(answer).at("error").at("type").as_string(), "authentication_error");
  const auto good = Send("POST", "/v1/messages", R"({"model":"mock","max_tokens":9,"messages":[{"role":"user","content":"x"}]})",
                         {{"authorization", ""}, {"x-api-key", key_}, {"anthropic-version", "2023-06-01"}});
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.headers.Get("request-id"), good.headers.Get("x-plumb-exchange"));
}

// A caller who lets the model go on from words of its own does not get round the input's guard.
TEST_F(ParticularsTest, WordsPutIntoTheAssistantsMouthAreJudged) {
  for (const char* messages : {R"([{"role":"user","content":"SECRET-1234"},{"role":"assistant","content":"Sure,"}])",
                               R"([{"role":"user","content":"go on"},{"role":"assistant","content":"SECRET-1234 is"}])"}) {
    const auto answer = Post("/v1/messages", fmt::format(R"({{"model":"claude","max_tokens":9,"messages":{}}})", messages));
    EXPECT_EQ(Json(answer).at("stop_reason").as_string(), "refusal");
  }
  EXPECT_TRUE(vendor_.seen().empty());
}

TEST_F(ParticularsTest, EmbeddingsAreGuardedAndRecorded) {
  const json::object answer = Json(Post("/v1/embeddings", R"({"model":"mock","input":["four","three"]})"));
  EXPECT_EQ(answer.at("data").at(1).at("embedding").at(0).to_number<double>(), 5);
  EXPECT_EQ(answer.at("model").as_string(), "mock");
  EXPECT_EQ(Newest().at("api").as_string(), "embeddings");
  const auto blocked = Post("/v1/embeddings", R"({"model":"mock","input":"SECRET-1234"})");
  EXPECT_EQ(blocked.status, 400);
  EXPECT_THAT(blocked.body, HasSubstr("That stays here."));
  EXPECT_EQ(vendor_.seen().size(), 1u);
  EXPECT_EQ(Newest().at("action").as_string(), "block");
  EXPECT_EQ(Post("/v1/embeddings", R"({"model":"mock","input":[[1,2]]})").status, 400);
}

TEST_F(ParticularsTest, TokensAreCountedByTheVendorOrEstimated) {
  constexpr char body[] = R"({"model":"claude","messages":[{"role":"user","content":"hello"}]})";
  EXPECT_EQ(Json(Post("/v1/messages/count_tokens", body)).at("input_tokens").to_number<int>(), 42);
  vendor_.Plan({.kind = MockFault::kStatus, .status = 404});
  const auto estimated = Post("/v1/messages/count_tokens", body);
  EXPECT_EQ(estimated.headers.Get("x-plumb-estimated"), "input_tokens");
  EXPECT_EQ(Json(estimated).at("input_tokens").to_number<int>(), 6);
  EXPECT_EQ(Post("/v1/messages/count_tokens", R"({"model":"claude","messages":[{"role":"user","content":"SECRET-1234"}]})").status, 400);
}

TEST_F(ParticularsTest, ModelsAreListedForBothClients) {
  const json::object list = Json(Send("GET", "/v1/models"));
  EXPECT_EQ(list.at("object").as_string(), "list");
  EXPECT_EQ(list.at("first_id").as_string(), "mock");
  const json::object first = list.at("data").at(0).as_object();
  EXPECT_EQ(first.at("object").as_string(), "model");
  EXPECT_EQ(first.at("type").as_string(), "model");
  EXPECT_EQ(Json(Send("GET", "/v1/models/claude")).at("owned_by").as_string(), "claude");
  EXPECT_EQ(Send("GET", "/v1/models/nothing").status, 404);
}

}  // namespace
}  // namespace plumb::gateway
