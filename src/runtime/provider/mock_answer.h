// MOCK, for tests only: what the mock vendor answers, in OpenAI's and in Anthropic's words, whole and as a stream.
#pragma once

#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/net/net.h"

namespace plumb::provider {

struct MockAnswer {
  std::vector<std::string> texts;      // one per choice; at least one
  std::string reasoning;               // before the text; empty: none
  std::string tool, arguments;         // a tool call after the text; empty: none
  bool logprobs = false;               // a token a word, as OpenAI gives them
  std::string stop;                    // the stop sequence that ended it; empty: none

  bool calls() const { return !tool.empty(); }
};

// Cut before every space.
inline std::vector<std::string> MockWords(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find(' ', at + 1);
    if (end == std::string::npos) end = text.size();
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

inline json::value MockLogprobs(const std::vector<std::string>& words) {
  json::array content;
  for (const std::string& word : words) {
    json::array bytes;
    for (unsigned char byte : word) bytes.emplace_back(byte);
    content.push_back(json::object{{"token", word}, {"logprob", -0.5}, {"bytes", std::move(bytes)}, {"top_logprobs", json::array()}});
  }
  return json::object{{"content", std::move(content)}, {"refusal", nullptr}};
}

inline json::object MockOpenAiCall(const MockAnswer& answer, const std::string& arguments) {
  return {{"id", "call_1"}, {"type", "function"}, {"function", {{"name", answer.tool}, {"arguments", arguments}}}};
}

inline json::object MockOpenAi(const MockAnswer& answer) {
  json::object out = {{"id", "chatcmpl-mock"}, {"object", "chat.completion"}, {"created", 1}, {"model", "mock-1"},
                      {"usage", {{"prompt_tokens", 7}, {"completion_tokens", 5}, {"total_tokens", 12}}}};
  json::array& choices = out["choices"].emplace_array();
  for (const std::string& text : answer.texts) {
    json::object message = {{"role", "assistant"}, {"content", text.empty() ? json::value() : json::value(text)}};
    if (!answer.reasoning.empty()) message["reasoning_content"] = answer.reasoning;
    if (answer.calls()) message["tool_calls"].emplace_array().push_back(MockOpenAiCall(answer, answer.arguments));
    json::object choice = {{"index", choices.size()}, {"finish_reason", answer.calls() ? "tool_calls" : "stop"}};
    choice["message"] = std::move(message);
    if (answer.logprobs) choice["logprobs"] = MockLogprobs(MockWords(text));
    if (!answer.stop.empty()) choice["stop_reason"] = answer.stop;  // as vLLM does
    choices.push_back(std::move(choice));
  }
  return out;
}

inline std::string MockOpenAiChunk(size_t index, json::object delta, json::value reason, json::value logprobs = nullptr, const std::string& stop = "") {
  json::object choice = {{"index", index}, {"delta", std::move(delta)}, {"logprobs", std::move(logprobs)}};
  if (!stop.empty()) choice["stop_reason"] = stop;
  choice["finish_reason"] = std::move(reason);
  json::object chunk = {{"id", "chatcmpl-mock"}, {"object", "chat.completion.chunk"}, {"created", 1}, {"model", "mock-1"}};
  chunk["choices"].emplace_array().push_back(std::move(choice));
  return net::WriteSseData(ToJson(chunk));
}

inline std::vector<std::string> MockOpenAiStream(const MockAnswer& answer) {
  std::vector<std::string> out;
  for (size_t i = 0; i < answer.texts.size(); ++i) {
    out.push_back(MockOpenAiChunk(i, {{"role", "assistant"}, {"content", ""}}, nullptr));
    for (const std::string& word : MockWords(answer.reasoning)) out.push_back(MockOpenAiChunk(i, {{"reasoning_content", word}}, nullptr));
    for (const std::string& word : MockWords(answer.texts[i])) {
      out.push_back(MockOpenAiChunk(i, {{"content", word}}, nullptr, answer.logprobs ? MockLogprobs({word}) : json::value()));
    }
    if (answer.calls()) {
      const size_t half = answer.arguments.size() / 2;
      json::object first = MockOpenAiCall(answer, answer.arguments.substr(0, half));
      first["index"] = 0;
      json::object second = {{"index", 0}, {"function", {{"arguments", answer.arguments.substr(half)}}}};
      for (json::object* call : {&first, &second}) {
        json::object delta;
        delta["tool_calls"].emplace_array().push_back(std::move(*call));
        out.push_back(MockOpenAiChunk(i, std::move(delta), nullptr));
      }
    }
    out.push_back(MockOpenAiChunk(i, {}, answer.calls() ? "tool_calls" : "stop", nullptr, answer.stop));
  }
  out.push_back(net::WriteSseData(
      R"({"object":"chat.completion.chunk","model":"mock-1","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}})"));
  out.push_back(net::WriteSseData("[DONE]"));
  return out;
}

inline const char* MockStopReason(const MockAnswer& answer) {
  return answer.calls() ? "tool_use" : answer.stop.empty() ? "end_turn" : "stop_sequence";
}

inline json::object MockAnthropic(const MockAnswer& answer) {
  json::object out = {{"id", "msg_mock"}, {"type", "message"}, {"role", "assistant"}, {"model", "mock-1"},
                      {"stop_reason", MockStopReason(answer)}, {"stop_sequence", answer.stop.empty() ? json::value() : json::value(answer.stop)},
                      {"usage", {{"input_tokens", 7}, {"output_tokens", 5}}}};
  json::array& content = out["content"].emplace_array();
  if (!answer.reasoning.empty()) {
    content.push_back(json::object{{"type", "thinking"}, {"thinking", answer.reasoning}, {"signature", "c2VhbA=="}});
  }
  const std::string& text = answer.texts.front();
  if (!text.empty()) content.push_back(json::object{{"type", "text"}, {"text", text}});
  if (answer.calls()) {
    content.push_back(json::object{{"type", "tool_use"}, {"id", "call_1"}, {"name", answer.tool}, {"input", *ParseJson(answer.arguments)}});
  }
  return out;
}

// Events of an Anthropic stream, block by block.
class MockAnthropicEvents {
 public:
  std::vector<std::string> events;

