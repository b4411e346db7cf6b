// OpenAI's chat completions, as OpenAI and those who copy it speak it.
#include "runtime/provider/openai_parts.h"

#include "base/net/address.h"
#include "base/net/http.h"

namespace plumb::provider {

Usage OpenAiUsage(const json::object& answer, bool hidden_reasoning) {
  Usage usage;
  const json::object* counts = FindObject(answer, "usage");
  if (!counts) return usage;
  const auto count = [](const json::object* in, std::string_view key) {
    return in ? GetIntOr(*in, key, 0).value_or(0) : int64_t{0};
  };
  usage.input_tokens = count(counts, "prompt_tokens");
  usage.output_tokens = count(counts, "completion_tokens");
  usage.cached_input_tokens = count(FindObject(*counts, "prompt_tokens_details"), "cached_tokens");
  usage.reasoning_tokens = count(FindObject(*counts, "completion_tokens_details"), "reasoning_tokens");
  const int64_t beyond = count(counts, "total_tokens") - usage.input_tokens - usage.output_tokens;
  if (hidden_reasoning && beyond > 0) {
    usage.output_tokens += beyond;
    usage.reasoning_tokens = std::max(usage.reasoning_tokens, beyond);
  }
  return usage;
}

std::string ReasoningOf(const json::object& message) {
  for (const char* key : {"reasoning_content", "reasoning"}) {
    if (const json::string* text = FindString(message, key)) return std::string(*text);
  }
  return "";
}

std::string StopOf(const json::object& choice) {
  for (const char* key : {"stop_reason", "matched_stop"}) {
    if (const json::string* text = FindString(choice, key)) return std::string(*text);
  }
  return "";
}

const json::array& ChoicesOf(const json::object& answer) {
  static const json::array none;
  const json::array* choices = FindArray(answer, "choices");
  return choices ? *choices : none;
}

void PutChoices(std::vector<Choice> all, ChatResponse& response) {
  if (all.empty()) return;
  Choice& first = all.front();
  response.text = std::move(first.text);
  response.finish_reason = std::move(first.finish_reason);
  response.reasoning = std::move(first.reasoning);
  response.tool_calls = std::move(first.tool_calls);
  response.logprobs = std::move(first.logprobs);
  response.stop_sequence = std::move(first.stop_sequence);
  all.erase(all.begin());
  response.choices = std::move(all);
}

namespace {

int IndexOf(const json::object& choice) { return static_cast<int>(GetIntOr(choice, "index", 0).value_or(0)); }

std::string FinishOf(const json::object& choice) {
  const json::string* reason = FindString(choice, "finish_reason");
  return reason ? std::string(*reason) : "stop";
}

Result<Choice> ParseChoice(const json::value& value) {
  const json::object* choice = value.if_object();
  const json::object* message = choice ? FindObject(*choice, "message") : nullptr;
  if (const json::string* text = choice ? FindString(*choice, "text") : nullptr; text && !message) {  // of /completions
    Choice out{.index = IndexOf(*choice), .text = std::string(*text), .finish_reason = FinishOf(*choice), .logprobs = LogprobsOf(*choice), .stop_sequence = StopOf(*choice)};
    return out;
  }
  if (!message) return Fail(Code::kCorrupt, "the answer has a choice without a message");
  Choice out;
  out.index = IndexOf(*choice);
  if (const json::value* content = message->if_contains("content")) out.text = ContentText(*content);
  if (out.text.empty()) {
    if (const json::string* refusal = FindString(*message, "refusal")) out.text = *refusal;
  }
  out.reasoning = ReasoningOf(*message);
  if (const json::array* calls = FindArray(*message, "tool_calls")) out.tool_calls = *calls;
  out.logprobs = LogprobsOf(*choice);
  out.finish_reason = FinishOf(*choice);
  out.stop_sequence = StopOf(*choice);
  return out;
}

class OpenAi final : public Protocol {
 public:
  OpenAi(Dialect dialect, std::string api_version) : dialect_(std::move(dialect)), api_version_(std::move(api_version)) {}

  std::string_view Endpoint(const ChatRequest& request) const override {
    return Completes(request) ? "/completions" : "/chat/completions";
  }

  bool WordForWord() const override {
    const Dialect& d = dialect_;
    return d.max_tokens.empty() && d.seed == "seed" && d.developer && d.names && !d.deployments && d.only.empty() && d.without.empty();
  }

