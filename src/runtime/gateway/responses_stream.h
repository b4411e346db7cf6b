// OpenAI's responses as a stream of events.
#pragma once

#include <string>
#include <string_view>

#include "runtime/gateway/surface.h"

namespace plumb::gateway {

// Items follow one another: what comes opens its own item and part, and closes those before. One choice.
class ResponsesWriter final : public StreamWriter {
 public:
  ResponsesWriter(const Head& head, const Call& call) : head_(head), call_(call) {}

  std::string Text(int choice, std::string_view text, const json::value& logprobs) override;
  std::string Refusal(int choice, std::string_view text) override;
  std::string Reasoning(int choice, std::string_view text) override;
  std::string ToolCall(int choice, const json::object& delta) override;
  std::string Finish(int choice, std::string_view reason) override;
  std::string End(const provider::Usage& usage, std::string_view comment) override;
  std::string Broken(const Error& error) override;

 private:
  enum class Kind { kNone, kText, kRefusal, kReasoning, kFunction };

  std::string Event(std::string_view type, json::object data);
  std::string Begin();
  std::string OpenItem(std::string_view prefix, json::object item);
  std::string OpenPart(Kind kind, json::object part);
  std::string Delta(std::string_view type, std::string_view text, json::array logprobs = {});
  std::string ClosePart();
  std::string CloseItem(std::string_view status);
  json::object Place() const;  // where an event belongs: item_id, output_index, content_index

  const Head head_;
  const Call call_;
  int sequence_ = 0;
  json::array output_;       // items that are closed
  // The open item; kNone where none is. A message may hold two parts, a text and a refusal.
  Kind kind_ = Kind::kNone;
  std::string item_id_, text_;  // `text_`: of the open part
  json::array logprobs_;        // of the open text
  json::array parts_;           // of the open message, closed
  json::object function_;       // the open call, in chat words
  int64_t function_index_ = -1;
  std::string reason_ = "stop";
};

}  // namespace plumb::gateway
