#include <map>

#include "runtime/provider/protocol.h"

namespace plumb::provider {
namespace {

int64_t Count(const json::object* counts, std::string_view key) {
  return counts ? GetIntOr(*counts, key, 0).value_or(0) : 0;
}

Usage UsageOf(const json::object& answer) {
  Usage usage;
  const json::object* counts = FindObject(answer, "usage");
  if (!counts) return usage;
  usage.input_tokens = Count(counts, "prompt_tokens");
  usage.output_tokens = Count(counts, "completion_tokens");
  usage.cached_input_tokens = Count(FindObject(*counts, "prompt_tokens_details"), "cached_tokens");
  usage.reasoning_tokens = Count(FindObject(*counts, "completion_tokens_details"), "reasoning_tokens");
  return usage;
}

// The reasoning of models that show it goes by two names.
std::string ReasoningOf(const json::object& message) {
  for (const char* key : {"reasoning_content", "reasoning"}) {
    if (const json::string* text = FindString(message, key)) return std::string(*text);
  }
  return "";
}

const json::array& ChoicesOf(const json::object& answer) {
  static const json::array none;
  const json::array* choices = FindArray(answer, "choices");
  return choices ? *choices : none;
}

json::value LogprobsOf(const json::object& choice) {
  const json::value* logprobs = choice.if_contains("logprobs");
  return logprobs ? *logprobs : json::value();
}

// The first answer is the response itself, the others follow it.
void PutChoices(std::vector<Choice> all, ChatResponse& response) {
  if (all.empty()) return;
  Choice& first = all.front();
  response.text = std::move(first.text);
  response.finish_reason = std::move(first.finish_reason);
  response.reasoning = std::move(first.reasoning);
  response.tool_calls = std::move(first.tool_calls);
  response.logprobs = std::move(first.logprobs);
  all.erase(all.begin());
  response.choices = std::move(all);
}

class OpenAiReader final : public StreamReader {
 public:
  explicit OpenAiReader(size_t expected) : expected_(expected) {}

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
    for (const json::value& choice : ChoicesOf(*chunk)) {
      if (choice.is_object()) TakeChoice(choice.get_object(), deltas);
    }
    return deltas;
  }
  bool done() const override { return done_; }
  bool finished() const override { return done_ || finished_ >= expected_; }
  ChatResponse Whole() override {
    std::vector<Choice> all;
    for (auto& [index, open] : open_) {
      if (open.choice.finish_reason.empty()) open.choice.finish_reason = "stop";
      for (auto& [at, call] : open.calls) open.choice.tool_calls.push_back(std::move(call));
      all.push_back(std::move(open.choice));
    }
    PutChoices(std::move(all), whole_);
    if (whole_.finish_reason.empty()) whole_.finish_reason = "stop";
    return std::move(whole_);
  }

 private:
  struct Open {
    Choice choice;
    std::map<int64_t, json::object> calls;
  };

  void TakeChoice(const json::object& choice, std::vector<ChatDelta>& deltas) {
    const int index = static_cast<int>(GetIntOr(choice, "index", 0).value_or(0));
    Open& open = open_[index];
    open.choice.index = index;
    if (const json::string* reason = FindString(choice, "finish_reason")) {
      finished_ += open.choice.finish_reason.empty();
      open.choice.finish_reason = *reason;
    }
    ChatDelta piece;
    piece.choice = index;
    piece.logprobs = LogprobsOf(choice);
    if (const json::object* delta = FindObject(choice, "delta")) {
      if (const json::string* text = FindString(*delta, "content")) piece.text = *text;
      if (const json::string* refusal = FindString(*delta, "refusal")) piece.text += std::string_view(*refusal);
      piece.reasoning = ReasoningOf(*delta);
      if (const json::array* calls = FindArray(*delta, "tool_calls")) {
        piece.tool_calls = *calls;
        for (const json::value& call : *calls) Join(call, open);
      }
    }
    open.choice.text += piece.text;
    open.choice.reasoning += piece.reasoning;
    JoinLogprobs(piece.logprobs, open.choice.logprobs);
    if (piece.text.empty() && piece.tool_calls.empty() && piece.reasoning.empty() && piece.logprobs.is_null()) return;
    if (!named_) piece.model = whole_.model;
    named_ = true;
    deltas.push_back(std::move(piece));
  }
  // {"content":[…],"refusal":[…]}: lists grow, piece by piece.
  static void JoinLogprobs(const json::value& piece, json::value& whole) {
    const json::object* more = piece.if_object();
    if (!more) return;
    if (!whole.is_object()) whole = json::object();
    for (const auto& [key, value] : *more) {
      json::value& list = whole.get_object()[key];
      if (!value.is_array() || !list.is_array()) {
        if (list.is_null()) list = value;
        continue;
      }
      for (const json::value& token : value.get_array()) list.get_array().push_back(token);
    }
  }
  // A tool call comes in pieces: id and name first, then its arguments bit by bit.
  static void Join(const json::value& piece, Open& open) {
    const json::object* object = piece.if_object();
    if (!object) return;
    json::object& call = open.calls[GetIntOr(*object, "index", 0).value_or(0)];
    if (call.empty()) call = {{"id", ""}, {"type", "function"}, {"function", {{"name", ""}, {"arguments", ""}}}};
    if (const json::string* id = FindString(*object, "id")) call["id"] = *id;
    const json::object* function = FindObject(*object, "function");
    if (!function) return;
    json::object& whole = call["function"].as_object();
    for (const char* key : {"name", "arguments"}) {
      if (const json::string* text = FindString(*function, key)) whole[key].as_string() += *text;
    }
  }

  size_t expected_, finished_ = 0;
  ChatResponse whole_;
  std::map<int, Open> open_;
  bool named_ = false, done_ = false;
};

Result<Choice> ParseChoice(const json::value& value) {
  const json::object* choice = value.if_object();
  const json::object* message = choice ? FindObject(*choice, "message") : nullptr;
  if (!message) return Fail(Code::kCorrupt, "the answer has a choice without a message");
  Choice out;
  out.index = static_cast<int>(GetIntOr(*choice, "index", 0).value_or(0));
  if (const json::value* content = message->if_contains("content")) out.text = ContentText(*content);
  if (out.text.empty()) {
    if (const json::string* refusal = FindString(*message, "refusal")) out.text = *refusal;
  }
  out.reasoning = ReasoningOf(*message);
  if (const json::array* calls = FindArray(*message, "tool_calls")) out.tool_calls = *calls;
  out.logprobs = LogprobsOf(*choice);
  const json::string* reason = FindString(*choice, "finish_reason");
  out.finish_reason = reason ? std::string(*reason) : "stop";
  return out;
}

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
    std::vector<Choice> all;
    for (const json::value& value : ChoicesOf(answer)) {
      PLUMB_TRY(Choice choice, ParseChoice(value));
      all.push_back(std::move(choice));
    }
    if (all.empty()) return Fail(Code::kCorrupt, "the answer has no choices");
    PutChoices(std::move(all), response);
    if (const json::string* model = FindString(answer, "model")) response.model = *model;
    response.usage = UsageOf(answer);
    response.raw = std::move(answer);
    return response;
  }

  std::unique_ptr<StreamReader> Read(const ChatRequest& request) const override {
    return std::make_unique<OpenAiReader>(static_cast<size_t>(GetIntOr(request.extra, "n", 1).value_or(1)));
  }
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
