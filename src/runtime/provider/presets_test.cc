// Each preset's accent, seen on the wire.
#include "runtime/provider/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/provider/raw_vendor_test.h"
#include "runtime/provider/target.h"

namespace plumb::provider {
namespace {

using testing::HasSubstr;

class PresetTest : public testing::Test {
 protected:
  PresetTest() : vendor_([](RawTalk& talk) -> net::asio::awaitable<void> { co_await AnswerProperly(talk, "m", 2); }) {}

  // The builtin of that name, with its URL turned to the mock.
  std::shared_ptr<Provider> Open(const std::string& preset, const std::string& path = "/v1", const std::string& api_version = "") {
    OpenOptions options;
    options.executor = io_.executor();
    options.environment = [](const std::string&) { return "key-0123456789"; };
    ProviderConfig config;
    for (const ProviderConfig& known : BuiltinProviders()) {
      if (known.name == preset) config = known;
    }
    EXPECT_EQ(config.name, preset);
    config.url = vendor_.url().substr(0, vendor_.url().size() - 3) + path;
    config.api_version = api_version;
    auto provider = OpenProvider(config, options);
    EXPECT_TRUE(provider) << provider.error().Text();
    return *provider;
  }
  // A request with everything in it that somebody refuses.
  static ChatRequest Everything() {
    ChatRequest request;
    request.model = "some-model";
    request.messages = {{{"role", "developer"}, {"content", "Be brief."}},
                        {{"role", "user"}, {"name", "ann"}, {"content", "Hello"}}};
    request.max_tokens = 50;
    request.seed = 7;
    request.extra = {{"store", false}, {"prompt_cache_key", "k"}, {"user", "u"}, {"presence_penalty", 0.5}, {"logit_bias", {{"50256", -100}}}};
    return request;
  }
  RawVendor::Seen Ask(Provider& provider, ChatRequest request, bool stream) {
    if (stream) {
      OnDelta ignore = [](const ChatDelta&) -> net::asio::awaitable<Status> { co_return Status(); };
      last_ = net::Wait(io_.executor(), provider.ChatStream(std::move(request), ignore));
    } else {
      last_ = net::Wait(io_.executor(), provider.Chat(std::move(request)));
    }
    EXPECT_TRUE(last_) << last_.error().Text();
    return vendor_.seen().back();
  }
  static std::string Role(const RawVendor::Seen& seen) {
    return std::string(seen.body.at("messages").at(0).at("role").as_string());
  }

