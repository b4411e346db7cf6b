#include "runtime/guard/reading.h"

namespace plumb::guard {

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

}  // namespace plumb::guard
