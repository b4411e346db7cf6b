// Anthropic's /v1/messages.
#include "base/net/sse.h"
#include "runtime/gateway/messages_form.h"
#include "runtime/gateway/messages_request.h"

namespace plumb::gateway {
namespace {

json::object RefusalDetails(std::string_view say) {
  return {{"type", "refusal"}, {"category", nullptr}, {"explanation", say}};
}

json::value StopValue(std::string_view reason, std::string_view sequence) {
  return reason == "stop_sequence" ? json::value(sequence) : json::value();
}

json::object MessageFrame(const Head& head) {
  json::object out;
  out["id"] = "msg_" + head.exchange;
  out["type"] = "message";
  out["role"] = "assistant";
  out["model"] = head.model;
  return out;
}

// Arguments that are no JSON object (a model's mistake) are shown as what they are.
json::value ToolInput(std::string_view arguments) {
  auto parsed = ParseJson(arguments.empty() ? "{}" : arguments);
  if (parsed && parsed->is_object()) return *parsed;
  return json::object{{"unparsed", arguments}};
}

json::object ToolUseBlock(const json::object& call, json::value input) {
  const json::string* id = FindString(call, "id");
  const json::object* function = FindObject(call, "function");
  const json::string* name = function ? FindString(*function, "name") : nullptr;
  return {{"type", "tool_use"}, {"id", id ? *id : ""}, {"name", name ? *name : ""}, {"input", std::move(input)}};
}

std::string_view Arguments(const json::object& call) {
  const json::object* function = FindObject(call, "function");
  const json::string* arguments = function ? FindString(*function, "arguments") : nullptr;
  return arguments ? std::string_view(*arguments) : "";
}

// Blocks follow one another: what comes opens its own block and closes the one before.
class MessagesWriter final : public StreamWriter {
 public:
  explicit MessagesWriter(const Head& head) : head_(head) {}

  std::string Text(int, std::string_view text, const json::value&) override {
    return Open("text", {{"type", "text"}, {"text", ""}}) + Delta({{"type", "text_delta"}, {"text", text}});
  }
  std::string Reasoning(int, std::string_view text) override {
    return Open("thinking", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}) +
           Delta({{"type", "thinking_delta"}, {"thinking", text}});
  }
  std::string Signature(int, std::string_view seal) override {
    return open_ == "thinking" ? Delta({{"type", "signature_delta"}, {"signature", seal}}) : "";
  }
  std::string ToolCall(int, const json::object& delta) override {
    const int64_t index = GetIntOr(delta, "index", 0).value_or(0);
    std::string bytes = Open(fmt::format("tool {}", index), ToolUseBlock(delta, json::object()));
    const std::string_view arguments = Arguments(delta);
    if (!arguments.empty()) bytes += Delta({{"type", "input_json_delta"}, {"partial_json", arguments}});
    return bytes;
  }
  std::string Refusal(int, std::string_view text) override {
    refusal_ = text;
    return Begin();
  }
  void Stopped(std::string_view sequence) override { stop_ = sequence; }
  std::string Finish(int, std::string_view reason) override {
    reason_ = reason;
    return Begin() + Close();
  }
  std::string End(const provider::Usage& usage, std::string_view comment) override {
    const std::string_view reason = StopReason(reason_, stop_);
    json::object delta = {{"stop_reason", reason}, {"stop_sequence", StopValue(reason, stop_)}};
    delta["stop_details"] = refusal_.empty() ? json::value() : json::value(RefusalDetails(refusal_));
    json::object last = {{"delta", std::move(delta)}, {"usage", MessagesUsage(usage)}};
    return Event("message_delta", std::move(last)) + net::WriteSseComment(comment) + Event("message_stop", {});
  }
  std::string Broken(const Error& error) override {
    json::value body = MessagesError(error);
    return Event("error", std::move(body.as_object()));
  }

 private:
  static std::string Event(std::string_view type, json::object data) {
    data["type"] = type;
    return net::WriteSse({std::string(type), ToJson(data), ""});
  }
  std::string Begin() {
    if (begun_) return "";
    begun_ = true;
    json::object message = MessageFrame(head_);
    message["content"] = json::array();
    message["stop_reason"] = nullptr;
    message["stop_sequence"] = nullptr;
    message["stop_details"] = nullptr;
    message["usage"] = MessagesUsage({});
    json::object start;
    start["message"] = std::move(message);
    return Event("message_start", std::move(start)) + Event("ping", {});
  }
  std::string Open(std::string kind, json::object block) {
    if (kind == open_) return "";
    std::string bytes = Begin() + Close();
    open_ = std::move(kind);
    json::object start = {{"index", index_}, {"content_block", std::move(block)}};
    return bytes + Event("content_block_start", std::move(start));
  }
  std::string Delta(json::object delta) const {
    json::object data = {{"index", index_}, {"delta", std::move(delta)}};
    return Event("content_block_delta", std::move(data));
  }
  std::string Close() {
    if (open_.empty()) return "";
    open_.clear();
    json::object stop = {{"index", index_++}};
    return Event("content_block_stop", std::move(stop));
  }

  const Head head_;
  bool begun_ = false;
  std::string open_;  // what the open block is; "" where none is
  int index_ = 0;
  std::string reason_ = "stop", refusal_, stop_;
};

json::array Blocks(const Choice& choice) {
  json::array blocks;
  if (!choice.reasoning.empty()) {
    blocks.push_back(json::object{{"type", "thinking"}, {"thinking", choice.reasoning}, {"signature", choice.signature}});
  }
  if (!choice.text.empty()) blocks.push_back(json::object{{"type", "text"}, {"text", choice.text}});
  for (const json::value& call : choice.tool_calls) {
    blocks.push_back(ToolUseBlock(call.as_object(), ToolInput(Arguments(call.as_object()))));
  }
  return blocks;
}

class Messages final : public Surface {
 public:
  std::string_view name() const override { return "messages"; }
  Result<Call> Parse(const json::object& body) const override { return ParseMessages(body); }

  json::object Whole(const Head& head, const Call&, const Answer& answer) const override {
    const Choice& choice = answer.choices.front();
    json::object out = MessageFrame(head);
    out["content"] = Blocks(choice);
    const std::string_view reason = StopReason(choice.finish_reason, choice.stop_sequence);
    out["stop_reason"] = reason;
    out["stop_sequence"] = StopValue(reason, choice.stop_sequence);
    out["stop_details"] = choice.refusal.empty() ? json::value() : json::value(RefusalDetails(choice.refusal));
    out["usage"] = MessagesUsage(answer.usage);
    return out;
  }

  std::unique_ptr<StreamWriter> Stream(const Head& head, const Call&) const override {
    return std::make_unique<MessagesWriter>(head);
  }
  json::value ErrorBody(const Error& error) const override { return MessagesError(error); }
};

}  // namespace

const Surface& MessagesSurface() {
  static const Messages surface;
  return surface;
}

}  // namespace plumb::gateway