  RawVendor vendor_;
  net::IoThread io_;
  Result<ChatResponse> last_;
};

TEST_F(PresetTest, EveryPresetSaysWhereItIs) {
  for (const Preset& preset : Presets()) {
    if (preset.name == "azure") {
      EXPECT_EQ(preset.url, "");
      continue;
    }
    EXPECT_TRUE(net::ParseUrl(preset.url)) << preset.name;
    EXPECT_EQ(preset.key_env.empty(), preset.url.starts_with("http://127.0.0.1")) << preset.name;
  }
  OpenOptions options;
  options.environment = [](const std::string&) { return "key"; };
  EXPECT_THAT(OpenTarget("azure:gpt", options).error().message, HasSubstr("needs a url"));
}

TEST_F(PresetTest, OpenAi) {
  auto provider = Open("openai");
  const auto seen = Ask(*provider, Everything(), true);
  EXPECT_EQ(seen.body.at("max_completion_tokens").as_int64(), 50);
  EXPECT_FALSE(seen.body.contains("max_tokens"));
  EXPECT_EQ(seen.body.at("seed").as_int64(), 7);
  EXPECT_EQ(seen.body.at("prompt_cache_key").as_string(), "k") << "passed through untouched";
  EXPECT_TRUE(seen.body.at("stream_options").at("include_usage").as_bool());
  EXPECT_EQ(Role(seen), "developer");
  EXPECT_THAT(seen.head, HasSubstr("post /v1/chat/completions"));
  EXPECT_THAT(seen.head, HasSubstr("authorization: bearer key-0123456789"));
}

TEST_F(PresetTest, ThePlainProtocolSendsWhatCame) {
  ProviderConfig config;
  config.name = "corp";
  config.url = vendor_.url();
  auto provider = OpenProvider(config, {.executor = io_.executor()});
  const auto seen = Ask(**provider, Everything(), false);
  EXPECT_EQ(seen.body.at("max_tokens").as_int64(), 50);
  EXPECT_EQ(seen.body.at("store").as_bool(), false);
  EXPECT_EQ(Role(seen), "developer");
}

TEST_F(PresetTest, Azure) {
  auto dated = Open("azure", "", "2024-10-21");
  auto seen = Ask(*dated, Everything(), false);
  EXPECT_THAT(seen.head, HasSubstr("post /openai/deployments/some-model/chat/completions?api-version=2024-10-21 "));
  EXPECT_THAT(seen.head, HasSubstr("api-key: key-0123456789"));
  EXPECT_THAT(seen.head, Not(HasSubstr("authorization")));
  auto current = Open("azure", "/openai/v1");
  seen = Ask(*current, Everything(), false);
  EXPECT_THAT(seen.head, HasSubstr("post /openai/v1/chat/completions "));
  EXPECT_EQ(seen.body.at("max_completion_tokens").as_int64(), 50);
}

TEST_F(PresetTest, Mistral) {
  auto provider = Open("mistral");
  ChatRequest request = Everything();
  request.extra["max_completion_tokens"] = 60;
  const auto seen = Ask(*provider, request, true);
  EXPECT_EQ(seen.body.at("random_seed").as_int64(), 7);
  EXPECT_EQ(seen.body.at("max_tokens").as_int64(), 60) << "the newer name is meant";
  for (const char* refused : {"seed", "max_completion_tokens", "stream_options", "store", "prompt_cache_key", "user", "logit_bias"}) {
    EXPECT_FALSE(seen.body.contains(refused)) << refused;
  }
  EXPECT_TRUE(seen.body.contains("presence_penalty"));
  EXPECT_EQ(Role(seen), "system");
  EXPECT_FALSE(seen.body.at("messages").at(1).as_object().contains("name"));
  EXPECT_EQ(last_->usage.output_tokens, 2) << "it counts unasked";
}

TEST_F(PresetTest, Gemini) {
  auto provider = Open("gemini", "/v1beta/openai");
  auto seen = Ask(*provider, Everything(), true);
  EXPECT_THAT(seen.head, HasSubstr("post /v1beta/openai/chat/completions"));
  for (const char* refused : {"seed", "store", "user", "logit_bias", "prompt_cache_key"}) EXPECT_FALSE(seen.body.contains(refused)) << refused;
  EXPECT_EQ(seen.body.at("max_tokens").as_int64(), 50);
  EXPECT_EQ(Role(seen), "system");
  // Thinking is in the total alone.
  vendor_.SetScript([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.Json(200, R"({"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"36"},"finish_reason":"stop"}],)"
                            R"("usage":{"prompt_tokens":20,"completion_tokens":198,"total_tokens":623}})");
  });
  Ask(*provider, Everything(), false);
  EXPECT_EQ(last_->usage, (Usage{.input_tokens = 20, .output_tokens = 603, .reasoning_tokens = 405}));
  // Its errors are a list.
  vendor_.SetScript([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.Json(400, R"([{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"x\"","status":"INVALID_ARGUMENT"}}])");
  });
  auto refused = net::Wait(io_.executor(), provider->Chat(Everything()));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("Unknown name \"x\" (status 400)"));
}

TEST_F(PresetTest, Groq) {
  vendor_.SetScript([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    std::string rest = WirePiece("hi") + WireFinish() +
                       net::WriteSseData(R"({"choices":[],"x_groq":{"id":"r","usage":{"prompt_tokens":9,"completion_tokens":1}}})") + WireDone();
    co_await talk.Piece(std::move(rest));
    co_await talk.EndStream();
  });
  auto provider = Open("groq", "/openai/v1");
  const auto seen = Ask(*provider, Everything(), true);
  EXPECT_THAT(seen.head, HasSubstr("post /openai/v1/chat/completions"));
  EXPECT_FALSE(seen.body.at("messages").at(1).as_object().contains("name"));
  EXPECT_EQ(seen.body.at("max_completion_tokens").as_int64(), 50);
  EXPECT_EQ(last_->usage.input_tokens, 9) << "counted under x_groq";
}

TEST_F(PresetTest, ServersOfOnesOwn) {
  for (const char* name : {"vllm", "sglang", "llama-server", "ollama"}) {
    auto provider = Open(name);
    const auto seen = Ask(*provider, Everything(), true);
    EXPECT_EQ(Role(seen), "system") << name;
    EXPECT_EQ(seen.body.at("max_tokens").as_int64(), 50) << name;
    EXPECT_TRUE(seen.body.at("stream_options").at("include_usage").as_bool()) << name;
    EXPECT_THAT(seen.head, Not(HasSubstr("authorization"))) << name;
  }
}

