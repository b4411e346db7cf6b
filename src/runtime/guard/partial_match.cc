#define PCRE2_CODE_UNIT_WIDTH 8
#include "runtime/guard/partial_match.h"

#include <pcre2.h>

#include <array>
#include <vector>

namespace plumb::guard {
namespace {

pcre2_code* AsCode(void* code) { return static_cast<pcre2_code*>(code); }

struct FreeData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using MatchData = std::unique_ptr<pcre2_match_data, FreeData>;

// The ASCII bytes that a match may begin with, whatever stands before it (\b and ^ look there); any other byte may.
std::bitset<256> FirstBytes(const pcre2_code* code) {
  const MatchData data(pcre2_match_data_create(8, nullptr));
  std::vector<int> workspace(4096);
  std::bitset<256> first;
  for (unsigned byte = 0; byte < 256; ++byte) {
    first[byte] = byte >= 0x80;
    for (const std::string_view before : {"", " ", "x", "\n"}) {
      if (first[byte]) break;
      const std::string text = std::string(before) + static_cast<char>(byte);
      const int rc = pcre2_dfa_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), before.size(),
                                     PCRE2_PARTIAL_HARD | PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, data.get(), nullptr, workspace.data(), workspace.size());
      first[byte] = rc != PCRE2_ERROR_NOMATCH;
    }
  }
  return first;
}

// Reads an expression for AlphabetOf; what it does not know may be any byte.
class AlphabetReader {
 public:
  AlphabetReader(std::string_view regex, bool caseless) : regex_(regex), caseless_(caseless) {}

  std::bitset<256> Read() {
    for (size_t byte = 0x80; byte < 256; ++byte) found_.set(byte);
    while (at_ < regex_.size() && !found_.all()) Piece();
    for (int c = 'a'; c <= 'z'; ++c) {
      const auto lower = static_cast<size_t>(c), upper = static_cast<size_t>(c - 'a' + 'A');
      if (caseless_ && (found_[lower] || found_[upper])) found_.set(lower), found_.set(upper);
    }
    return found_;
  }

 private:
  using Set = std::bitset<256>;
  static Set Range(unsigned from, unsigned to) {
    Set set;
    for (unsigned c = from; c <= to && c < 256; ++c) set.set(c);
    return set;
  }
  static Set One(char c) { return Range(static_cast<unsigned char>(c), static_cast<unsigned char>(c)); }
  static Set Any() { return ~Set(); }

