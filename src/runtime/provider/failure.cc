#include "runtime/provider/failure.h"

#include "base/core/text.h"
#include "base/net/http.h"

namespace plumb::provider {
namespace {

bool HasAny(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// OpenAI: {"error":{message,type,code}}; Anthropic: {"error":{type,message}}; Gemini: [{"error":{code,message,status}}];
// Mistral: {"message": text or {"detail":[…]}, "type", "code"}; FastAPI (vLLM, SGLang): {"detail": …}; Ollama:
// {"error": text}.
const json::object* ErrorObject(const json::value& body) {
  const json::value* value = &body;
  if (const json::array* list = body.if_array(); list && !list->empty()) value = &list->front();
  const json::object* object = value->if_object();
  if (!object) return nullptr;
  const json::object* error = FindObject(*object, "error");
  return error ? error : object;
}

std::string MessageOf(const json::object& error) {
  for (const char* key : {"message", "detail", "error"}) {
    const json::value* value = error.if_contains(key);
    if (!value || value->is_null()) continue;
    return value->is_string() ? std::string(value->get_string()) : ToJson(*value);
  }
  return "";
}

// The most particular word there is. Numbers (Gemini's and Mistral's codes) say no more than the status.
std::string ReasonOf(const json::object& error) {
  for (const char* key : {"code", "status", "type"}) {
    if (const json::string* text = FindString(error, key); text && !text->empty()) return std::string(*text);
  }
  return "";
}

bool IsBlocked(std::string_view reason, std::string_view message) {
  if (HasAny(reason, {"content_policy", "content_filter", "policy_violation", "PolicyViolation", "moderation_blocked",
                      "PROHIBITED_CONTENT"})) {
    return true;
  }
  return reason == "invalid_prompt" && HasAny(message, {"policy", "policies"});
}

bool IsTooLong(std::string_view reason, std::string_view message) {
  if (reason == "context_length_exceeded" || reason == "model_context_window_exceeded" || reason == "exceed_context_size_error") {
    return true;
  }
  return HasAny(message, {"maximum context length", "prompt is too long", "exceeds the available context size",
                          "longer than the model's context length", "input token count", "exceeds the maximum number of tokens"});
}

bool IsQuota(std::string_view reason) {
  return reason == "insufficient_quota" || reason == "billing_hard_limit_reached" || reason == "billing_error";
}

Code CodeOf(int status) {
  switch (status) {
    case 400: case 413: case 422: return Code::kInvalid;
    case 401: case 402: case 403: return Code::kPermission;
    case 404: return Code::kNotFound;
    case 408: case 504: return Code::kDeadline;
    case 429: return Code::kExhausted;
    default: return Code::kUnavailable;
  }
}

}  // namespace

std::string_view MeaningName(Meaning meaning) {
  switch (meaning) {
    case Meaning::kPassing: return "passing";
    case Meaning::kBusy: return "busy";
    case Meaning::kSilent: return "silent";
    case Meaning::kRefused: return "refused";
    case Meaning::kBlocked: return "blocked";
    case Meaning::kTooLong: return "too_long";
    case Meaning::kTarget: return "target";
    case Meaning::kGone: return "gone";
  }
  return "";
}

Meaning MeaningOf(int status, std::string_view reason, const Error& error) {
  if (error.code == Code::kCancelled) return Meaning::kGone;
  if (IsBlocked(reason, error.message)) return Meaning::kBlocked;
  if (error.code == Code::kInvalid && IsTooLong(reason, error.message)) return Meaning::kTooLong;
  if (status == 402) return Meaning::kTarget;
  if (IsQuota(reason)) return Meaning::kTarget;
  switch (error.code) {
    case Code::kDeadline: return Meaning::kSilent;
    case Code::kExhausted: return Meaning::kBusy;
    case Code::kUnavailable: case Code::kCorrupt: case Code::kIo: return Meaning::kPassing;
    case Code::kPermission: case Code::kNotFound: case Code::kUnsupported: return Meaning::kTarget;
    default: return Meaning::kRefused;
  }
}

Error VendorError(int status, std::string_view body, const std::string& where, std::string& reason) {
  std::string message;
  bool coded = false;  // its word says more than the status does
  auto parsed = ParseJson(body);
  if (const json::object* error = parsed ? ErrorObject(*parsed) : nullptr) {
    message = MessageOf(*error);
    reason = ReasonOf(*error);
    coded = FindString(*error, "code") && !reason.empty();
  }
  if (message.empty()) message = ToUtf8(Trim(body.substr(0, 200)));
  if (message.empty()) message = net::ReasonPhrase(status);
  const std::string word = coded ? ", " + reason : "";
  return {CodeOf(status), fmt::format("{} (status {}{})", message, status, word), where};
}

Error StreamedError(const json::object& error, const std::string& where, std::string& reason) {
  std::string message = MessageOf(error);
  if (message.empty()) message = "no reason given";
  reason = ReasonOf(error);
  Code code = Code::kUnavailable;
  if (HasAny(reason, {"rate_limit"})) code = Code::kExhausted;
  if (HasAny(reason, {"authentication", "permission"})) code = Code::kPermission;
  if (HasAny(reason, {"invalid_request", "invalid_prompt"}) || IsBlocked(reason, message) || IsTooLong(reason, message)) {
    code = Code::kInvalid;
  }
  return {code, fmt::format("the vendor ended the stream: {}", message), where};
}

Error Oversized(Error error) {
  if (error.code == Code::kExhausted) error.code = Code::kCorrupt;
  return error;
}

}  // namespace plumb::provider
