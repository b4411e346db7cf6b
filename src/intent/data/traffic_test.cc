#include "intent/data/traffic.h"

#include <gtest/gtest.h>

namespace plumb::data {
namespace {

std::vector<Traffic> ReadAll(std::string text, TrafficFormat format) {
  TrafficReader reader(std::move(text), "log", format);
  std::vector<Traffic> out;
  for (;;) {
    auto one = reader.Next();
    EXPECT_TRUE(one) << one.error().Text();
    if (!one || !*one) return out;
    out.push_back(std::move(**one));
  }
}

std::string Said(const Traffic& one) {
  std::string out;
  for (const json::value& message : one.messages) {
    out += fmt::format("{}:{}|", std::string_view(message.at("role").as_string()), std::string_view(message.at("content").as_string()));
  }
  return out;
}

TEST(Traffic, OpenAiRequestAndResponse) {
  const auto rows = ReadAll(R"({"id":"r1","timestamp":1717000000.5,"request":{"model":"gpt-x","user":"u7","messages":[{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{}}]}]},"response":{"choices":[{"message":{"role":"assistant","content":"hello","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}}
)", TrafficFormat::kOpenAi);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].id, "r1");
  EXPECT_EQ(rows[0].model, "gpt-x");
  EXPECT_EQ(rows[0].subject, "u7");
  EXPECT_EQ(rows[0].time, "2024-05-29T16:26:40.500Z");
  EXPECT_EQ(Said(rows[0]), "system:S|user:hi|");
  EXPECT_EQ(rows[0].response, "hello");
  EXPECT_EQ(rows[0].tool_calls.size(), 1u);
  EXPECT_TRUE(rows[0].action.empty()) << "such a log does not say what was done";
}

TEST(Traffic, OpenAiBatchFilesHoldOneSideEach) {
  const auto asked = ReadAll(R"({"custom_id":"c1","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"Q"}]}})",
                             TrafficFormat::kOpenAi);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].id, "c1");
  EXPECT_EQ(Said(asked[0]), "user:Q|");
  EXPECT_EQ(asked[0].no_response, "not in the log");
  const auto answered = ReadAll(R"({"id":"b","custom_id":"c1","response":{"status_code":200,"body":{"model":"m","choices":[{"message":{"content":"A"}}]}},"error":null})",
                                TrafficFormat::kOpenAi);
  ASSERT_EQ(answered.size(), 1u);
  EXPECT_EQ(answered[0].no_request, "not in the log");
  EXPECT_EQ(answered[0].response, "A");
}

TEST(Traffic, OpenAiMessagesWithTheAnswerLast) {
  const auto rows = ReadAll(R"({"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]})", TrafficFormat::kOpenAi);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(Said(rows[0]), "user:Q|");
  EXPECT_EQ(rows[0].response, "A");
  EXPECT_EQ(rows[0].id, "log:1:1");
}

TEST(Traffic, OpenAiOtherApis) {
  const auto rows = ReadAll(R"({"request":{"input":[{"role":"user","content":[{"type":"input_text","text":"Q"}]},{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":"R"}],"instructions":"I"},"response":{"output":[{"type":"message","content":[{"type":"output_text","text":"A"}]},{"type":"function_call","call_id":"2","name":"g","arguments":"{\"x\":1}"}]}}
{"request":{"system":"S","messages":[{"role":"user","content":"Q"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"R"}]}]}]},"response":{"role":"assistant","content":[{"type":"text","text":"A"},{"type":"tool_use","id":"u","name":"g","input":{}}]}}
{"request":{"prompt":"P"},"response":{"choices":[{"text":"T"}]}}
{"request":{"prompt":"P"},"response":[{"object":"chat.completion.chunk","choices":[{"delta":{"content":"a"}}]},{"object":"chat.completion.chunk","choices":[{"delta":{"content":"b"}}]}]}
)", TrafficFormat::kOpenAi);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(Said(rows[0]), "system:I|user:Q|assistant:|tool:R|");
  EXPECT_EQ(rows[0].response, "A");
  EXPECT_EQ(rows[0].tool_calls.at(0).at("function").at("arguments").as_string(), "{\"x\":1}");
  EXPECT_EQ(Said(rows[1]), "system:S|user:Q|assistant:|tool:R|");
  EXPECT_EQ(rows[1].tool_calls.at(0).at("function").at("name").as_string(), "g");
  EXPECT_EQ(Said(rows[2]), "user:P|");
  EXPECT_EQ(rows[2].response, "T");
  EXPECT_EQ(rows[3].response, "ab");
}

