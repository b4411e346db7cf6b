#include "runtime/gateway/openai_form.h"

namespace plumb::gateway {
namespace {

// Each is guarded by itself and held in memory; OpenAI's own limit is 128.
constexpr int64_t kMaxChoices = 128;

}  // namespace

json::value OpenAiError(const Error& error) {
  const char* type = "server_error";
  if (error.code == Code::kInvalid || error.code == Code::kNotFound || error.code == Code::kUnsupported) {
    type = "invalid_request_error";
  }
  if (error.code == Code::kPermission) type = "authentication_error";
  if (error.code == Code::kExhausted) type = "rate_limit_error";
  return {{"error", {{"message", error.message}, {"type", type}, {"param", nullptr}, {"code", CodeName(error.code)}}}};
}

json::object ChatUsage(const provider::Usage& usage) {
  json::object out;
  out["prompt_tokens"] = usage.input_tokens;
  out["completion_tokens"] = usage.output_tokens;
  out["total_tokens"] = usage.input_tokens + usage.output_tokens;
  out["prompt_tokens_details"] = {{"cached_tokens", usage.cached_input_tokens}};
  out["completion_tokens_details"] = {{"reasoning_tokens", usage.reasoning_tokens}};
  return out;
}

Status ReadNumber(const json::object& body, std::string_view key, std::optional<double>& out) {
  const json::value* value = body.if_contains(key);
  if (!value || value->is_null()) return {};
  if (!value->is_number()) return Fail(Code::kInvalid, "{} must be a number", key);
  out = value->to_number<double>();
  return {};
}

Status ReadInteger(const json::object& body, std::string_view key, std::optional<int64_t>& out) {
  const json::value* value = body.if_contains(key);
  if (!value || value->is_null()) return {};
  if (!value->is_number()) return Fail(Code::kInvalid, "{} must be a number", key);
  PLUMB_TRY(out, GetInt(body, key));
  return {};
}

Status ReadTexts(const json::object& body, std::string_view key, std::vector<std::string>& out) {
  const json::value* value = body.if_contains(key);
  if (!value || value->is_null()) return {};
  if (const json::string* one = value->if_string()) {
    out.emplace_back(*one);
    return {};
  }
  auto list = json::try_value_to<std::vector<std::string>>(*value);
  if (!list) return Fail(Code::kInvalid, "{} must be a text or a list of texts", key);
  out = std::move(*list);
  return {};
}

Status ReadSampling(const json::object& body, provider::ChatRequest& request) {
  PLUMB_CHECK(ReadNumber(body, "temperature", request.temperature));
  PLUMB_CHECK(ReadNumber(body, "top_p", request.top_p));
  PLUMB_CHECK(ReadInteger(body, "max_tokens", request.max_tokens));
  PLUMB_CHECK(ReadInteger(body, "seed", request.seed));
  return ReadTexts(body, "stop", request.stop);
}

Status ReadStream(const json::object& body, Call& call) {
  PLUMB_TRY(call.stream, GetBoolOr(body, "stream", false));
  if (const json::object* options = FindObject(body, "stream_options")) {
    PLUMB_TRY(call.include_usage, GetBoolOr(*options, "include_usage", false));
  }
  return {};
}

Status ReadChoices(const json::object& body, Call& call) {
  PLUMB_TRY(const int64_t n, GetIntOr(body, "n", 1));
  if (n < 1 || n > kMaxChoices) return Fail(Code::kInvalid, "n is {}; it must be from 1 to {}", n, kMaxChoices);
  call.choices = static_cast<int>(n);
  if (n > 1) call.request.extra["n"] = n;
  return {};
}

Result<std::string> ReadSubject(const json::object& body) {
  PLUMB_TRY(const std::string user, GetStringOr(body, "user", ""));
  return GetStringOr(body, "safety_identifier", user);
}

}  // namespace plumb::gateway
