#define PCRE2_CODE_UNIT_WIDTH 8
#include "runtime/guard/partial_match.h"

#include <pcre2.h>

#include <array>
#include <vector>

namespace plumb::guard {
namespace {

pcre2_code* Code(void* code) { return static_cast<pcre2_code*>(code); }

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

}  // namespace

void PartialMatcher::Free::operator()(void* code) const { pcre2_code_free(Code(code)); }

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
  return matcher;
}

size_t PartialMatcher::FirstOpen(std::string_view text, size_t from) const {
  thread_local const MatchData data(pcre2_match_data_create(8, nullptr));
  thread_local std::vector<int> workspace(4096);
  size_t at = from;
  while (true) {
    while (at < text.size() && !first_[static_cast<unsigned char>(text[at])]) ++at;
    if (at >= text.size()) return text.size();
    const int rc = pcre2_dfa_match(Code(code_.get()), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at, PCRE2_PARTIAL_HARD | PCRE2_NO_UTF_CHECK,
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
