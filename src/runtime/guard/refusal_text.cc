#include "runtime/guard/refusal_text.h"

#include <re2/re2.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/core/text.h"
#include "runtime/guard/ascii.h"

namespace plumb::guard::refusal {
namespace {

// Lower case, and one kind of space.
constexpr std::array<char, 128> kSimple = [] {
  std::array<char, 128> table{};
  for (size_t c = 0; c < table.size(); ++c) table[c] = ascii::Lower(static_cast<char>(c));
  table['\t'] = table['\r'] = ' ';
  return table;
}();

// Takes the ASCII that `text` begins with; returns how much that is.
size_t AppendAscii(std::string_view text, std::string& out) {
  const size_t n = static_cast<size_t>(std::ranges::find_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }) - text.begin());
  const size_t before = out.size();
  char last = out.empty() ? 'a' : out.back();
  out.resize(before + n);
  char* to = out.data() + before;
  for (const char given : text.substr(0, n)) {
    const char c = kSimple[static_cast<size_t>(given)];
    if (c == ' ' && (last == ' ' || last == '\n')) continue;
    *to++ = last = c;
  }
  out.resize(static_cast<size_t>(to - out.data()));
  return n;
}

// Whether DropIdioms may find something: what it looks for has "can", "couldn", "don", "won", "will n" or "disagree" in it.
bool MayHaveIdiom(std::string_view text) {
  for (size_t at = text.find('n'); at != std::string_view::npos; at = text.find('n', at + 1)) {
    if (at < 2 || at + 1 == text.size()) continue;
    const std::string_view before = text.substr(at - 2, 2);
    const char after = text[at + 1];
    const bool not_word = after == '\'' || after == 't' || after == ' ' || after == 'n' || after == 'o';
    if (not_word && (before == "ca" || before == "ld" || before == "do" || before == "wo" || before == "l ")) return true;
  }
  return text.find("disagree") != std::string_view::npos;
}

}  // namespace

std::string Simplify(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);  // a letter may be wider in lower case
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (utf8proc_ssize_t at = 0, size = static_cast<utf8proc_ssize_t>(text.size()); at < size;) {
    if (bytes[at] < 0x80) {
      at += static_cast<utf8proc_ssize_t>(AppendAscii(text.substr(static_cast<size_t>(at)), out));
      continue;
    }
    utf8proc_int32_t code = 0;
    const utf8proc_ssize_t n = utf8proc_iterate(bytes + at, size - at, &code);
    if (n <= 0) {
      ++at;
      continue;
    }
    at += n;
    if (code == 0x2018 || code == 0x2019) code = '\'';
    if (code == 0x201C || code == 0x201D || code == 0x201E || code == 0xAB || code == 0xBB || code == 0x300C || code == 0x300D) code = '"';
    if (code == 0xA0) code = ' ';
    if (code == ' ' && !out.empty() && (out.back() == ' ' || out.back() == '\n')) continue;
    utf8proc_uint8_t encoded[4];
    const utf8proc_ssize_t length = utf8proc_encode_char(utf8proc_tolower(code), encoded);
    out.append(reinterpret_cast<const char*>(encoded), length);
  }
  if (const std::string_view trimmed = Trim(out); trimmed.size() != out.size()) return std::string(trimmed);
  return out;
}

std::string OwnWords(const std::string& text) {
  if (text.starts_with("{") || text.starts_with("[{")) return text;  // an answer in JSON
  static const RE2 code("(?s)```.*?(?:```|$)"), quoted("\"[^\"]{2,}\"?"), inline_code("`[^`\\n]+`");
  std::string out = text;
  if (text.find('`') != std::string::npos) {
    RE2::GlobalReplace(&out, code, " \x02" "code ");
    RE2::GlobalReplace(&out, inline_code, " \x02" "code ");
  }
  if (text.find('"') == std::string::npos) return out;
  std::string unquoted = out;
  RE2::GlobalReplace(&unquoted, quoted, " \x02quote ");
  return unquoted.size() * 4 >= out.size() ? unquoted : out;
}

// Where sentences end: after . ! ? … 。 and at line breaks; never inside a code point.
std::vector<std::string_view> SentencesOf(std::string_view text) {
  std::vector<std::string_view> out;
  size_t start = 0;
  const auto end_at = [&](size_t end) {
    const std::string_view sentence = Trim(text.substr(start, end - start));
    if (sentence.size() > 1) out.push_back(sentence);
    start = end;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ascii = static_cast<unsigned char>(text[i]) < 0x80;
    if (ascii && text[i] != '.' && text[i] != '\n' && text[i] != '!' && text[i] != '?') continue;
    const std::string_view wide = ascii ? std::string_view() : text.substr(i, 3);
    if (wide == "。" || wide == "！" || wide == "？" || wide == "…") {
      end_at(i + 3);
      i += 2;
    } else if (text[i] == '\n') {
      end_at(i + 1);
    } else if ((text[i] == '.' || text[i] == '!' || text[i] == '?') &&
               (i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n' ||
                // "advice.I cannot": small models forget the space
                (i > 2 && ascii::IsLetter(text[i - 1]) && i + 1 < text.size() && text[i + 1] == 'i'))) {
      end_at(i + 1);
    }
  }
  end_at(text.size());
  return out;
}

Words::Words(std::string_view text) : letters_(text.size(), '\0') {
  char* to = letters_.data();
  size_t n = 0, begin = 0;
  const auto end_word = [&] {
    if (n > begin) places_.emplace_back(begin, n - begin);
    begin = n;
  };
  for (const char c : text) {
    if (ascii::IsAlnum(c) || static_cast<unsigned char>(c) >= 0x80 || c == 2) {
      to[n++] = c;
    } else if (c != '\'') {
      end_word();
    }
  }
  end_word();
}

std::string LastVoice(const std::string& text) {
  static const RE2 name("(?m)^[^a-z0-9\\s\"*•-]{0,6}(?:as [a-z][^:,\\n]{0,14},|[a-z][^:,\\n\\])]{0,14}[^a-z0-9\\s:]{0,4}[:\\])]+)|^\\pS");
  const char* last = nullptr;
  int names = 0;
  re2::StringPiece match;
  // The first name must stand at the beginning.
  if (!name.Match(text, 0, text.size(), RE2::ANCHOR_START, &match, 1)) return "";
  for (size_t at = 0; name.Match(text, at, text.size(), RE2::UNANCHORED, &match, 1); ++names) {
    if (names == 0 && match.data() != text.data()) return "";
    last = match.data() + match.size();
    at = static_cast<size_t>(last - text.data());
    if (match.empty()) break;
  }
  return names >= 2 ? std::string(Trim(std::string_view(last, text.data() + text.size() - last))) : std::string();
}

void DropIdioms(std::string& text) {
  static const RE2 idiom(
      "\\b(?:respectfully|have to|must) disagree\\b|\\b(?:can'?t|cannot|couldn'?t|can not) (?:help (?:but|being|feeling|\\w+ing)|stress|wait|thank|go wrong|believe|imagine|agree more|be overstated|"
      "overstate|emphasi[sz]e|say enough|(?:recommend|praise) [^.!?]{0,40}enough)\\b|\\bdon'?t (?:worry|hesitate|forget)\\b|\\b(?:won'?t|will not) (?:regret|be "
      "disappointed|disappoint)\\b");
  if (MayHaveIdiom(text)) RE2::GlobalReplace(&text, idiom, "\x02idiom");
}

}  // namespace plumb::guard::refusal
