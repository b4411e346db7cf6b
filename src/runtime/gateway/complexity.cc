#include "runtime/gateway/complexity.h"

#include <bit>
#include <cctype>
#include <cstring>
#include <vector>

#include "runtime/gateway/turn_messages.h"
#include "runtime/guard/normalise.h"

namespace plumb::gateway {
namespace {

constexpr size_t kRepetitionMost = 1 << 20;  // bytes that are looked at

enum class Kind { kLetter, kDigit, kSpace, kSign, kOther };

Kind KindOf(unsigned char c) {
  if (c >= 0x80) return Kind::kOther;
  if (std::isalpha(c)) return Kind::kLetter;
  if (std::isdigit(c)) return Kind::kDigit;
  return std::isspace(c) ? Kind::kSpace : Kind::kSign;
}

int64_t TokensOfRun(Kind kind, int64_t length) {
  switch (kind) {
    case Kind::kLetter: return length <= 8 ? 1 : (length + 4) / 5;
    case Kind::kDigit: return (length + 2) / 3;
    case Kind::kSpace: return length / 4;  // one space goes with the word behind it
    case Kind::kSign: return (length + 1) / 2;
    case Kind::kOther: return (length + 1) / 2;  // two or three bytes a character, about a token each and less
  }
  return length;
}

std::string AllText(const json::array& messages) {
  std::string all;
  for (const json::value& message : messages) {
    if (!all.empty()) all += '\n';
    all += MessageText(message);
  }
  return all;
}

}  // namespace

int64_t EstimateTokens(std::string_view text) {
  int64_t tokens = 0;
  for (size_t at = 0; at < text.size();) {
    const Kind kind = KindOf(static_cast<unsigned char>(text[at]));
    size_t end = at + 1;
    while (end < text.size() && KindOf(static_cast<unsigned char>(text[end])) == kind) ++end;
    tokens += TokensOfRun(kind, static_cast<int64_t>(end - at));
    at = end;
  }
  return tokens;
}

int64_t NestingDepth(std::string_view text) {
  struct Open {
    char closer;
    int64_t inside = 0;  // the deepest nesting that was closed in it
  };
  std::vector<Open> open;
  int64_t deepest = 0, run = 0;
  for (const char c : text) {
    const char closer = c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : 0;
    if (closer) {
      open.push_back({closer});
      deepest = std::max(deepest, ++run);  // "[[[[[[" costs a parser as much as what it would close
      continue;
    }
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') run = 0;
    if (c != ')' && c != ']' && c != '}') continue;
    // A bracket that fits nothing near is a smiley or a typing error, and closes nothing.
    if (open.empty() || open.back().closer != c) continue;
    const int64_t depth = open.back().inside + 1;
    open.pop_back();
    if (!open.empty()) open.back().inside = std::max(open.back().inside, depth);
    deepest = std::max(deepest, depth);
  }
  return deepest;
}

int64_t EncodingDepth(std::string_view text, int64_t most) {
  guard::Layer layer = guard::OriginalLayer(text);
  for (int64_t depth = 0; depth < most; ++depth) {
    std::vector<guard::Layer> decoded = guard::DecodedLayer(layer);
    if (decoded.empty()) return depth;
    layer = guard::OriginalLayer(decoded.front().text);
  }
  return most;
}

double Repetition(std::string_view text) {
  text = text.substr(0, kRepetitionMost);
  if (text.size() < kRepetitionFrom) return 0;
  const size_t pieces = text.size() - 7;
  std::vector<uint64_t> seen(std::bit_ceil(2 * pieces), 0);
  const size_t mask = seen.size() - 1;
  size_t repeated = 0;
  for (size_t i = 0; i < pieces; ++i) {
    uint64_t piece;
    std::memcpy(&piece, text.data() + i, 8);
    if (piece == 0) piece = 1;  // 0 marks an empty place
    size_t at = static_cast<size_t>((piece * 0x9E3779B97F4A7C15ull) >> 20) & mask;
    while (seen[at] != 0 && seen[at] != piece) at = (at + 1) & mask;
    if (seen[at] == piece) ++repeated;
    seen[at] = piece;
  }
  return static_cast<double>(repeated) / static_cast<double>(pieces);
}

std::optional<std::string> OverLimit(const policy::Limits& limits, const json::array& messages, const json::array* tools) {
  if (limits.empty()) return std::nullopt;
  const auto count = static_cast<int64_t>(messages.size());
  if (limits.messages && count > *limits.messages)
    return fmt::format("the prompt has {} messages; at most {} are allowed", count, *limits.messages);
  const int64_t offered = tools ? static_cast<int64_t>(tools->size()) : 0;
  if (limits.tools && offered > *limits.tools)
    return fmt::format("the prompt offers {} tools; at most {} are allowed", offered, *limits.tools);
  const std::string text = AllText(messages);
  if (limits.tokens) {
    const int64_t tokens = EstimateTokens(text) + (tools ? EstimateTokens(ToJson(*tools)) : 0);
    if (tokens > *limits.tokens) return fmt::format("the prompt has about {} tokens; at most {} are allowed", tokens, *limits.tokens);
  }
  if (limits.depth)
    if (const int64_t depth = NestingDepth(text); depth > *limits.depth)
      return fmt::format("the prompt nests brackets {} deep; at most {} are allowed", depth, *limits.depth);
  if (limits.repetition)
    if (const double share = Repetition(text); share > *limits.repetition)
      return fmt::format("{:.0f} % of the prompt repeats itself; at most {:.0f} % may", 100 * share, 100 * *limits.repetition);
  if (limits.encodings && EncodingDepth(text, *limits.encodings + 1) > *limits.encodings)
    return fmt::format("the prompt has more than {} encodings inside one another", *limits.encodings);
  return std::nullopt;
}

}  // namespace plumb::gateway
