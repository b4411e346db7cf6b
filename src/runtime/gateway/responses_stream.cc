#include "runtime/gateway/responses_stream.h"

#include "base/net/sse.h"
#include "runtime/gateway/responses_items.h"

namespace plumb::gateway {

std::string ResponsesWriter::Event(std::string_view type, json::object data) {
  data["type"] = type;
  data["sequence_number"] = sequence_++;
  return net::WriteSse({std::string(type), ToJson(data), ""});
}

json::object ResponsesWriter::Place() const {
  json::object place = {{"item_id", item_id_}, {"output_index", output_.size()}};
  if (kind_ != Kind::kFunction) place["content_index"] = parts_.size();
  return place;
}

std::string ResponsesWriter::Begin() {
  if (sequence_ > 0) return "";
  std::string bytes = Event("response.created", {{"response", ResponseFrame(head_, call_, "in_progress")}});
  return bytes + Event("response.in_progress", {{"response", ResponseFrame(head_, call_, "in_progress")}});
}

std::string ResponsesWriter::OpenItem(std::string_view prefix, json::object item) {
  std::string bytes = Begin() + CloseItem("completed");
  item_id_ = fmt::format("{}_{}_{}", prefix, head_.exchange, output_.size());
  item["id"] = item_id_;
  return bytes + Event("response.output_item.added", {{"output_index", output_.size()}, {"item", std::move(item)}});
}

std::string ResponsesWriter::OpenPart(Kind kind, json::object part) {
  kind_ = kind;
  text_.clear();
  logprobs_.clear();
  json::object data = Place();
  data["part"] = std::move(part);
  return Event("response.content_part.added", std::move(data));
}

std::string ResponsesWriter::Delta(std::string_view type, std::string_view text, json::array logprobs) {
  text_ += text;
  json::object data = Place();
  data["delta"] = text;
  if (kind_ == Kind::kText) data["logprobs"] = std::move(logprobs);
  return Event(type, std::move(data));
}

std::string ResponsesWriter::Text(int, std::string_view text, const json::value& logprobs) {
  std::string bytes;
  if (kind_ != Kind::kText) {
    bytes = OpenItem("msg", MessageItem("", "in_progress", {}));
    bytes += OpenPart(Kind::kText, TextPart(""));
  }
  json::array tokens = TokenLogprobs(logprobs);
  logprobs_.insert(logprobs_.end(), tokens.begin(), tokens.end());
  return bytes + Delta("response.output_text.delta", text, std::move(tokens));
}

// A refusal after text is a second part of the same message.
std::string ResponsesWriter::Refusal(int, std::string_view text) {
  std::string bytes = kind_ == Kind::kText ? ClosePart() : OpenItem("msg", MessageItem("", "in_progress", {}));
  bytes += OpenPart(Kind::kRefusal, RefusalPart(""));
  return bytes + Delta("response.refusal.delta", text);
}

std::string ResponsesWriter::Reasoning(int, std::string_view text) {
  std::string bytes;
  if (kind_ != Kind::kReasoning) {
    bytes = OpenItem("rs", ReasoningItem("", "in_progress", ""));
    bytes += OpenPart(Kind::kReasoning, {{"type", "reasoning_text"}, {"text", ""}});
  }
  return bytes + Delta("response.reasoning_text.delta", text);
}

std::string ResponsesWriter::ToolCall(int, const json::object& delta) {
  const int64_t index = GetIntOr(delta, "index", 0).value_or(0);
  std::string bytes;
  if (kind_ != Kind::kFunction || index != function_index_) {
    json::object call = delta;
    json::object item = FunctionItem("", "in_progress", call);
    item["arguments"] = "";
    bytes = OpenItem("fc", std::move(item));
    kind_ = Kind::kFunction;
    function_ = std::move(call);
    function_index_ = index;
    text_.clear();
  }
  const json::object* function = FindObject(delta, "function");
  const json::string* arguments = function ? FindString(*function, "arguments") : nullptr;
  if (!arguments || arguments->empty()) return bytes;
  return bytes + Delta("response.function_call_arguments.delta", *arguments);
}

std::string ResponsesWriter::ClosePart() {
  json::object data = Place();
  std::string_view type = "response.output_text.done";
  json::object part = TextPart(text_);
  part["logprobs"] = logprobs_;
  if (kind_ == Kind::kRefusal) {
    type = "response.refusal.done";
    part = RefusalPart(text_);
  } else if (kind_ == Kind::kReasoning) {
    type = "response.reasoning_text.done";
    part = {{"type", "reasoning_text"}, {"text", text_}};
  }
  data[kind_ == Kind::kRefusal ? "refusal" : "text"] = text_;
  if (kind_ == Kind::kText) data["logprobs"] = logprobs_;
  std::string bytes = Event(type, std::move(data));
  json::object done = Place();
  done["part"] = part;
  bytes += Event("response.content_part.done", std::move(done));
  parts_.push_back(std::move(part));
  return bytes;
}

std::string ResponsesWriter::CloseItem(std::string_view status) {
  if (kind_ == Kind::kNone) return "";
  std::string bytes;
  json::object item;
  if (kind_ == Kind::kFunction) {
    json::object data = Place();
    data["arguments"] = text_;
    bytes = Event("response.function_call_arguments.done", std::move(data));
    item = FunctionItem(item_id_, status, function_);
    item["arguments"] = text_;
  } else {
    bytes = ClosePart();
    item = kind_ == Kind::kReasoning ? ReasoningItem(item_id_, status, text_) : MessageItem(item_id_, status, std::move(parts_));
  }
  parts_ = json::array();
  kind_ = Kind::kNone;
  bytes += Event("response.output_item.done", {{"output_index", output_.size()}, {"item", item}});
  output_.push_back(std::move(item));
  return bytes;
}

std::string ResponsesWriter::Finish(int, std::string_view reason) {
  reason_ = reason;
  json::value details;
  return Begin() + CloseItem(ResponseStatus(reason, details));
}

std::string ResponsesWriter::End(const provider::Usage& usage, std::string_view comment) {
  json::value details;
  const std::string_view status = ResponseStatus(reason_, details);
  json::object response = ResponseFrame(head_, call_, status);
  response["incomplete_details"] = std::move(details);
  response["output"] = output_;
  response["usage"] = ResponseUsage(usage);
  return net::WriteSseComment(comment) + Event(fmt::format("response.{}", status), {{"response", std::move(response)}});
}

std::string ResponsesWriter::Broken(const Error& error) {
  std::string bytes = Begin();
  json::object response = ResponseFrame(head_, call_, "failed");
  const char* code = error.code == Code::kExhausted ? "rate_limit_exceeded" : "server_error";
  response["error"] = {{"code", code}, {"message", error.message}};
  response["output"] = output_;
  return bytes + Event("response.failed", {{"response", std::move(response)}});
}

}  // namespace plumb::gateway
