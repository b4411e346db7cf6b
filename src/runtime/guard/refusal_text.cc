#include "runtime/guard/refusal_text.h"

#include <re2/re2.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstring>
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

// Bytes that a sentence may end at: marks of ASCII, and what others begin with.
constexpr std::array<bool, 256> kMayEnd = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view(".\n!?")) table[static_cast<size_t>(c)] = true;
  for (size_t c = 0x80; c < table.size(); ++c) table[c] = true;
  return table;
}();

// Letters, digits, bytes outside ASCII and the mark of our own tokens: what words are made of.
constexpr std::array<bool, 256> kOfWord = [] {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) table[c] = c >= 0x80 || c == 2 || ascii::IsAlnum(static_cast<char>(c));
  return table;
}();

// How much ASCII `text` begins with: eight bytes at a time.
size_t AsciiPrefix(std::string_view text) {
  size_t n = 0;
  for (uint64_t eight; n + sizeof eight <= text.size(); n += sizeof eight) {
    std::memcpy(&eight, text.data() + n, sizeof eight);
    if ((eight & 0x8080808080808080) != 0) break;
  }
  while (n < text.size() && static_cast<unsigned char>(text[n]) < 0x80) ++n;
  return n;
}

// Takes the ASCII that `text` begins with; returns how much that is.
size_t AppendAscii(std::string_view text, std::string& out) {
  const size_t n = AsciiPrefix(text), before = out.size();
  text = text.substr(0, n);
  char last = out.empty() ? 'a' : out.back();
  // Mostly no space is to be left out, and every letter stays in its place. Loops that end early are not vectorised.
  const char* const given = text.data();
  uint8_t odd = given[0] == ' ' && (last == ' ' || last == '\n');
  for (size_t i = 0; i < n; ++i) odd |= static_cast<uint8_t>(given[i] == '\t') | static_cast<uint8_t>(given[i] == '\r');
  for (size_t i = 1; i < n; ++i)
    odd |= static_cast<uint8_t>(given[i] == ' ') & (static_cast<uint8_t>(given[i - 1] == ' ') | static_cast<uint8_t>(given[i - 1] == '\n'));
  out.resize_and_overwrite(before + n, [&](char* all, size_t) {
    char* to = all + before;
    if (!odd) {
      for (size_t i = 0; i < n; ++i) {
        const auto c = static_cast<uint8_t>(given[i]);
        to[i] = static_cast<char>(c + (static_cast<uint8_t>(c - 'A') < 26 ? 'a' - 'A' : 0));
      }
      return before + n;
    }
    for (const char each : text) {
      const char c = kSimple[static_cast<size_t>(each)];
      if (c == ' ' && (last == ' ' || last == '\n')) continue;
      *to++ = last = c;
    }
    return static_cast<size_t>(to - all);
  });
  return n;
}

// Where one idiom of DropIdioms may begin, by its modal verb and the first letter after it.
bool MayHaveIdiom(std::string_view text) {
  struct Modal {
    std::string_view words;
    size_t n;  // where its "n" stands
    std::string_view next;
  };
  static constexpr std::string_view kAble = "hswtgbiaoerp", kDo = "whf", kWill = "rbd";
  static constexpr Modal kModals[] = {{"can't ", 2, kAble}, {"cant ", 2, kAble}, {"cannot ", 2, kAble}, {"can not ", 2, kAble}, {"couldn't ", 5, kAble},
                                      {"couldnt ", 5, kAble}, {"don't ", 2, kDo}, {"dont ", 2, kDo}, {"won't ", 2, kWill}, {"wont ", 2, kWill},
                                      {"will not ", 5, kWill}};
  for (size_t at = text.find('n'); at != std::string_view::npos; at = text.find('n', at + 1)) {
    const std::string_view before = at < 2 ? std::string_view() : text.substr(at - 2, 2);
    if (before != "ca" && before != "ld" && before != "do" && before != "wo" && before != "l ") continue;
    for (const Modal& modal : kModals) {
      if (at < modal.n || !text.substr(at - modal.n).starts_with(modal.words)) continue;
      const size_t next = at - modal.n + modal.words.size();
      if (next < text.size() && modal.next.find(text[next]) != std::string_view::npos) return true;
    }
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
    if (!kMayEnd[static_cast<unsigned char>(text[i])]) continue;
    const bool ascii = static_cast<unsigned char>(text[i]) < 0x80;
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

Words::Words(std::string_view text) {
  places_.reserve(text.size() / 4);
  letters_.resize_and_overwrite(text.size() + sizeof(uint64_t), [&](char* to, size_t) {
    size_t n = 0;
    for (size_t i = 0; i < text.size();) {
      const size_t begin = n;
      for (; i < text.size(); ++i) {
        if (kOfWord[static_cast<unsigned char>(text[i])]) to[n++] = text[i];
        else if (text[i] != '\'') break;
      }
      if (n > begin) places_.emplace_back(begin, n - begin);
      ++i;
    }
    std::memset(to + n, 0, sizeof(uint64_t));  // behind the last word too
    return n + sizeof(uint64_t);
  });
}

uint64_t Words::Eight(size_t i) const {
  const auto [begin, size] = places_[i];
  uint64_t eight;
  std::memcpy(&eight, letters_.data() + begin, sizeof eight);
  return size >= sizeof eight ? eight : eight & ((uint64_t{1} << 8 * size) - 1);
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
