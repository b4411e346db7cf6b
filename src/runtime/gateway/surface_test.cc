// Every API before every kind of vendor, whole and streamed: what passes, tools, blocks on either side, vendor faults.
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

// One API as its callers write it.
struct Api {
  const char* name;
  const char* path;
  const char *stop, *tool_stop, *blocked;  // its words for the three ends
};
constexpr Api kApis[] = {
    {"chat", "/v1/chat/completions", "stop", "tool_calls", "content_filter"},
    {"completions", "/v1/completions", "stop", "", "content_filter"},
    {"responses", "/v1/responses", "completed", "completed", "incomplete:content_filter"},
    {"messages", "/v1/messages", "end_turn", "tool_use", "refusal"},
};

struct Way {
  Api api;
  const char* model;  // "mock" speaks OpenAI's protocol, "claude" Anthropic's
  bool stream;
};

json::object Question(const Api& api, const std::string& text) {
  const std::string_view name = api.name;
  if (name == "completions") return {{"prompt", text}};
  if (name == "responses") return {{"input", text}};
  json::object body = {{"max_tokens", 100}};
  body["messages"].emplace_array().push_back(json::object{{"role", "user"}, {"content", text}});
  return body;
}

json::object Tool(const Api& api) {
  const json::object schema = {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}};
  const std::string_view name = api.name;
  if (name == "messages") return {{"name", "weather"}, {"description", "looks"}, {"input_schema", schema}};
  json::object function = {{"name", "weather"}, {"description", "looks"}, {"parameters", schema}};
  if (name == "responses") {
    function["type"] = "function";
    return function;
  }
  return {{"type", "function"}, {"function", function}};
}

class SurfaceTest : public GatewayTest, public testing::WithParamInterface<Way> {
 protected:
  const Api& api() const { return GetParam().api; }
  bool stream() const { return GetParam().stream; }
  bool is(std::string_view name) const { return name == api().name; }

  net::ClientResponse Post(json::object body) {
    body["model"] = GetParam().model;
    body["stream"] = stream();
    if (stream() && (is("chat") || is("completions"))) body["stream_options"] = {{"include_usage", true}};
    return Send("POST", api().path, ToJson(body));
  }
  Understood Understand(const net::ClientResponse& answer) {
    const bool streamed = answer.headers.Get("content-type").starts_with("text/event-stream");
    EXPECT_EQ(streamed, stream() && answer.status == 200) << answer.body;
    return streamed ? ReadStream(api().name, answer.body) : ReadWhole(api().name, Json(answer));
  }
  Understood Ask(const std::string& text) { return Understand(Post(Question(api(), text))); }
};
class SurfaceWithToolsTest : public SurfaceTest {};
class SurfaceStreamTest : public SurfaceTest {};

TEST_P(SurfaceTest, PassesWhatIsHarmless) {
  const net::ClientResponse answer = Post(Question(api(), "hello there"));
  EXPECT_EQ(answer.status, 200);
  const Understood read = Understand(answer);
  EXPECT_EQ(read.text, "You said: hello there");
  EXPECT_EQ(read.reason, api().stop);
  EXPECT_TRUE(read.whole);
  EXPECT_EQ(read.input_tokens, 7);
  EXPECT_EQ(read.output_tokens, 5);
  EXPECT_THAT(std::string(answer.headers.Get("x-plumb-verdict")), HasSubstr("input=allow"));
  const std::string id(answer.headers.Get("x-plumb-exchange"));
  if (stream()) {
    EXPECT_EQ(read.closing.at("exchange").as_string(), id);
    EXPECT_EQ(read.closing.at("output").as_string(), "allow");
  }
  const json::object kept = Json(Send("GET", "/v1/exchanges/" + id));
  EXPECT_EQ(kept.at("response").as_string(), "You said: hello there");
  EXPECT_EQ(kept.at("api").as_string(), api().name);
}

TEST_P(SurfaceTest, BlockedInputSaysSoAndReachesNobody) {
  const Understood read = Ask("the code is SECRET-1234");
  EXPECT_EQ(read.reason, api().blocked);
  EXPECT_EQ(read.text, "");
  EXPECT_EQ(read.refusal, is("completions") ? "" : "That stays here.");
  EXPECT_TRUE(read.whole);
  EXPECT_TRUE(vendor_.seen().empty());
  EXPECT_EQ(Newest().at("action").as_string(), "block");
}

TEST_P(SurfaceTest, RefusedInputIsAnsweredInOurWords) {
  const Understood read = Ask(std::string("my card is ") + kCard);
  EXPECT_EQ(read.text, "Please do not send card numbers.");
  EXPECT_EQ(read.reason, api().stop);
  EXPECT_TRUE(vendor_.seen().empty());
}

TEST_P(SurfaceTest, BlockedOutputStaysHere) {
  vendor_.Say("It is well hidden. The code is SECRET-1234 and more.");
  const net::ClientResponse answer = Post(Question(api(), "the code?"));
  EXPECT_THAT(answer.body, Not(HasSubstr("-1234")));
  EXPECT_THAT(answer.body, Not(HasSubstr("and more")));
  const Understood read = Understand(answer);
  EXPECT_EQ(read.reason, api().blocked);
  EXPECT_EQ(read.refusal, is("completions") ? "" : "That stays here.");
  EXPECT_TRUE(read.whole);
  EXPECT_EQ(Newest().at("clause").as_string(), "keys");
}

