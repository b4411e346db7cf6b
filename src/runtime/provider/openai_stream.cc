// A streamed answer in OpenAI's form: choices side by side, tool calls and log-probabilities in pieces.
#include <array>
#include <map>

#include "base/core/json_text.h"
#include "runtime/provider/failure.h"
#include "runtime/provider/openai_parts.h"

namespace plumb::provider {
namespace {

class OpenAiReader final : public StreamReader {
 public:
  OpenAiReader(size_t expected, bool hidden_reasoning) : expected_(expected), hidden_reasoning_(hidden_reasoning) {}

  Result<std::vector<ChatDelta>> Take(const net::SseEvent& event) override {
    std::vector<ChatDelta> deltas;
    if (event.data == "[DONE]") {
      done_ = true;
      return deltas;
    }
    std::array<unsigned char, 4096> room;
    json::monotonic_resource memory(room.data(), room.size());
    auto parsed = ParseJsonIn(&memory, event.data, "stream event");
    const json::object* chunk = parsed ? parsed->if_object() : nullptr;
    if (!chunk) return Fail(Code::kCorrupt, "the stream holds an event that is not a JSON object");
    if (const json::object* error = FindObject(*chunk, "error")) {
      return std::unexpected(StreamedError(*error, "", reason_));
    }
    if (const json::string* model = FindString(*chunk, "model")) whole_.model = *model;
    TakeUsage(*chunk);
    for (const json::value& choice : ChoicesOf(*chunk)) {
      if (choice.is_object()) TakeChoice(choice.get_object(), deltas);
    }
    return deltas;
  }
  bool done() const override { return done_; }
  const std::string& reason() const override { return reason_; }
  // Every answer has said why it ends. A vendor may give fewer than it was asked for.
  bool finished() const override {
    return finished_ >= expected_ || (done_ && finished_ > 0 && finished_ == open_.size());
  }
  ChatResponse Whole() override {
    std::vector<Choice> all;
    for (auto& [index, open] : open_) {
      for (auto& [at, call] : open.calls) open.choice.tool_calls.push_back(std::move(call));
      all.push_back(std::move(open.choice));
    }
    PutChoices(std::move(all), whole_);
    return std::move(whole_);
  }

 private:
  struct Open {
    Choice choice;
    std::map<int64_t, json::object> calls;
  };

  // Groq counts in a place of its own unless asked otherwise.
  void TakeUsage(const json::object& chunk) {
    const json::object* groq = FindObject(chunk, "x_groq");
    const json::object& holder = groq && FindObject(*groq, "usage") ? *groq : chunk;
    if (FindObject(holder, "usage")) whole_.usage = OpenAiUsage(holder, hidden_reasoning_);
  }
  void TakeChoice(const json::object& choice, std::vector<ChatDelta>& deltas) {
    const int index = static_cast<int>(GetIntOr(choice, "index", 0).value_or(0));
    Open& open = open_[index];
    open.choice.index = index;
    if (const json::string* reason = FindString(choice, "finish_reason")) {
      finished_ += open.choice.finish_reason.empty();
      open.choice.finish_reason = *reason;
      open.choice.stop_sequence = StopOf(choice);
    }
    ChatDelta piece;
    piece.choice = index;
    piece.logprobs = LogprobsOf(choice);
    if (const json::object* delta = FindObject(choice, "delta")) {
      if (const json::value* content = delta->if_contains("content")) piece.text = ContentText(*content);
      if (const json::string* refusal = FindString(*delta, "refusal")) piece.text += std::string_view(*refusal);
      piece.reasoning = ReasoningOf(*delta);
      if (const json::array* calls = FindArray(*delta, "tool_calls")) {
        piece.tool_calls = *calls;
        for (const json::value& call : *calls) Join(call, open);
      }
    } else if (const json::string* text = FindString(choice, "text")) {  // of /completions
      piece.text = *text;
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
  bool hidden_reasoning_;
  std::string reason_;
  ChatResponse whole_;
  std::map<int, Open> open_;
  bool named_ = false, done_ = false;
};

}  // namespace

std::unique_ptr<StreamReader> OpenAiStreamReader(size_t expected, bool hidden_reasoning) {
  return std::make_unique<OpenAiReader>(expected, hidden_reasoning);
}

}  // namespace plumb::provider
