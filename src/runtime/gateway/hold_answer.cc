// An answer as JSON, to be kept and given later.
#include "runtime/gateway/hold.h"

namespace plumb::gateway {

json::object AnswerJson(const Answer& answer) {
  json::array choices;
  for (const Choice& choice : answer.choices) {
    json::object one;
    one["text"] = choice.text;
    one["refusal"] = choice.refusal;
    one["reasoning"] = choice.reasoning;
    one["signature"] = choice.signature;
    one["tool_calls"] = choice.tool_calls;
    one["logprobs"] = choice.logprobs;
    one["finish_reason"] = choice.finish_reason;
    if (!choice.stop_sequence.empty()) one["stop_sequence"] = choice.stop_sequence;
    choices.push_back(std::move(one));
  }
  const provider::Usage& usage = answer.usage;
  json::object out;
  out["choices"] = std::move(choices);
  out["usage"] = {{"input_tokens", usage.input_tokens},
                  {"output_tokens", usage.output_tokens},
                  {"cached_input_tokens", usage.cached_input_tokens},
                  {"cache_creation_input_tokens", usage.cache_creation_input_tokens},
                  {"reasoning_tokens", usage.reasoning_tokens}};
  return out;
}

namespace {

std::string AnswerText(const json::object& object, std::string_view key) { return GetStringOr(object, key, "").value_or(""); }
int64_t Count(const json::object& object, std::string_view key) { return GetIntOr(object, key, 0).value_or(0); }

}  // namespace

Result<Answer> ParseAnswer(const json::object& object) {
  const json::array* choices = FindArray(object, "choices");
  if (!choices) return Fail(Code::kCorrupt, "a held answer has no choices");
  Answer answer;
  for (const json::value& each : *choices) {
    const json::object* one = each.if_object();
    if (!one) return Fail(Code::kCorrupt, "a choice of a held answer is no object");
    Choice& choice = answer.choices.emplace_back();
    choice.text = AnswerText(*one, "text");
    choice.refusal = AnswerText(*one, "refusal");
    choice.reasoning = AnswerText(*one, "reasoning");
    choice.signature = AnswerText(*one, "signature");
    if (const json::array* calls = FindArray(*one, "tool_calls")) choice.tool_calls = *calls;
    if (const json::value* logprobs = one->if_contains("logprobs")) choice.logprobs = *logprobs;
    choice.finish_reason = AnswerText(*one, "finish_reason");
    choice.stop_sequence = AnswerText(*one, "stop_sequence");
  }
  if (const json::object* usage = FindObject(object, "usage")) {
    answer.usage.input_tokens = Count(*usage, "input_tokens");
    answer.usage.output_tokens = Count(*usage, "output_tokens");
    answer.usage.cached_input_tokens = Count(*usage, "cached_input_tokens");
    answer.usage.cache_creation_input_tokens = Count(*usage, "cache_creation_input_tokens");
    answer.usage.reasoning_tokens = Count(*usage, "reasoning_tokens");
  }
  return answer;
}

}  // namespace plumb::gateway
