#include "runtime/provider/fence.h"

#include <algorithm>

namespace plumb::provider {
namespace {

// Drops one code fence around the whole, "```json" or "```".
std::string_view Unfenced(std::string_view text) {
  if (!text.starts_with("```") || !text.ends_with("```") || text.size() < 7) return text;
  const size_t line = text.find('\n');
  if (line == std::string_view::npos || line + 3 >= text.size()) return text;
  const std::string_view label = Trim(text.substr(3, line - 3));
  if (!label.empty() && label != "json") return text;
  return Trim(text.substr(line + 1, text.size() - 3 - (line + 1)));
}

}  // namespace

std::string MarkOf(std::string_view nonce, std::string_view id, const std::vector<std::string_view>& texts) {
  for (int attempt = 0;; ++attempt) {
    const std::string mark = HexEncode(HmacSha256(nonce, fmt::format("{}:{}", attempt, id))).substr(0, 20);
    const bool taken = std::any_of(texts.begin(), texts.end(),
                                   [&](std::string_view text) { return text.find(mark) != std::string_view::npos; });
    if (!taken) return mark;
  }
}

Result<std::string_view> Spoken(std::string_view output) {
  std::string_view text = Trim(output);
  if (text.starts_with("<think>")) {
    const size_t end = text.find("</think>");
    if (end == std::string_view::npos) return Fail(Code::kInvalid, "no verdict: the reasoning was cut off");
    text = Trim(text.substr(end + 8));
  }
  if (text.empty()) return Fail(Code::kInvalid, "no verdict: the output is empty");
  return Unfenced(text);
}

json::object HeldTo(std::string_view kind, json::object schema) {
  if (kind == "anthropic") return {{"output_config", json::object{{"format", json::object{{"type", "json_schema"}, {"schema", std::move(schema)}}}}}};
  return {{"response_format", json::object{{"type", "json_schema"}, {"json_schema", json::object{{"name", "verdict"}, {"strict", true}, {"schema", std::move(schema)}}}}}};
}

}  // namespace plumb::provider
