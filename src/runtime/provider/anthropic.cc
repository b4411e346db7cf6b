#include <map>

#include "runtime/provider/protocol.h"

namespace plumb::provider {
namespace {

std::string FinishReason(std::string_view stop_reason) {
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") return "length";
  if (stop_reason == "tool_use") return "tool_calls";
  if (stop_reason == "refusal") return "content_filter";
  return "stop";  // end_turn, stop_sequence, pause_turn
}

// OpenAI's assistant tool calls as Anthropic content blocks.
void AddToolUses(const json::array& calls, json::array& blocks) {
  for (const json::value& call : calls) {
    const json::object* object = call.if_object();
    const json::object* function = object ? FindObject(*object, "function") : nullptr;
    if (!function) continue;
    const json::string* arguments = FindString(*function, "arguments");
    auto input = ParseJson(arguments ? std::string_view(*arguments) : "{}");
    blocks.push_back(json::object{{"type", "tool_use"},
                                  {"id", object->contains("id") ? object->at("id") : json::value("")},
                                  {"name", function->contains("name") ? function->at("name") : json::value("")},
                                  {"input", input && input->is_object() ? *input : json::value(json::object{})}});
  }
}

json::value ToolResult(const json::object& message) {
  const json::string* id = FindString(message, "tool_call_id");
  const json::object block = {{"type", "tool_result"},
                              {"tool_use_id", id ? std::string_view(*id) : ""},
                              {"content", message.contains("content") ? ContentText(message.at("content")) : ""}};
  return json::object{{"role", "user"}, {"content", json::array{block}}};
}

// Anthropic keeps the system prompt apart and knows tools' answers as user content.
Status Translate(const json::array& messages, json::object& body) {
  std::string system;
  json::array out;
  for (const json::value& value : messages) {
    const json::object* message = value.if_object();
    const json::string* role = message ? FindString(*message, "role") : nullptr;
    if (!role) return Fail(Code::kInvalid, "a message has no role");
    const json::value content = message->contains("content") ? message->at("content") : json::value("");
    if (*role == "system" || *role == "developer") {
      system += (system.empty() ? "" : "\n\n") + ContentText(content);
    } else if (*role == "tool") {
      out.push_back(ToolResult(*message));
    } else {
      json::array blocks;
      if (const std::string text = ContentText(content); !text.empty()) {
        blocks.push_back(json::object{{"type", "text"}, {"text", text}});
      }
      if (const json::array* calls = FindArray(*message, "tool_calls")) AddToolUses(*calls, blocks);
      out.push_back(json::object{{"role", *role == "assistant" ? "assistant" : "user"}, {"content", std::move(blocks)}});
    }
  }
  if (!system.empty()) body["system"] = system;
  body["messages"] = std::move(out);
  return {};
}

json::array Tools(const json::array& tools) {
  json::array out;
  for (const json::value& tool : tools) {
    const json::object* object = tool.if_object();
    const json::object* function = object ? FindObject(*object, "function") : nullptr;
    if (!function) continue;
    json::object made = {{"name", function->contains("name") ? function->at("name") : json::value("")}};
    if (const json::string* about = FindString(*function, "description")) made["description"] = *about;
    const json::object* parameters = FindObject(*function, "parameters");
    made["input_schema"] = parameters ? *parameters : json::object{{"type", "object"}};
    out.push_back(std::move(made));
  }
  return out;
}

json::object ToolCall(std::string_view id, std::string_view name, std::string_view arguments) {
  return {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

// Anthropic counts what it took from its cache and what it put there apart from the input; we count all of it as input.
Usage UsageOf(const json::object& counts) {
  const auto count = [&](std::string_view key) { return GetIntOr(counts, key, 0).value_or(0); };
  Usage usage;
  usage.cached_input_tokens = count("cache_read_input_tokens");
  usage.cache_creation_input_tokens = count("cache_creation_input_tokens");
  usage.input_tokens = count("input_tokens") + usage.cached_input_tokens + usage.cache_creation_input_tokens;
  usage.output_tokens = count("output_tokens");
  return usage;
}

class AnthropicReader final : public StreamReader {
 public:
  Result<std::vector<ChatDelta>> Take(const net::SseEvent& event) override {
    std::vector<ChatDelta> deltas;
    auto parsed = ParseJson(event.data, "stream event");
    const json::object* object = parsed ? parsed->if_object() : nullptr;
    const json::string* type = object ? FindString(*object, "type") : nullptr;
    if (!type) return Fail(Code::kCorrupt, "the stream holds an event that is not a JSON object with a type");
    if (*type == "error") {
      const json::object* error = FindObject(*object, "error");
      const json::string* message = error ? FindString(*error, "message") : nullptr;
      return Fail(Code::kUnavailable, "the vendor ended the stream: {}",
                  message ? std::string_view(*message) : "no reason given");
    }
    if (*type == "message_start") {
      if (const json::object* message = FindObject(*object, "message")) {
        if (const json::string* model = FindString(*message, "model")) whole_.model = *model;
        TakeUsage(*message);
      }
    } else if (*type == "content_block_start") {
      const json::object* block = FindObject(*object, "content_block");
      const json::string* kind = block ? FindString(*block, "type") : nullptr;
      if (kind && *kind == "tool_use") {
        const json::string* id = FindString(*block, "id");
        const json::string* name = FindString(*block, "name");
        ++tool_;
        json::object call = ToolCall(id ? std::string_view(*id) : "", name ? std::string_view(*name) : "", "");
        whole_.tool_calls.push_back(call);
        call["index"] = tool_;
        ChatDelta delta;
        delta.tool_calls.push_back(std::move(call));
        Hand(std::move(delta), deltas);
      }
    } else if (*type == "content_block_delta") {
      if (const json::object* delta = FindObject(*object, "delta")) TakeDelta(*delta, deltas);
    } else if (*type == "message_delta") {
      const json::object* delta = FindObject(*object, "delta");
      if (const json::string* reason = delta ? FindString(*delta, "stop_reason") : nullptr) {
        whole_.finish_reason = FinishReason(*reason);
      }
      TakeUsage(*object);
    } else if (*type == "message_stop") {
      done_ = true;
    }
    return deltas;
  }
  bool done() const override { return done_; }
  bool finished() const override { return done_; }
  ChatResponse Whole() override {
    if (whole_.finish_reason.empty()) whole_.finish_reason = "stop";
    return std::move(whole_);
  }

 private:
  // message_start counts the input, message_delta what has been put out so far; each figure that comes stands.
  void TakeUsage(const json::object& holder) {
    const json::object* usage = FindObject(holder, "usage");
    if (!usage) return;
    for (const auto& [key, value] : *usage) {
      if (!value.is_null()) usage_[key] = value;
    }
    whole_.usage = UsageOf(usage_);
  }
  void Hand(ChatDelta delta, std::vector<ChatDelta>& deltas) {
    if (!named_) delta.model = whole_.model;
    named_ = true;
    deltas.push_back(std::move(delta));
  }
  void TakeDelta(const json::object& from, std::vector<ChatDelta>& deltas) {
    ChatDelta delta;
    if (const json::string* text = FindString(from, "text")) {
      delta.text = *text;
      whole_.text += delta.text;
    } else if (const json::string* thinking = FindString(from, "thinking")) {
      delta.reasoning = *thinking;
      whole_.reasoning += delta.reasoning;
    } else if (const json::string* part = FindString(from, "partial_json"); part && tool_ >= 0) {
      json::object& function = whole_.tool_calls.back().as_object()["function"].as_object();
      function["arguments"].as_string() += *part;
      delta.tool_calls.push_back(json::object{{"index", tool_}, {"function", {{"arguments", *part}}}});
    } else {
      return;
    }
    Hand(std::move(delta), deltas);
  }

  ChatResponse whole_;
  json::object usage_;
  int64_t tool_ = -1;
  bool named_ = false, done_ = false;
};

class Anthropic final : public Protocol {
 public:
  std::string_view path() const override { return "/messages"; }

  void Authorise(net::Headers& headers, const std::string& key) const override {
    if (!key.empty()) headers.Set("x-api-key", key);
    headers.Set("anthropic-version", "2023-06-01");
  }

  Result<json::object> Body(const ChatRequest& request, bool stream) const override {
    json::object body;
    body["model"] = request.model;
    PLUMB_CHECK(Translate(request.messages, body));
    body["max_tokens"] = request.max_tokens.value_or(4096);
    if (request.temperature) body["temperature"] = *request.temperature;
    if (request.top_p) body["top_p"] = *request.top_p;
    if (!request.stop.empty()) body["stop_sequences"] = json::value_from(request.stop);
    // Anthropic has no seed: a run against it is not repeatable, and says so by not sending one.
    for (const auto& [key, value] : request.extra) {
      if (key == "tools" && value.is_array()) {
        body["tools"] = Tools(value.get_array());
      } else if (key == "max_completion_tokens") {
        body["max_tokens"] = value;
      } else if (key == "thinking" || key == "metadata" || key == "top_k") {
        body[key] = value;
      }
    }
    if (stream) body["stream"] = true;
    return body;
  }

  Result<ChatResponse> Parse(json::object answer) const override {
    ChatResponse response;
    const json::array* blocks = FindArray(answer, "content");
    if (!blocks) return Fail(Code::kCorrupt, "the answer has no content");
    for (const json::value& value : *blocks) {
      const json::object* block = value.if_object();
      const json::string* type = block ? FindString(*block, "type") : nullptr;
      if (!type) continue;
      if (const json::string* text = FindString(*block, "text"); text && *type == "text") {
        response.text += std::string_view(*text);
      } else if (const json::string* thinking = FindString(*block, "thinking")) {
        response.reasoning += std::string_view(*thinking);
      } else if (*type == "tool_use") {
        const json::string* id = FindString(*block, "id");
        const json::string* name = FindString(*block, "name");
        const std::string input = block->contains("input") ? ToJson(block->at("input")) : "{}";
        response.tool_calls.push_back(
            ToolCall(id ? std::string_view(*id) : "", name ? std::string_view(*name) : "", input));
      }
    }
    const json::string* reason = FindString(answer, "stop_reason");
    response.finish_reason = FinishReason(reason ? std::string_view(*reason) : "end_turn");
    if (const json::string* model = FindString(answer, "model")) response.model = *model;
    if (const json::object* usage = FindObject(answer, "usage")) response.usage = UsageOf(*usage);
    response.raw = std::move(answer);
    return response;
  }

  std::unique_ptr<StreamReader> Read(const ChatRequest&) const override { return std::make_unique<AnthropicReader>(); }
};

}  // namespace

std::unique_ptr<Protocol> AnthropicProtocol() { return std::make_unique<Anthropic>(); }

}  // namespace plumb::provider