TEST_F(PresetTest, AnthropicTranslates) {
  vendor_.SetScript([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.Json(200, R"({"type":"message","model":"claude","stop_reason":"end_turn","content":[)"
                            R"({"type":"thinking","thinking":"hm","signature":"sig"},{"type":"text","text":"Hi"}],"usage":{"input_tokens":5,)"
                            R"("cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"output_tokens":3}})");
  });
  auto provider = Open("anthropic");
  ChatRequest request;
  request.model = "claude";
  request.temperature = 1.5;
  request.messages = *ParseJson(R"([
    {"role":"system","content":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]},
    {"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\"x\":1}"}},
                                                     {"id":"c2","type":"function","function":{"name":"look","arguments":"{}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"a cat"},
    {"role":"tool","tool_call_id":"c2","content":"a dog"}])").value().if_array();
  request.extra = {{"tools", {{{"type", "function"}, {"function", {{"name", "look"}, {"parameters", {{"type", "object"}}}}}, {"cache_control", {{"type", "ephemeral"}}}}}},
                   {"tool_choice", "required"}, {"parallel_tool_calls", false}};
  request.headers = {{"anthropic-beta", "context-1m-2025-08-07"}};
  const auto seen = Ask(*provider, request, false);
  EXPECT_THAT(seen.head, HasSubstr("anthropic-beta: context-1m-2025-08-07"));
  EXPECT_EQ(ToJson(seen.body.at("system")), R"([{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}])");
  EXPECT_EQ(ToJson(seen.body.at("messages").at(0).at("content").at(1)),
            R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}})");
  EXPECT_EQ(seen.body.at("messages").as_array().size(), 3u) << "both results in one message";
  EXPECT_EQ(seen.body.at("messages").at(2).at("content").as_array().size(), 2u);
  EXPECT_EQ(ToJson(seen.body.at("tools").at(0).at("cache_control")), R"({"type":"ephemeral"})");
  EXPECT_EQ(ToJson(seen.body.at("tool_choice")), R"({"type":"any","disable_parallel_tool_use":true})");
  EXPECT_EQ(seen.body.at("temperature").as_double(), 1.0);
  EXPECT_EQ(last_->reasoning, "hm");
  EXPECT_EQ(last_->signature, "sig");
  EXPECT_EQ(last_->usage, (Usage{.input_tokens = 2105, .output_tokens = 3, .cached_input_tokens = 2000, .cache_creation_input_tokens = 100}));
  for (const char* beyond : {R"({"n":2})", R"({"logprobs":true})", R"({"response_format":{"type":"json_object"}})"}) {
    request.extra = ParseJson(beyond)->as_object();
    auto answer = net::Wait(io_.executor(), provider->Chat(request));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kUnsupported) << beyond;
  }
}

TEST_F(PresetTest, ManyChoicesWithLogprobsStreamSideBySide) {
  vendor_.SetScript([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    std::string all;
    for (const char* data :
         {R"({"model":"m","choices":[{"index":0,"delta":{"content":"A"},"logprobs":{"content":[{"token":"A","logprob":-0.1}]}}]})",
          R"({"choices":[{"index":1,"delta":{"content":"B"}}]})", R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
          R"({"choices":[{"index":1,"delta":{"content":"b"}}]})", R"({"choices":[{"index":1,"delta":{},"finish_reason":"length"}]})"}) {
      all += net::WriteSseData(data);
    }
    all += WireUsage(3, 4) + WireDone();
    co_await talk.Piece(std::move(all));
    co_await talk.EndStream();
  });
  auto provider = Open("openai");
  ChatRequest request = Everything();
  request.extra["n"] = 2;
  Ask(*provider, request, true);
  EXPECT_EQ(last_->text, "A");
  EXPECT_EQ(ToJson(last_->logprobs), R"({"content":[{"token":"A","logprob":-1E-1}]})");
  ASSERT_EQ(last_->choices.size(), 1u);
  EXPECT_EQ(last_->choices[0].text, "Bb");
  EXPECT_EQ(last_->choices[0].finish_reason, "length");
  EXPECT_EQ(last_->usage.output_tokens, 4);
}

}  // namespace
}  // namespace plumb::provider