TEST(Traffic, LiteLlmPayloads) {
  const auto rows = ReadAll(R"({"id":"p1","call_type":"acompletion","status":"success","startTime":1717000000.0,"model":"azure/gpt","model_group":"gpt","end_user":"u","metadata":{"user_api_key_alias":"shop"},"messages":[{"role":"user","content":"Q"}],"response":{"choices":[{"message":{"content":"A"}}]}}
{"standard_logging_object":{"id":"p2","call_type":"completion","status":"failure","model":"m","messages":[{"role":"user","content":"Q"}],"response":null,"error_str":"429"}}
{"id":"p3","call_type":"completion","model":"m","messages":[{"role":"user","content":"redacted-by-litellm"}],"response":{"choices":[{"message":{"content":"redacted-by-litellm"}}]}}
{"request_id":"s1","call_type":"acompletion","startTime":"2025-03-01T10:00:00+00:00","model":"m","metadata":"{\"user_api_key_alias\":\"k\"}","messages":"{}","response":"{}","end_user":""}
{"request_id":"s2","call_type":"acompletion","startTime":"2025-03-01 10:00:00.250","model":"m","messages":{},"proxy_server_request":"{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}]}","response":"{\"choices\":[{\"message\":{\"content\":\"A\"}}]}"}
{"id":"e","call_type":"aembedding","model":"m","messages":"x"}
)", TrafficFormat::kLiteLlm);
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].model, "gpt");
  EXPECT_EQ(rows[0].key, "shop");
  EXPECT_EQ(rows[0].subject, "u");
  EXPECT_EQ(rows[0].time, "2024-05-29T16:26:40.000Z");
  EXPECT_EQ(rows[0].response, "A");
  EXPECT_EQ(rows[1].no_response, "the call failed");
  EXPECT_EQ(rows[2].no_request, "redacted");
  EXPECT_EQ(rows[2].no_response, "redacted");
  EXPECT_TRUE(rows[2].response.empty());
  EXPECT_EQ(rows[3].no_request, "not kept");
  EXPECT_EQ(rows[3].key, "k");
  EXPECT_EQ(Said(rows[4]), "user:Q|");
  EXPECT_EQ(rows[4].time, "2025-03-01T10:00:00.250Z");
}

TEST(Traffic, LangfuseExports) {
  // A JSON array of observations (table export), texts as JSON in a string.
  const auto table = ReadAll(R"([
  {"id":"o1","type":"GENERATION","traceId":"t","startTime":"2025-03-01T10:00:00.000Z","model":"gpt","input":"{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}]}","output":"{\"role\":\"assistant\",\"content\":\"A\"}"},
  {"id":"o2","type":"SPAN","input":"x","output":"y"}
])", TrafficFormat::kLangfuse);
  ASSERT_EQ(table.size(), 1u);
  EXPECT_EQ(Said(table[0]), "user:Q|");
  EXPECT_EQ(table[0].response, "A");
  EXPECT_EQ(table[0].where, "log:2:3");
  // Blob storage: snake case, one a line.
  const auto blob = ReadAll(R"({"id":"o","trace_id":"t","type":"GENERATION","start_time":"2024-05-29 13:46:19.963000","provided_model_name":"claude","user_id":"u","input":"[{\"role\":\"user\",\"content\":\"Q\"}]","output":"A"}
)", TrafficFormat::kLangfuse);
  ASSERT_EQ(blob.size(), 1u);
  EXPECT_EQ(blob[0].time, "2024-05-29T13:46:19.963Z");
  EXPECT_EQ(blob[0].model, "claude");
  EXPECT_EQ(blob[0].subject, "u");
  EXPECT_EQ(blob[0].response, "A");
  // A downloaded trace: its generations, not the trace again.
  const auto trace = ReadAll(R"({"id":"t","userId":"u","input":"Q","output":"A","observations":[{"id":"o1","type":"GENERATION","input":"Q1","output":"A1"},{"id":"o2","type":"TOOL","input":{},"output":{}}]})",
                             TrafficFormat::kLangfuse);
  ASSERT_EQ(trace.size(), 1u);
  EXPECT_EQ(trace[0].id, "o1");
  EXPECT_EQ(trace[0].subject, "u");
  // A listing of traces, whose observations are only named.
  const auto listing = ReadAll(R"({"data":[{"id":"t","timestamp":"2025-03-01T10:00:00Z","input":{"question":"Q"},"output":{"answer":"A"},"observations":["o1"]}],"meta":{"page":1}})",
                               TrafficFormat::kLangfuse);
  ASSERT_EQ(listing.size(), 1u);
  EXPECT_EQ(Said(listing[0]), "user:Q|");
  EXPECT_EQ(listing[0].response, "A");
}