TEST_P(SurfaceTest, RedactedOutputIsRedacted) {
  vendor_.Say(std::string("The card is ") + kCard + " as you know.");
  const net::ClientResponse answer = Post(Question(api(), "which card?"));
  EXPECT_THAT(answer.body, Not(HasSubstr("4111 1")));
  EXPECT_EQ(Understand(answer).text, "The card is [redacted: cards] as you know.");
}

TEST_P(SurfaceWithToolsTest, ToolsAreOfferedAndCalled) {
  vendor_.Answer({.texts = {"Let me look."}, .tool = "weather", .arguments = R"({"city":"Oslo"})"});
  json::object body = Question(api(), "weather in Oslo?");
  body["tools"].emplace_array().push_back(Tool(api()));
  const Understood read = Understand(Post(body));
  EXPECT_EQ(read.text, "Let me look.");
  EXPECT_EQ(read.tool, "weather");
  EXPECT_EQ(read.arguments, R"({"city":"Oslo"})");
  EXPECT_EQ(read.reason, api().tool_stop);
  const json::object offered = vendor_.seen().at(0).body.at("tools").at(0).as_object();
  const bool anthropic = GetParam().model == std::string_view("claude");
  EXPECT_EQ((anthropic ? offered : offered.at("function").as_object()).at("name").as_string(), "weather");
  EXPECT_TRUE(anthropic ? offered.contains("input_schema") : offered.at("function").as_object().contains("parameters"));
}

TEST_P(SurfaceWithToolsTest, BlockedToolCallsStayHere) {
  vendor_.Answer({.texts = {""}, .tool = "send", .arguments = R"({"text":"SECRET-1234"})"});
  const net::ClientResponse answer = Post(Question(api(), "send it"));
  EXPECT_THAT(answer.body, Not(HasSubstr("-1234")));
  EXPECT_THAT(answer.body, Not(HasSubstr("\"send\"")));
  EXPECT_EQ(Understand(answer).reason, api().blocked);
}

TEST_P(SurfaceTest, VendorErrorsComeInTheApisOwnForm) {
  vendor_.Plan({.kind = MockFault::kStatus, .status = 400, .body = R"({"error":{"message":"context too long"}})"});
  const net::ClientResponse answer = Post(Question(api(), "x"));
  EXPECT_EQ(answer.status, 400);
  const json::object body = Json(answer);
  EXPECT_THAT(std::string(body.at("error").at("message").as_string()), HasSubstr("context too long"));
  EXPECT_EQ(body.at("error").at("type").as_string(), "invalid_request_error");
  EXPECT_EQ(body.contains("type"), is("messages"));
  EXPECT_EQ(Newest().at("status").as_string(), "error");
}

TEST_P(SurfaceStreamTest, BrokenStreamsSayThatTheyBroke) {
  vendor_.Say("one two three four. five six seven eight. nine ten eleven twelve.");
  vendor_.Plan({.kind = MockFault::kErrorEvent});
  json::object body = Question(api(), "x");
  body["model"] = GetParam().model;
  body["stream"] = true;
  net::ClientRequest request;
  request.method = "POST";
  request.url = *net::ParseUrl(gateway_->url() + api().path);
  request.headers = {{"authorization", "Bearer " + key_}};
  request.body = ToJson(body);
  std::string text;
  net::Wait(io_.executor(), [](net::Client& client, net::ClientRequest request, std::string* text) -> net::asio::awaitable<void> {
    auto download = co_await client.Open(std::move(request));
    for (;;) {
      auto piece = co_await download->Next();
      if (!piece || piece->empty()) co_return;
      *text += *piece;
    }
  }(client_, std::move(request), &text));
  const Understood read = ReadStream(api().name, text);
  EXPECT_FALSE(read.whole) << text;
  EXPECT_THAT(read.error, HasSubstr("overloaded")) << text;
  EXPECT_EQ(Newest().at("status").as_string(), "error");
}

TEST_P(SurfaceTest, BadRequestsNameTheField) {
  const net::ClientResponse answer = Post({{"messages", json::array()}});
  EXPECT_EQ(answer.status, 400) << answer.body;
  const std::string field = is("completions") ? "prompt" : is("responses") ? "input" : "messages";
  EXPECT_THAT(answer.body, HasSubstr(field));
}

// Every API before every kind of vendor, whole and streamed, where `fits`.
std::vector<Way> Ways(bool (*fits)(const Way&) = [](const Way&) { return true; }) {
  std::vector<Way> ways;
  for (const Api& api : kApis) {
    for (const char* model : {"mock", "claude"}) {
      for (bool stream : {false, true})
        if (const Way way{api, model, stream}; fits(way)) ways.push_back(way);
    }
  }
  return ways;
}

std::string NameOf(const testing::TestParamInfo<Way>& info) {
  return fmt::format("{}_before_{}_{}", info.param.api.name, info.param.model == std::string_view("claude") ? "anthropic" : "openai",
                     info.param.stream ? "stream" : "whole");
}

bool HasTools(const Way& way) { return way.api.name != std::string_view("completions"); }
bool Streams(const Way& way) { return way.stream; }

INSTANTIATE_TEST_SUITE_P(All, SurfaceTest, testing::ValuesIn(Ways()), NameOf);
INSTANTIATE_TEST_SUITE_P(All, SurfaceWithToolsTest, testing::ValuesIn(Ways(HasTools)), NameOf);
INSTANTIATE_TEST_SUITE_P(All, SurfaceStreamTest, testing::ValuesIn(Ways(Streams)), NameOf);

}  // namespace
}  // namespace plumb::gateway
