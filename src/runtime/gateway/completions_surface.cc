// OpenAI's old /v1/completions. Models that complete texts are asked to; others as a chat, whose user says the prompt.
#include <algorithm>
#include <map>
#include <optional>

#include "base/net/sse.h"
#include "runtime/gateway/openai_form.h"
#include "runtime/gateway/turn_messages.h"

namespace plumb::gateway {
namespace {

// One prompt, as text: a text, or a list that holds one.
Result<std::string> ReadPrompt(const json::object& body) {
  const json::value* prompt = body.if_contains("prompt");
  if (prompt && prompt->is_array() && prompt->get_array().size() == 1) prompt = &prompt->get_array()[0];
  if (prompt && prompt->is_string()) return std::string(prompt->get_string());
  return Fail(Code::kUnsupported, "prompt must be one text; lists of prompts and of token numbers are not guarded, and therefore not served");
}

// How many log-probabilities of other tokens are wanted beside each token's own; nothing: none at all. Told as chats are.
Status ReadLogprobs(const json::object& body, provider::ChatRequest& request) {
  constexpr int64_t kMost = 5;
  std::optional<int64_t> others;
  PLUMB_CHECK(ReadInteger(body, "logprobs", others));
  if (!others) return {};
  if (*others < 0 || *others > kMost) return Fail(Code::kInvalid, "logprobs is {}; it must be from 0 to {}", *others, kMost);
  request.extra["logprobs"] = true;
  if (*others > 0) request.extra["top_logprobs"] = *others;
  return {};
}

// Whether the prompt is to stand before its answer.
Status ReadEcho(const json::object& body, const std::string& prompt, Call& call) {
  PLUMB_TRY(const bool echo, GetBoolOr(body, "echo", false));
  if (!echo) return {};
  if (call.request.extra.contains("logprobs"))
    return Fail(Code::kUnsupported, "echo with logprobs is not served: the prompt is put in front here, and no model has weighed it");
  call.echo["prompt"] = prompt;
  return {};
}

// Several are written and the likeliest are given: by the model's server, which must be one that completes texts.
Status ReadBestOf(const json::object& body, Call& call) {
  constexpr int64_t kMost = 20;
  std::optional<int64_t> best_of;
  PLUMB_CHECK(ReadInteger(body, "best_of", best_of));
  if (!best_of || *best_of == call.choices) return {};
  if (*best_of < call.choices || *best_of > kMost)
    return Fail(Code::kInvalid, "best_of is {}; it must be from n, which is {}, to {}", *best_of, call.choices, kMost);
  if (call.stream) return Fail(Code::kInvalid, "best_of cannot be streamed: which is best is known at the end");
  call.request.extra["best_of"] = *best_of;
  return {};
}

Result<Call> ParseCompletions(const json::object& body) {
  Call call;
  provider::ChatRequest& request = call.request;
  request.completion = true;
  PLUMB_TRY(request.model, GetStringOr(body, "model", ""));
  PLUMB_TRY(const std::string prompt, ReadPrompt(body));
  request.messages.push_back(json::object{{"role", "user"}, {"content", prompt}});
  PLUMB_CHECK(ReadSampling(body, request));
  PLUMB_CHECK(ReadStream(body, call));
  PLUMB_CHECK(ReadChoices(body, call));
  PLUMB_TRY(call.subject, ReadSubject(body));
  for (const char* key : {"presence_penalty", "frequency_penalty", "logit_bias"}) {
    if (const json::value* value = body.if_contains(key)) request.extra[key] = *value;
  }
  PLUMB_TRY(const std::string suffix, GetStringOr(body, "suffix", ""));
  if (!suffix.empty()) request.extra["suffix"] = suffix;
  PLUMB_CHECK(ReadLogprobs(body, request));
  PLUMB_CHECK(ReadEcho(body, prompt, call));
  PLUMB_CHECK(ReadBestOf(body, call));
  return call;
}

json::object CompletionFrame(const Head& head) {
  json::object out;
  out["id"] = "cmpl-" + head.exchange;
  out["object"] = "text_completion";
  out["created"] = head.created;
  out["model"] = head.model;
  return out;
}

// A chat's log-probabilities of `text`, which begins `offset` characters after the answer does, as completions have them.
json::value CompletionLogprobs(const json::value& given, std::string_view text, size_t offset) {
  const json::object* object = given.if_object();
  const json::array* content = object ? FindArray(*object, "content") : nullptr;
  if (!content) return nullptr;
  json::array tokens, values, top, offsets;
  size_t at = 0;
  for (const json::value& value : *content) {
    const json::object* entry = value.if_object();
    const json::string* token = entry ? FindString(*entry, "token") : nullptr;
    if (!token) continue;
    // What the guard replaced has no token: the next one that is there stands behind it.
    if (const size_t found = text.find(std::string_view(*token), at); found != std::string_view::npos) at = found;
    offsets.emplace_back(offset + Characters(text.substr(0, at)));
    at = std::min(text.size(), at + token->size());
    tokens.emplace_back(*token);
    const json::value* logprob = entry->if_contains("logprob");
    values.push_back(logprob ? *logprob : json::value());
    json::object& others = top.emplace_back(json::object()).as_object();
    if (const json::array* likely = FindArray(*entry, "top_logprobs"))
      for (const json::value& other : *likely)
        if (const json::string* named = other.is_object() ? FindString(other.get_object(), "token") : nullptr) others[*named] = other.at("logprob");
  }
  return json::object{{"tokens", std::move(tokens)}, {"token_logprobs", std::move(values)}, {"top_logprobs", std::move(top)}, {"text_offset", std::move(offsets)}};
}

// This API knows no refusal, no tools and no reasoning: a refusal shows as its finish reason alone.
json::object One(int64_t index, std::string_view text, json::value reason, json::value logprobs = nullptr) {
  json::object one = {{"index", index}, {"text", text}, {"logprobs", std::move(logprobs)}};
  one["finish_reason"] = std::move(reason);
  return one;
}

// What stands before every answer that there is.
std::string_view EchoOf(const Call& call) {
  const json::string* prompt = FindString(call.echo, "prompt");
  return prompt ? std::string_view(*prompt) : std::string_view();
}

class CompletionsWriter final : public StreamWriter {
 public:
  CompletionsWriter(const Head& head, const Call& call) : head_(head), include_usage_(call.include_usage), echo_(EchoOf(call)) {}