TEST(Traffic, OurOwnExchanges) {
  const json::object body = {{"model", "m"}, {"key", "shop"}, {"mode", "enforce"}, {"action", "redact"}, {"clause", "cards"},
                             {"status", "ok"}, {"input", {{"action", "allow"}, {"clauses", json::array()}, {"unsafe", 0.1}}},
                             {"output", {{"action", "redact"}, {"clauses", {"cards"}}, {"unsafe", 0.9}}},
                             {"verdicts", {{"output", {{"categories", {{"cards", {{"score", 1}}}, {"keys", {{"score", 0}}}}}}}}}};
  const json::object texts = {{"request", R"([{"role":"user","content":"Q"}])"}, {"response", "[redacted: cards]"}, {"withheld", "4111"}};
  const Traffic one = TrafficOfExchange("exc_1", "2026-01-01T00:00:00.000Z", body, texts);
  EXPECT_EQ(Said(one), "user:Q|");
  EXPECT_EQ(one.response, "4111") << "what the model said, not what the caller was given";
  EXPECT_EQ(one.action, "redact");
  EXPECT_EQ(one.verdicts.at("output").fired, std::set<std::string>{"cards"});
  EXPECT_EQ(one.verdicts.at("output").known.size(), 2u);
  // Stopped at the input: the model was never asked.
  json::object stopped = body;
  stopped["output"] = nullptr;
  EXPECT_EQ(TrafficOfExchange("e", "", stopped, json::object{{"request", "[]"}, {"response", "No."}}).no_response, "not asked");
  // Erased, hashed, not kept: each by its name.
  EXPECT_EQ(TrafficOfExchange("e", "", body, json::object{{"request", nullptr}, {"response", nullptr}}).no_request, "erased");
  json::object hashed = body;
  hashed["sha256"] = {{"request", "00"}, {"response", "00"}};
  EXPECT_EQ(TrafficOfExchange("e", "", hashed, {}).no_response, "hashed");
  EXPECT_EQ(TrafficOfExchange("e", "", body, {}).no_request, "not kept");
  // Tool calls stand behind the text.
  const json::object called = {{"request", "[]"}, {"response", R"(See [{"a":1}] now. [{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}])"}};
  const Traffic calls = TrafficOfExchange("e", "", body, called);
  EXPECT_EQ(calls.response, R"(See [{"a":1}] now. )");
  EXPECT_EQ(calls.tool_calls.size(), 1u);
}

TEST(Traffic, LedgerExportLines) {
  const json::object entry = {{"v", 1}, {"id", "exc_1"}, {"kind", "exchange"}, {"time", "2026-01-01T00:00:00.000Z"},
                              {"body", {{"action", "allow"}, {"output", {{"action", "allow"}}}}}};
  const json::object line = {{"index", 3}, {"entry", ToJson(entry)}, {"texts", {{"request", R"([{"role":"user","content":"Q"}])"}, {"response", "A"}}}};
  const json::object other = {{"index", 4}, {"entry", R"({"id":"r","kind":"run","body":{}})"}, {"texts", json::object()}};
  TrafficReader reader(ToJson(line) + "\n" + ToJson(other) + "\n", "log", TrafficFormat::kPlumb);
  const auto one = reader.Next();
  ASSERT_TRUE(one && *one);
  EXPECT_EQ((*one)->id, "exc_1");
  EXPECT_EQ((*one)->response, "A");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.skipped().at("kind run"), 1u);
}

TEST(Traffic, ErrorsNameLineAndColumnAndTheNextRowStillComes) {
  TrafficReader reader("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n\n  {\"messages\": nul}\n{\"x\":1}\n{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}\n",
                       "log.jsonl", TrafficFormat::kOpenAi);
  ASSERT_TRUE(reader.Next());
  const auto broken = reader.Next();
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().where.starts_with("log.jsonl:3:")) << broken.error().where;
  EXPECT_NE(broken.error().where, "log.jsonl:3:1");
  const auto foreign = reader.Next();
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().where, "log.jsonl:4:1");
  const auto last = reader.Next();
  ASSERT_TRUE(last && *last);
  EXPECT_EQ(Said(**last), "user:b|");
  const auto end = reader.Next();
  EXPECT_TRUE(end && !*end);
}

TEST(Traffic, AnArrayCutOffIsAnErrorWithItsPlace) {
  TrafficReader reader("[\n {\"id\":\"a\",\"input\":\"Q\",\"output\":\"A\"},\n {\"id\":\"b\",\"in", "f.json", TrafficFormat::kLangfuse);
  ASSERT_TRUE(reader.Next());
  const auto cut = reader.Next();
  ASSERT_FALSE(cut);
  EXPECT_TRUE(cut.error().where.starts_with("f.json:3:")) << cut.error().where;
}

TEST(Traffic, FormatNames) {
  EXPECT_EQ(*ParseTrafficFormat("litellm"), TrafficFormat::kLiteLlm);
  const auto wrong = ParseTrafficFormat("langfues");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("langfuse"), std::string::npos);
}

}  // namespace
}  // namespace plumb::data
