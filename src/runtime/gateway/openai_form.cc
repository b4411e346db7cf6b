#include "runtime/gateway/openai_form.h"

namespace plumb::gateway {

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
  return {{"prompt_tokens", usage.input_tokens},
          {"completion_tokens", usage.output_tokens},
          {"total_tokens", usage.input_tokens + usage.output_tokens}};
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

Result<std::string> ReadSubject(const json::object& body) {
  PLUMB_TRY(const std::string user, GetStringOr(body, "user", ""));
  return GetStringOr(body, "safety_identifier", user);
}

}  // namespace plumb::gateway
