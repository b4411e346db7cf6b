#include "runtime/guard/reading.h"

namespace plumb::guard {
namespace {

// Jailbreaks are long and say at their end what they are after.
constexpr size_t kPromptBytes = 240;

}  // namespace

std::string_view HeadGroup(Direction direction) {
  switch (direction) {
    case Direction::kOutput: return "output";
    case Direction::kDocument:
    case Direction::kToolResult: return "document";
    case Direction::kInput:
    case Direction::kToolCall: return "";
  }
  return "";
}

std::string HeadName(std::string_view clause, std::string_view group) {
  return group.empty() ? std::string(clause) : fmt::format("{}@{}", clause, group);
}

std::pair<std::string_view, std::string_view> ParseHead(std::string_view head) {
  const size_t at = head.find('@');
  if (at == std::string_view::npos) return {head, ""};
  return {head.substr(0, at), head.substr(at + 1)};
}

std::string Exchange(std::string_view prompt, std::string_view answer) {
  if (prompt.empty()) return std::string(answer);
  if (prompt.size() > kPromptBytes) {
    prompt.remove_prefix(prompt.size() - kPromptBytes);
    while (!prompt.empty() && (static_cast<unsigned char>(prompt[0]) & 0xC0) == 0x80) prompt.remove_prefix(1);
  }
  return fmt::format("Asked: {}\nAnswer: {}", prompt, answer);
}

}  // namespace plumb::guard