  std::string Text(int choice, std::string_view text, const json::value& logprobs) override {
    const auto [place, first] = written_.try_emplace(choice, 0);
    size_t& written = place->second;
    json::value weighed = CompletionLogprobs(logprobs, text, written);
    written += Characters(text);
    return Chunk(One(choice, first ? echo_ + std::string(text) : std::string(text), nullptr, std::move(weighed)));
  }
  std::string Refusal(int, std::string_view) override { return ""; }
  std::string Reasoning(int, std::string_view) override { return ""; }
  std::string ToolCall(int, const json::object&) override { return ""; }
  std::string Finish(int choice, std::string_view reason) override { return Chunk(One(choice, "", json::value(reason))); }
  std::string End(const provider::Usage& usage, std::string_view comment) override {
    std::string bytes;
    if (include_usage_) {
      json::object out = CompletionFrame(head_);
      out["choices"] = json::array();
      out["usage"] = ChatUsage(usage);
      bytes = net::WriteSseData(ToJson(out));
    }
    return bytes + net::WriteSseComment(comment) + net::WriteSseData("[DONE]");
  }
  std::string Broken(const Error& error) override { return net::WriteSseData(ToJson(OpenAiError(error))); }

 private:
  std::string Chunk(json::object one) const {
    json::object out = CompletionFrame(head_);
    out["choices"].emplace_array().push_back(std::move(one));
    return net::WriteSseData(ToJson(out));
  }
  const Head head_;
  const bool include_usage_;
  const std::string echo_;
  std::map<int, size_t> written_;  // characters of each choice
};

class Completions final : public Surface {
 public:
  std::string_view name() const override { return "completions"; }
  Result<Call> Parse(const json::object& body) const override { return ParseCompletions(body); }

  json::object Whole(const Head& head, const Call& call, const Answer& answer) const override {
    json::object out = CompletionFrame(head);
    json::array& choices = out["choices"].emplace_array();
    for (const Choice& choice : answer.choices) {
      const std::string text = choice.text.empty() ? "" : std::string(EchoOf(call)) + choice.text;
      choices.push_back(One(static_cast<int64_t>(choices.size()), text, json::value(choice.finish_reason), CompletionLogprobs(choice.logprobs, choice.text, 0)));
    }
    out["usage"] = ChatUsage(answer.usage);
    return out;
  }

  std::unique_ptr<StreamWriter> Stream(const Head& head, const Call& call) const override {
    return std::make_unique<CompletionsWriter>(head, call);
  }
  json::value ErrorBody(const Error& error) const override { return OpenAiError(error); }
};

}  // namespace

const Surface& CompletionsSurface() {
  static const Completions surface;
  return surface;
}

}  // namespace plumb::gateway
