// OpenAI's old /v1/completions. Models that complete texts are asked to; others as a chat, whose user says the prompt.
#include <algorithm>

#include "base/net/sse.h"
#include "runtime/gateway/openai_form.h"

namespace plumb::gateway {
namespace {

// One prompt, as text: a text, or a list that holds one.
Result<std::string> ReadPrompt(const json::object& body) {
  const json::value* prompt = body.if_contains("prompt");
  if (prompt && prompt->is_array() && prompt->get_array().size() == 1) prompt = &prompt->get_array()[0];
  if (prompt && prompt->is_string()) return std::string(prompt->get_string());
  return Fail(Code::kUnsupported, "prompt must be one text; lists of prompts and of token numbers are not guarded, and therefore not served");
}

Status RefuseUnserved(const json::object& body) {
  for (const char* key : {"suffix", "best_of", "logprobs", "echo"}) {
    const json::value* value = body.if_contains(key);
    const bool asked = value && !value->is_null() && *value != false && !(std::string_view(key) == "best_of" && *value == 1);
    if (asked) return Fail(Code::kUnsupported, "{} is not served: its tokens could not be guarded, or no chat model behind this name could answer it", key);
  }
  return {};
}

Result<Call> ParseCompletions(const json::object& body) {
  Call call;
  provider::ChatRequest& request = call.request;
  PLUMB_CHECK(RefuseUnserved(body));
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

// This API knows no refusal, no tools and no reasoning: a refusal shows as its finish reason alone.
json::object One(int64_t index, std::string_view text, json::value reason) {
  json::object one = {{"index", index}, {"text", text}, {"logprobs", nullptr}};
  one["finish_reason"] = std::move(reason);
  return one;
}

class CompletionsWriter final : public StreamWriter {
 public:
  CompletionsWriter(const Head& head, const Call& call) : head_(head), include_usage_(call.include_usage) {}

  std::string Text(int choice, std::string_view text, const json::value&) override { return Chunk(One(choice, text, nullptr)); }
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
};

class Completions final : public Surface {
 public:
  std::string_view name() const override { return "completions"; }
  Result<Call> Parse(const json::object& body) const override { return ParseCompletions(body); }

  json::object Whole(const Head& head, const Call&, const Answer& answer) const override {
    json::object out = CompletionFrame(head);
    json::array& choices = out["choices"].emplace_array();
    for (const Choice& choice : answer.choices) {
      choices.push_back(One(static_cast<int64_t>(choices.size()), choice.text, json::value(choice.finish_reason)));
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
