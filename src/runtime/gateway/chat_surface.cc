// OpenAI's /v1/chat/completions.
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
  ChatWriter(const Head& head, const Call& call) : head_(head), include_usage_(call.include_usage) {}

  std::string Text(int choice, std::string_view text, const json::value& logprobs) override {
    return Delta(choice, {{"content", text}}, nullptr, logprobs);
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
      json::object out = Frame();
      out["choices"] = json::array();
      out["usage"] = ChatUsage(usage);
      bytes += net::WriteSseData(ToJson(out));
    }
    return bytes + net::WriteSseComment(comment) + net::WriteSseData("[DONE]");
  }
  std::string Broken(const Error& error) override { return net::WriteSseData(ToJson(OpenAiError(error))); }

 private:
  json::object Frame() const {
    json::object out;
    out["id"] = "chatcmpl-" + head_.exchange;
    out["object"] = "chat.completion.chunk";
    out["created"] = head_.created;
    out["model"] = head_.model;
    return out;
  }
  // A choice's first delta names the role.
  std::string Delta(int choice, json::object delta, json::value reason, json::value logprobs = nullptr) {
    std::string bytes;
    if (begun_.insert(choice).second) bytes = Chunk(choice, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr);
    return bytes + Chunk(choice, std::move(delta), std::move(reason), std::move(logprobs));
  }
  std::string Chunk(int choice, json::object delta, json::value reason, json::value logprobs) const {
    json::object out = Frame();
    json::object one;
    one["index"] = choice;
    one["delta"] = std::move(delta);
    one["logprobs"] = std::move(logprobs);
    one["finish_reason"] = std::move(reason);
    out["choices"] = json::array({json::value(std::move(one))});
    if (include_usage_) out["usage"] = nullptr;
    return net::WriteSseData(ToJson(out));
  }

  const Head head_;
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