  // Azure with a dated api-version has the deployment in the path; its v1 form needs nothing of the kind.
  std::string Path(std::string_view endpoint, std::string_view model) const override {
    if (!dialect_.deployments || api_version_.empty()) return std::string(endpoint);
    return fmt::format("/openai/deployments/{}{}?api-version={}", net::PercentEncode(model), endpoint,
                       net::PercentEncode(api_version_));
  }

  void Authorise(net::Headers& headers, const std::string& key) const override {
    if (key.empty()) return;
    if (dialect_.key_as_api_key) {
      headers.Set("api-key", key);
    } else {
      headers.Set("authorization", "Bearer " + key);
    }
  }

  Result<json::object> Body(const ChatRequest& request, bool stream) const override {
    json::object body;
    for (const auto& [key, value] : request.extra) {
      if (key != "max_completion_tokens" && Takes(key) && !OnlyAnthropics(key)) body[key] = value;
    }
    if (json::value* tools = body.if_contains("tools"); tools && tools->is_array()) {
      for (json::value& tool : tools->get_array()) {
        if (tool.is_object()) DropAnthropics(tool.get_object());
      }
    }
    body["model"] = request.model;
    if (Completes(request)) {
      body["prompt"] = ContentText(request.messages.front().at("content"));
      PutLogprobs(request, body);
    } else {
      PLUMB_CHECK(AskableAsChat(request));
      body["messages"] = Messages(request.messages);
    }
    if (request.temperature) body["temperature"] = *request.temperature;
    if (request.top_p) body["top_p"] = *request.top_p;
    PutLimit(request, body);
    if (request.seed && !dialect_.seed.empty()) body[dialect_.seed] = *request.seed;
    if (!request.stop.empty()) body["stop"] = json::value_from(request.stop);
    if (stream) {
      body["stream"] = true;
      if (dialect_.stream_options) body["stream_options"] = {{"include_usage", true}};
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
    response.usage = OpenAiUsage(answer, dialect_.hidden_reasoning);
    response.raw = std::move(answer);
    return response;
  }

  std::unique_ptr<StreamReader> Read(const ChatRequest& request) const override {
    const int64_t n = GetIntOr(request.extra, "n", 1).value_or(1);
    return OpenAiStreamReader(static_cast<size_t>(std::max<int64_t>(n, 1)), dialect_.hidden_reasoning);
  }

 private:
  bool Takes(std::string_view field) const {
    if (!dialect_.only.empty()) return std::ranges::find(dialect_.only, field) != dialect_.only.end();
    return std::ranges::find(dialect_.without, field) == dialect_.without.end();
  }
  // Where something was put in front of the text (a system prompt), it is a chat.
  bool Completes(const ChatRequest& request) const {
    return request.completion && request.messages.size() == 1 &&
           std::ranges::any_of(dialect_.completers, [&](const std::string& model) { return request.model.starts_with(model); });
  }
  // Completions ask for both by one number.
  static void PutLogprobs(const ChatRequest& request, json::object& body) {
    if (!body.erase("logprobs")) return;
    body["logprobs"] = GetIntOr(request.extra, "top_logprobs", 0).value_or(0);
    body.erase("top_logprobs");
  }
  // The limit has two names. A caller who sends both means the newer one.
  void PutLimit(const ChatRequest& request, json::object& body) const {
    const json::value* newer = request.extra.if_contains("max_completion_tokens");
    if (!newer && !request.max_tokens) return;
    if (Completes(request)) {  // which knows the older alone
      body["max_tokens"] = newer ? *newer : json::value(*request.max_tokens);
      return;
    }
    const std::string_view own = newer ? "max_completion_tokens" : "max_tokens";
    body[dialect_.max_tokens.empty() ? own : std::string_view(dialect_.max_tokens)] = newer ? *newer : json::value(*request.max_tokens);
  }
  json::array Messages(const json::array& messages) const {
    json::array out = messages;
    for (json::value& value : out) {
      json::object* message = value.if_object();
      if (!message) continue;
      const json::string* role = FindString(*message, "role");
      if (!dialect_.developer && role && *role == "developer") (*message)["role"] = "system";
      if (!dialect_.names) message->erase("name");
      DropAnthropics(*message);
    }
    return out;
  }

  Dialect dialect_;
  std::string api_version_;
};

}  // namespace

std::unique_ptr<Protocol> OpenAiProtocol(Dialect dialect, std::string api_version) {
  return std::make_unique<OpenAi>(std::move(dialect), std::move(api_version));
}

}  // namespace plumb::provider
