// OpenAI's /v1/responses.
#include "runtime/gateway/openai_form.h"
#include "runtime/gateway/responses_items.h"
#include "runtime/gateway/responses_request.h"
#include "runtime/gateway/responses_stream.h"

namespace plumb::gateway {
namespace {

// The items of a whole answer: what was reasoned, said, and called.
json::array Items(const Head& head, const Choice& choice, std::string_view status) {
  json::array items;
  const auto id = [&](std::string_view prefix) { return fmt::format("{}_{}_{}", prefix, head.exchange, items.size()); };
  if (!choice.reasoning.empty()) items.push_back(ReasoningItem(id("rs"), "completed", choice.reasoning));
  json::array parts;
  if (!choice.text.empty()) parts.push_back(TextPart(choice.text, choice.logprobs));
  if (!choice.refusal.empty()) parts.push_back(RefusalPart(choice.refusal));
  if (!parts.empty()) items.push_back(MessageItem(id("msg"), status, std::move(parts)));
  for (const json::value& call : choice.tool_calls) items.push_back(FunctionItem(id("fc"), "completed", call.as_object()));
  return items;
}

class Responses final : public Surface {
 public:
  std::string_view name() const override { return "responses"; }
  Result<Call> Parse(const json::object& body) const override { return ParseResponses(body); }

  json::object Whole(const Head& head, const Call& call, const Answer& answer) const override {
    const Choice& choice = answer.choices.front();
    json::value details;
    const std::string_view status = ResponseStatus(choice.finish_reason, details);
    json::object out = ResponseFrame(head, call, status);
    out["incomplete_details"] = std::move(details);
    out["output"] = Items(head, choice, status);
    out["usage"] = ResponseUsage(answer.usage);
    return out;
  }

  std::unique_ptr<StreamWriter> Stream(const Head& head, const Call& call) const override {
    return std::make_unique<ResponsesWriter>(head, call);
  }
  // An answer that is not kept is, to who asks for it, one that is not found.
  json::value ErrorBody(const Error& error) const override {
    json::value body = OpenAiError(error);
    if (error.where == "previous_response_id" || error.where == "conversation" || error.where == "prompt") {
      json::object& told = body.at("error").as_object();
      told["param"] = error.where;
      told["code"] = error.where == "previous_response_id" ? "previous_response_not_found" : error.where + "_not_found";
    }
    return body;
  }
};

}  // namespace

const Surface& ResponsesSurface() {
  static const Responses surface;
  return surface;
}

}  // namespace plumb::gateway