  void Add(const std::string& type, json::object data) {
    data["type"] = type;
    events.push_back(net::WriteSse({type, ToJson(data), ""}));
  }
  void Block(json::object block, const std::vector<json::object>& deltas) {
    Add("content_block_start", {{"index", index_}, {"content_block", std::move(block)}});
    for (const json::object& delta : deltas) Add("content_block_delta", {{"index", index_}, {"delta", delta}});
    Add("content_block_stop", {{"index", index_}});
    ++index_;
  }

 private:
  int index_ = 0;
};

inline std::vector<std::string> MockAnthropicStream(const MockAnswer& answer) {
  MockAnthropicEvents out;
  out.Add("message_start", {{"message", {{"id", "msg_mock"}, {"model", "mock-1"}, {"usage", {{"input_tokens", 7}, {"output_tokens", 1}}}}}});
  std::vector<json::object> deltas;
  if (!answer.reasoning.empty()) {
    for (const std::string& word : MockWords(answer.reasoning)) deltas.push_back({{"type", "thinking_delta"}, {"thinking", word}});
    deltas.push_back({{"type", "signature_delta"}, {"signature", "c2VhbA=="}});
    out.Block({{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}, deltas);
  }
  out.Add("ping", {});
  if (!answer.texts.front().empty()) {
    deltas.clear();
    for (const std::string& word : MockWords(answer.texts.front())) deltas.push_back({{"type", "text_delta"}, {"text", word}});
    out.Block({{"type", "text"}, {"text", ""}}, deltas);
  }
  if (answer.calls()) {
    const size_t half = answer.arguments.size() / 2;
    deltas = {{{"type", "input_json_delta"}, {"partial_json", answer.arguments.substr(0, half)}},
              {{"type", "input_json_delta"}, {"partial_json", answer.arguments.substr(half)}}};
    out.Block({{"type", "tool_use"}, {"id", "call_1"}, {"name", answer.tool}, {"input", json::object()}}, deltas);
  }
  out.Add("message_delta", {{"delta", {{"stop_reason", MockStopReason(answer)}, {"stop_sequence", answer.stop.empty() ? json::value() : json::value(answer.stop)}}},
                            {"usage", {{"output_tokens", 5}}}});
  out.Add("message_stop", {});
  return std::move(out.events);
}

// The same as a completion of a text: OpenAI's older endpoint.
inline json::object MockCompletionChoice(size_t index, const std::string& text, json::value reason, bool logprobs) {
  json::object choice = {{"index", index}, {"text", text}, {"finish_reason", std::move(reason)}};
  if (!logprobs || text.empty()) return choice;
  json::array tokens, values, top;
  for (const std::string& word : MockWords(text)) {
    tokens.emplace_back(word);
    values.emplace_back(-0.5);
    top.push_back(json::object{{word, -0.5}});
  }
  choice["logprobs"] = {{"tokens", std::move(tokens)}, {"token_logprobs", std::move(values)}, {"top_logprobs", std::move(top)}};
  return choice;
}
inline json::object MockCompletion(const MockAnswer& answer) {
  json::object out = {{"id", "cmpl-mock"}, {"object", "text_completion"}, {"created", 1}, {"model", "mock-1"},
                      {"usage", {{"prompt_tokens", 7}, {"completion_tokens", 5}, {"total_tokens", 12}}}};
  json::array& choices = out["choices"].emplace_array();
  for (const std::string& text : answer.texts) choices.push_back(MockCompletionChoice(choices.size(), text, "stop", answer.logprobs));
  return out;
}
inline std::vector<std::string> MockCompletionStream(const MockAnswer& answer) {
  std::vector<std::string> out;
  const auto chunk = [&](size_t index, const std::string& text, json::value reason) {
    json::object whole = {{"object", "text_completion"}, {"model", "mock-1"}};
    whole["choices"].emplace_array().push_back(MockCompletionChoice(index, text, std::move(reason), answer.logprobs));
    out.push_back(net::WriteSseData(ToJson(whole)));
  };
  for (size_t i = 0; i < answer.texts.size(); ++i) {
    for (const std::string& word : MockWords(answer.texts[i])) chunk(i, word, nullptr);
    chunk(i, "", "stop");
  }
  out.push_back(net::WriteSseData(R"({"object":"text_completion","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}})"));
  out.push_back(net::WriteSseData("[DONE]"));
  return out;
}

// A vector per input: its length in bytes, and where it stands.
inline json::object MockEmbeddings(const json::object& body) {
  json::object out = {{"object", "list"}, {"model", "mock-1"}, {"usage", {{"prompt_tokens", 3}, {"total_tokens", 3}}}};
  json::array& data = out["data"].emplace_array();
  for (const json::value& input : body.at("input").as_array()) {
    const double index = static_cast<double>(data.size());
    data.push_back(json::object{{"object", "embedding"}, {"index", data.size()},
                                {"embedding", json::array{static_cast<double>(input.as_string().size()), index}}});
  }
  return out;
}

}  // namespace plumb::provider
