// Anthropic's messages.
#include "runtime/provider/anthropic_parts.h"

namespace plumb::provider {

std::string FinishReason(std::string_view stop_reason) {
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") return "length";
  if (stop_reason == "tool_use") return "tool_calls";
  if (stop_reason == "refusal") return "content_filter";
  return "stop";  // end_turn, stop_sequence, pause_turn
}

json::object ToolCall(std::string_view id, std::string_view name, std::string_view arguments) {
  return {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

Usage AnthropicUsage(const json::object& counts) {
  const auto count = [&](std::string_view key) { return GetIntOr(counts, key, 0).value_or(0); };
  Usage usage;
  usage.cached_input_tokens = count("cache_read_input_tokens");
  usage.cache_creation_input_tokens = count("cache_creation_input_tokens");
  usage.input_tokens = count("input_tokens") + usage.cached_input_tokens + usage.cache_creation_input_tokens;
  usage.output_tokens = count("output_tokens");
  return usage;
}

namespace {

// What passes to Anthropic in its own words. A seed is not among them: a run against it is not repeatable, and says so
// by not sending one.
constexpr std::string_view kPassed[] = {"thinking",     "top_k",       "service_tier",       "cache_control",
                                        "output_config", "mcp_servers", "context_management", "container"};

// What OpenAI can and Anthropic cannot: asking for it and getting an answer without it would be a lie.
Status CheckExpressible(const json::object& extra) {
  PLUMB_TRY(const int64_t n, GetIntOr(extra, "n", 1));
  if (n > 1) return Fail(Code::kUnsupported, "n is {}; Anthropic gives one answer a request", n);
  PLUMB_TRY(const bool logprobs, GetBoolOr(extra, "logprobs", false));
  if (logprobs) return Fail(Code::kUnsupported, "Anthropic gives no logprobs");
  if (const json::object* format = FindObject(extra, "response_format")) {
    const json::string* type = FindString(*format, "type");
    if (type && *type != "text") {
      return Fail(Code::kUnsupported, "response_format '{}' is OpenAI's; ask Anthropic for a tool call or by output_config",
                  std::string_view(*type));
    }
  }
  return {};
}

void TakeBlock(const json::object& block, ChatResponse& response) {
  const json::string* type = FindString(block, "type");
  if (!type) return;
  const auto text = [&](std::string_view key) {
    const json::string* found = FindString(block, key);
    return found ? std::string_view(*found) : std::string_view();
  };
  if (*type == "text") {
    response.text += text("text");
  } else if (*type == "thinking") {
    response.reasoning += text("thinking");
    response.signature += text("signature");
  } else if (*type == "tool_use") {
    const std::string input = block.contains("input") ? ToJson(block.at("input")) : "{}";
    response.tool_calls.push_back(ToolCall(text("id"), text("name"), input));
  }
}

class Anthropic final : public Protocol {
 public:
  std::string_view Endpoint(const ChatRequest&) const override { return "/messages"; }
  bool WordForWord() const override { return true; }
  std::string Path(std::string_view endpoint, std::string_view) const override { return std::string(endpoint); }

  void Authorise(net::Headers& headers, const std::string& key) const override {
    if (!key.empty()) headers.Set("x-api-key", key);
    headers.Set("anthropic-version", "2023-06-01");
  }

  Result<json::object> Body(const ChatRequest& request, bool stream) const override {
    PLUMB_CHECK(AskableAsChat(request));
    PLUMB_CHECK(CheckExpressible(request.extra));
    json::object body;
    body["model"] = request.model;
    PLUMB_CHECK(TranslateMessages(request.messages, body));
    body["max_tokens"] = request.max_tokens.value_or(4096);
    if (const json::value* newer = request.extra.if_contains("max_completion_tokens"); newer && newer->is_number()) {
      body["max_tokens"] = *newer;
    }
    // OpenAI's scale ends at 2, Anthropic's at 1.
    if (request.temperature) body["temperature"] = std::min(*request.temperature, 1.0);
    if (request.top_p) body["top_p"] = *request.top_p;
    if (!request.stop.empty()) body["stop_sequences"] = json::value_from(request.stop);
    TranslateTools(request.extra, body);
    for (const auto& [key, value] : request.extra) {
      if (std::ranges::find(kPassed, std::string_view(key)) != std::end(kPassed)) body[key] = value;
      // OpenAI's metadata is a map of the caller's own; Anthropic's holds the user.
      if (key == "metadata" && value.is_object() && value.get_object().contains("user_id")) body[key] = value;
    }
    if (stream) body["stream"] = true;
    return body;
  }

  Result<ChatResponse> Parse(json::object answer) const override {
    ChatResponse response;
    const json::array* blocks = FindArray(answer, "content");
    if (!blocks) return Fail(Code::kCorrupt, "the answer has no content");
    for (const json::value& block : *blocks) {
      if (block.is_object()) TakeBlock(block.get_object(), response);
    }
    const json::string* reason = FindString(answer, "stop_reason");
    response.finish_reason = FinishReason(reason ? std::string_view(*reason) : "end_turn");
    if (const json::string* stop = FindString(answer, "stop_sequence")) response.stop_sequence = *stop;
    if (const json::string* model = FindString(answer, "model")) response.model = *model;
    if (const json::object* usage = FindObject(answer, "usage")) response.usage = AnthropicUsage(*usage);
    response.raw = std::move(answer);
    return response;
  }

  std::unique_ptr<StreamReader> Read(const ChatRequest&) const override { return AnthropicStreamReader(); }
};

}  // namespace

std::unique_ptr<Protocol> AnthropicProtocol() { return std::make_unique<Anthropic>(); }

}  // namespace plumb::provider
