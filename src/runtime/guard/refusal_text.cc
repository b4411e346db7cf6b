#include "runtime/guard/refusal_text.h"

#include <re2/re2.h>
#include <utf8proc.h>

#include <utility>

#include "base/core/text.h"
#include "runtime/guard/ascii.h"

namespace plumb::guard::refusal {

std::string Simplify(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (utf8proc_ssize_t at = 0, size = static_cast<utf8proc_ssize_t>(text.size()); at < size;) {
    if (bytes[at] < 0x80) {
      const char c = static_cast<char>(bytes[at++]);
      if (c != ' ' && c != '\t' && c != '\r') out += ascii::Lower(c);
      else if (out.empty() || (out.back() != ' ' && out.back() != '\n')) out += ' ';
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
  return std::string(Trim(out));
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

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (ascii::IsAlnum(c) || byte >= 0x80 || c == 2) {
      word += c;
    } else if (c != '\'' && !word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
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
  if (text.find("n") != std::string::npos) RE2::GlobalReplace(&text, idiom, "\x02idiom");
}

}  // namespace plumb::guard::refusal
