#include <map>

#include "runtime/provider/protocol.h"

namespace plumb::provider {
namespace {

Usage UsageOf(const json::object& answer) {
  Usage usage;
  if (const json::object* counts = FindObject(answer, "usage")) {
    usage.input_tokens = GetIntOr(*counts, "prompt_tokens", 0).value_or(0);
    usage.output_tokens = GetIntOr(*counts, "completion_tokens", 0).value_or(0);
  }
  return usage;
}

// The reasoning of models that show it goes by two names.
std::string ReasoningOf(const json::object& message) {
  for (const char* key : {"reasoning_content", "reasoning"}) {
    if (const json::string* text = FindString(message, key)) return std::string(*text);
  }
  return "";
}

const json::object* FirstChoice(const json::object& answer) {
  const json::array* choices = FindArray(answer, "choices");
  return choices && !choices->empty() ? (*choices)[0].if_object() : nullptr;
}

class OpenAiReader final : public StreamReader {
 public:
  Result<std::vector<ChatDelta>> Take(const net::SseEvent& event) override {
    std::vector<ChatDelta> deltas;
    if (event.data == "[DONE]") {
      done_ = true;
      return deltas;
    }
    auto parsed = ParseJson(event.data, "stream event");
    const json::object* chunk = parsed ? parsed->if_object() : nullptr;
    if (!chunk) return Fail(Code::kCorrupt, "the stream holds an event that is not a JSON object");
    if (const json::object* error = FindObject(*chunk, "error")) {
      const json::string* message = FindString(*error, "message");
      return Fail(Code::kUnavailable, "the vendor ended the stream: {}",
                  message ? std::string_view(*message) : "no reason given");
    }
    if (const json::string* model = FindString(*chunk, "model")) whole_.model = *model;
    if (FindObject(*chunk, "usage")) whole_.usage = UsageOf(*chunk);
    const json::object* choice = FirstChoice(*chunk);
    if (!choice) return deltas;
    if (const json::string* reason = FindString(*choice, "finish_reason")) whole_.finish_reason = *reason;
    const json::object* delta = FindObject(*choice, "delta");
    if (!delta) return deltas;
    ChatDelta piece;
    if (const json::string* text = FindString(*delta, "content")) piece.text = *text;
    if (const json::string* refusal = FindString(*delta, "refusal")) piece.text += std::string_view(*refusal);
    piece.reasoning = ReasoningOf(*delta);
    if (const json::array* calls = FindArray(*delta, "tool_calls")) {
      piece.tool_calls = *calls;
      for (const json::value& call : *calls) Join(call);
    }
    whole_.text += piece.text;
    if (!piece.text.empty() || !piece.tool_calls.empty() || !piece.reasoning.empty()) deltas.push_back(std::move(piece));
    return deltas;
  }
  bool done() const override { return done_; }
  bool finished() const override { return done_ || !whole_.finish_reason.empty(); }
  ChatResponse Whole() override {
    if (whole_.finish_reason.empty()) whole_.finish_reason = "stop";
    for (auto& [index, call] : calls_) whole_.tool_calls.push_back(std::move(call));
    return std::move(whole_);
  }

 private:
  // A tool call comes in pieces: id and name first, then its arguments bit by bit.
  void Join(const json::value& piece) {
    const json::object* object = piece.if_object();
    if (!object) return;
    json::object& call = calls_[GetIntOr(*object, "index", 0).value_or(0)];
    if (call.empty()) call = {{"id", ""}, {"type", "function"}, {"function", {{"name", ""}, {"arguments", ""}}}};
    if (const json::string* id = FindString(*object, "id")) call["id"] = *id;
    const json::object* function = FindObject(*object, "function");
    if (!function) return;
    json::object& whole = call["function"].as_object();
    for (const char* key : {"name", "arguments"}) {
      if (const json::string* text = FindString(*function, key)) whole[key].as_string() += *text;
    }
  }

  ChatResponse whole_;
  std::map<int64_t, json::object> calls_;
  bool done_ = false;
};

class OpenAi final : public Protocol {
 public:
  std::string_view path() const override { return "/chat/completions"; }

  void Authorise(net::Headers& headers, const std::string& key) const override {
    if (!key.empty()) headers.Set("authorization", "Bearer " + key);
  }

  Result<json::object> Body(const ChatRequest& request, bool stream) const override {
    json::object body = request.extra;
    body["model"] = request.model;
    body["messages"] = request.messages;
    if (request.temperature) body["temperature"] = *request.temperature;
    if (request.top_p) body["top_p"] = *request.top_p;
    // Newer models know only max_completion_tokens; a caller who knows that sends it as an extra field.
    if (request.max_tokens && !body.contains("max_completion_tokens")) body["max_tokens"] = *request.max_tokens;
    if (request.seed) body["seed"] = *request.seed;
    if (!request.stop.empty()) body["stop"] = json::value_from(request.stop);
    if (stream) {
      body["stream"] = true;
      body["stream_options"] = {{"include_usage", true}};
    }
    return body;
  }

  Result<ChatResponse> Parse(json::object answer) const override {
    ChatResponse response;
    const json::object* choice = FirstChoice(answer);
    const json::object* message = choice ? FindObject(*choice, "message") : nullptr;
    if (!message) return Fail(Code::kCorrupt, "the answer has no choices[0].message");
    if (const json::value* content = message->if_contains("content")) response.text = ContentText(*content);
    if (response.text.empty()) {
      if (const json::string* refusal = FindString(*message, "refusal")) response.text = *refusal;
    }
    if (const json::array* calls = FindArray(*message, "tool_calls")) response.tool_calls = *calls;
    const json::string* reason = FindString(*choice, "finish_reason");
    response.finish_reason = reason ? std::string(*reason) : "stop";
    if (const json::string* model = FindString(answer, "model")) response.model = *model;
    response.usage = UsageOf(answer);
    response.raw = std::move(answer);
    return response;
  }

  std::unique_ptr<StreamReader> Read() const override { return std::make_unique<OpenAiReader>(); }
};

}  // namespace

std::unique_ptr<Protocol> OpenAiProtocol() { return std::make_unique<OpenAi>(); }

Error VendorError(int status, std::string_view body, const std::string& where) {
  std::string message;
  if (auto parsed = ParseJson(body); parsed && parsed->is_object()) {
    const json::object* error = FindObject(parsed->as_object(), "error");
    const json::string* text = error ? FindString(*error, "message") : FindString(parsed->as_object(), "error");
    if (!text) text = FindString(parsed->as_object(), "message");
    if (text) message = *text;
  }
  if (message.empty()) message = ToUtf8(Trim(body.substr(0, 200)));
  if (message.empty()) message = net::ReasonPhrase(status);
  Code code = Code::kUnavailable;
  if (status == 400 || status == 413 || status == 422) code = Code::kInvalid;
  if (status == 401 || status == 403) code = Code::kPermission;
  if (status == 404) code = Code::kNotFound;
  if (status == 429) code = Code::kExhausted;
  if (status == 408 || status == 504) code = Code::kDeadline;
  return {code, fmt::format("{} (status {})", message, status), where};
}

}  // namespace plumb::provider
