// A streamed answer in Anthropic's form: blocks begin, grow and end; the usage comes in two parts.
#include "runtime/provider/anthropic_parts.h"
#include "runtime/provider/failure.h"

namespace plumb::provider {
namespace {

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
      return std::unexpected(StreamedError(error ? *error : *object, "", reason_));
    }
    if (*type == "message_start") {
      if (const json::object* message = FindObject(*object, "message")) {
        if (const json::string* model = FindString(*message, "model")) whole_.model = *model;
        TakeUsage(*message);
      }
    } else if (*type == "content_block_start") {
      if (const json::object* block = FindObject(*object, "content_block")) BeginBlock(*block, deltas);
    } else if (*type == "content_block_delta") {
      if (const json::object* delta = FindObject(*object, "delta")) TakeDelta(*delta, deltas);
    } else if (*type == "message_delta") {
      if (const json::object* delta = FindObject(*object, "delta")) {
        if (const json::string* reason = FindString(*delta, "stop_reason")) whole_.finish_reason = FinishReason(*reason);
        if (const json::string* stop = FindString(*delta, "stop_sequence")) whole_.stop_sequence = *stop;
      }
      TakeUsage(*object);
    } else if (*type == "message_stop") {
      done_ = true;
    }
    return deltas;
  }
  bool done() const override { return done_; }
  bool finished() const override { return done_ && !whole_.finish_reason.empty(); }
  const std::string& reason() const override { return reason_; }
  ChatResponse Whole() override { return std::move(whole_); }

 private:
  // message_start counts the input, message_delta what has been put out so far; each figure that comes stands.
  void TakeUsage(const json::object& holder) {
    const json::object* usage = FindObject(holder, "usage");
    if (!usage) return;
    for (const auto& [key, value] : *usage) {
      if (!value.is_null()) usage_[key] = value;
    }
    whole_.usage = AnthropicUsage(usage_);
  }
  void Hand(ChatDelta delta, std::vector<ChatDelta>& deltas) {
    if (!named_) delta.model = whole_.model;
    named_ = true;
    deltas.push_back(std::move(delta));
  }
  void BeginBlock(const json::object& block, std::vector<ChatDelta>& deltas) {
    const json::string* kind = FindString(block, "type");
    if (!kind || *kind != "tool_use") return;
    const json::string* id = FindString(block, "id");
    const json::string* name = FindString(block, "name");
    ++tool_;
    json::object call = ToolCall(id ? std::string_view(*id) : "", name ? std::string_view(*name) : "", "");
    whole_.tool_calls.push_back(call);
    call["index"] = tool_;
    ChatDelta delta;
    delta.tool_calls.push_back(std::move(call));
    Hand(std::move(delta), deltas);
  }
  void TakeDelta(const json::object& from, std::vector<ChatDelta>& deltas) {
    ChatDelta delta;
    if (const json::string* text = FindString(from, "text")) {
      delta.text = *text;
      whole_.text += delta.text;
    } else if (const json::string* thinking = FindString(from, "thinking")) {
      delta.reasoning = *thinking;
      whole_.reasoning += delta.reasoning;
    } else if (const json::string* signature = FindString(from, "signature")) {
      delta.signature = *signature;
      whole_.signature += delta.signature;
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
  std::string reason_;
  int64_t tool_ = -1;
  bool named_ = false, done_ = false;
};

}  // namespace

std::unique_ptr<StreamReader> AnthropicStreamReader() { return std::make_unique<AnthropicReader>(); }

}  // namespace plumb::provider
