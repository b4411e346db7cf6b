// OpenAI's /v1/chat/completions.
#include "base/core/json_text.h"
#include "base/net/sse.h"
#include "runtime/gateway/chat_request.h"
#include "runtime/gateway/openai_form.h"

namespace plumb::gateway {
namespace {

json::object Message(const Choice& choice) {
  json::object message = {{"role", "assistant"}};
  const bool silent = choice.text.empty() && (!choice.refusal.empty() || !choice.tool_calls.empty());
  message["content"] = silent ? json::value() : json::value(choice.text);
  message["refusal"] = choice.refusal.empty() ? json::value() : json::value(choice.refusal);
  if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
  if (!choice.tool_calls.empty()) message["tool_calls"] = choice.tool_calls;
  return message;
}

class ChatWriter final : public StreamWriter {
 public:
  ChatWriter(const Head& head, const Call& call) : frame_(FrameOf(head)), include_usage_(call.include_usage) {}

  std::string Text(int choice, std::string_view text, const json::value& logprobs) override {
    // What every piece of a stream goes through: written without building it first.
    std::string delta;
    delta.reserve(text.size() + 32);
    delta += R"({"content":)";
    AppendJsonString(text, delta);
    delta += '}';
    return Begin(choice) + Chunk(choice, delta, "null", logprobs.is_null() ? "null" : ToJson(logprobs));
  }
  std::string Refusal(int choice, std::string_view text) override { return Delta(choice, {{"refusal", text}}, nullptr); }
  std::string Reasoning(int choice, std::string_view text) override {
    return Delta(choice, {{"reasoning_content", text}}, nullptr);
  }
  std::string ToolCall(int choice, const json::object& delta) override {
    json::object holder;
    holder["tool_calls"] = json::array({json::value(delta)});
    return Delta(choice, std::move(holder), nullptr);
  }
  std::string Finish(int choice, std::string_view reason) override { return Delta(choice, {}, json::value(reason)); }
  std::string End(const provider::Usage& usage, std::string_view comment) override {
    std::string bytes;
    if (include_usage_) {
      bytes = "data: " + frame_ + R"("choices":[],"usage":)" + ToJson(ChatUsage(usage)) + "}\n\n";
    }
    return bytes + net::WriteSseComment(comment) + net::WriteSseData("[DONE]");
  }
  std::string Broken(const Error& error) override { return net::WriteSseData(ToJson(OpenAiError(error))); }

 private:
  // What stands before the choices in every event.
  static std::string FrameOf(const Head& head) {
    json::object out;
    out["id"] = "chatcmpl-" + head.exchange;
    out["object"] = "chat.completion.chunk";
    out["created"] = head.created;
    out["model"] = head.model;
    std::string text = ToJson(out);
    text.back() = ',';
    return text;
  }
  // A choice's first delta names the role.
  std::string Begin(int choice) {
    if (!begun_.insert(choice).second) return "";
    return Chunk(choice, R"({"role":"assistant","content":""})", "null", "null");
  }
  std::string Delta(int choice, const json::object& delta, const json::value& reason) {
    return Begin(choice) + Chunk(choice, ToJson(delta), ToJson(reason), "null");
  }
  // The parts are JSON.
  std::string Chunk(int choice, std::string_view delta, std::string_view reason, std::string_view logprobs) const {
    std::string out;
    out.reserve(frame_.size() + delta.size() + reason.size() + logprobs.size() + 112);
    out.append("data: ").append(frame_).append(R"("choices":[{"index":)").append(fmt::format_int(choice).c_str());
    out.append(R"(,"delta":)").append(delta).append(R"(,"logprobs":)").append(logprobs);
    out.append(R"(,"finish_reason":)").append(reason).append("}]");
    out.append(include_usage_ ? R"(,"usage":null})" : "}").append("\n\n");
    return out;
  }

  const std::string frame_;
  const bool include_usage_;
  std::set<int> begun_;
};

class Chat final : public Surface {
 public:
  std::string_view name() const override { return "chat"; }
  Result<Call> Parse(const json::object& body) const override { return ParseChat(body); }

  json::object Whole(const Head& head, const Call&, const Answer& answer) const override {
    json::object out;
    out["id"] = "chatcmpl-" + head.exchange;
    out["object"] = "chat.completion";
    out["created"] = head.created;
    out["model"] = head.model;
    json::array& choices = out["choices"].emplace_array();
    for (const Choice& choice : answer.choices) {
      json::object one;
      one["index"] = choices.size();
      one["message"] = Message(choice);
      one["logprobs"] = choice.logprobs;
      one["finish_reason"] = choice.finish_reason;
      choices.push_back(std::move(one));
    }
    out["usage"] = ChatUsage(answer.usage);
    return out;
  }

  std::unique_ptr<StreamWriter> Stream(const Head& head, const Call& call) const override {
    return std::make_unique<ChatWriter>(head, call);
  }
  json::value ErrorBody(const Error& error) const override { return OpenAiError(error); }
};

}  // namespace

const Surface& ChatSurface() {
  static const Chat surface;
  return surface;
}

}  // namespace plumb::gateway