  void Piece() {
    const char c = regex_[at_++];
    switch (c) {
      case '\\': found_ |= Escape(); return;
      case '[': found_ |= Class(); return;
      case '.': found_ = Any(); return;
      case '(': return Group();
      case ')': case '|': case '^': case '$': case '*': case '+': case '?': return;
      case '{': return Count();
      default: found_ |= One(c);
    }
  }
  // Behind the backslash.
  Set Escape() {
    if (at_ == regex_.size()) return Any();
    const char c = regex_[at_++];
    switch (c) {
      case 'd': return Range('0', '9');
      case 'w': return Range('0', '9') | Range('a', 'z') | Range('A', 'Z') | One('_');
      case 's': return Range('\t', '\r') | One(' ');
      case 'b': case 'B': return Set();
      case 'n': return One('\n');
      case 't': return One('\t');
      case 'r': return One('\r');
      default: break;
    }
    const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    return letter ? Any() : One(c);
  }
  // Behind the bracket.
  Set Class() {
    Set set;
    const bool negated = at_ < regex_.size() && regex_[at_] == '^';
    if (negated) ++at_;
    for (bool first = true;; first = false) {
      if (at_ == regex_.size()) return Any();
      if (regex_[at_] == ']' && !first) break;
      if (regex_[at_] == '[' && at_ + 1 < regex_.size() && (regex_[at_ + 1] == ':' || regex_[at_ + 1] == '.' || regex_[at_ + 1] == '=')) return Any();
      const char c = regex_[at_++];
      const bool range = c != '\\' && at_ + 1 < regex_.size() && regex_[at_] == '-' && regex_[at_ + 1] != ']';
      if (c == '\\') {
        const Set escaped = Escape();
        if (escaped.none()) return Any();  // \b is a backspace here
        // A range from or to an escaped sign is rare, and wide enough as anything.
        if (at_ + 1 < regex_.size() && regex_[at_] == '-' && regex_[at_ + 1] != ']') return Any();
        set |= escaped;
      } else if (range) {
        const char end = regex_[at_ + 1];
        if (end == '\\' || end == '[') return Any();
        set |= Range(static_cast<unsigned char>(c), static_cast<unsigned char>(end));
        at_ += 2;
      } else {
        set |= One(c);
      }
    }
    ++at_;
    return negated ? ~set : set;
  }
  // Behind the parenthesis. What is only looked at counts like what is matched.
  void Group() {
    if (at_ < regex_.size() && regex_[at_] == '*') found_ = Any();
    if (at_ == regex_.size() || regex_[at_] != '?') return;
    const size_t end = regex_.find_first_not_of("ims-", at_ + 1);
    const std::string_view flags = regex_.substr(at_ + 1, end == std::string_view::npos ? 0 : end - at_ - 1);
    if (flags.find('i') != std::string_view::npos) caseless_ = true;
    for (const std::string_view kind : {":", ")", "=", "!", "<=", "<!", ">"}) {
      if (end == std::string_view::npos || !regex_.substr(end).starts_with(kind)) continue;
      at_ = end + kind.size();
      return;
    }
    found_ = Any();  // names, references, conditions
  }
  // Behind the brace: "{2,5}", or a brace like any other sign.
  void Count() {
    const size_t end = regex_.find_first_not_of("0123456789,", at_);
    if (end != std::string_view::npos && end > at_ && regex_[end] == '}') at_ = end + 1;
    else found_ |= One('{');
  }

  std::string_view regex_;
  bool caseless_;
  size_t at_ = 0;
  Set found_;
};

}  // namespace

std::bitset<256> AlphabetOf(std::string_view regex, bool caseless) { return AlphabetReader(regex, caseless).Read(); }

void PartialMatcher::Free::operator()(void* code) const { pcre2_code_free(AsCode(code)); }

Result<PartialMatcher> PartialMatcher::Compile(const std::string& regex, bool caseless) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  const uint32_t options = PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE | (caseless ? PCRE2_CASELESS : 0u);
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(), options, &error, &offset, nullptr);
  if (code == nullptr) {
    std::array<PCRE2_UCHAR, 160> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    return Fail(plumb::Code::kInvalid, "expression '{}', character {}: {}", regex, offset + 1, reinterpret_cast<const char*>(message.data()));
  }
  PartialMatcher matcher;
  matcher.code_.reset(code);
  matcher.first_ = FirstBytes(code);
  matcher.alphabet_ = AlphabetOf(regex, caseless);
  return matcher;
}

size_t PartialMatcher::FirstOpen(std::string_view text, size_t from) const {
  thread_local const MatchData data(pcre2_match_data_create(8, nullptr));
  thread_local std::vector<int> workspace(4096);
  // An open match reaches the end: nothing stands in it that stands in no match.
  size_t at = text.size();
  while (at > from && alphabet_[static_cast<unsigned char>(text[at - 1])]) --at;
  while (true) {
    while (at < text.size() && !first_[static_cast<unsigned char>(text[at])]) ++at;
    if (at >= text.size()) return text.size();
    const int rc = pcre2_dfa_match(AsCode(code_.get()), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at, PCRE2_PARTIAL_HARD | PCRE2_NO_UTF_CHECK,
                                   data.get(), nullptr, workspace.data(), workspace.size());
    if (rc == PCRE2_ERROR_DFA_WSSIZE && workspace.size() < (1u << 20)) {
      workspace.resize(workspace.size() * 2);
      continue;
    }
    if (rc == PCRE2_ERROR_NOMATCH) return text.size();
    const size_t begin = pcre2_get_ovector_pointer(data.get())[0];
    if (rc == PCRE2_ERROR_PARTIAL) return begin;
    if (rc < 0) return at;  // the matcher gave up: nothing from here on is released
    at = begin + 1;         // a finished match; a later one may be open
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
}

}  // namespace plumb::guard
