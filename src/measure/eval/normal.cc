#include "measure/eval/normal.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/core/core.h"

namespace plumb::eval {
namespace {

bool IsLetter(char32_t code) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_MC;
}

bool IsDigit(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code)) == UTF8PROC_CATEGORY_ND;
}

// Scripts written without spaces between words.
bool IsUnspaced(char32_t code) {
  return (code >= 0x3040 && code <= 0x30FF) || (code >= 0x3400 && code <= 0x9FFF) || (code >= 0x0E00 && code <= 0x0E7F) ||
         (code >= 0x20000 && code <= 0x2FFFF);
}

void Append(std::string& out, char32_t code) {
  utf8proc_uint8_t bytes[4];
  out.append(reinterpret_cast<const char*>(bytes), utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes));
}

bool IsWordByte(unsigned char c) { return std::isalnum(c) || c >= 0x80; }

// Removes a pair of surrounding marks, and says whether there was one.
bool Unwrap(std::string_view& text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kMarks{
      {{"\"", "\""}, {"'", "'"}, {"**", "**"}, {"*", "*"}, {"`", "`"}, {"“", "”"}, {"«", "»"}, {"(", ")"}}};
  for (const auto& [open, close] : kMarks) {
    if (text.size() > open.size() + close.size() && text.starts_with(open) && text.ends_with(close)) {
      text = Trim(text.substr(open.size(), text.size() - open.size() - close.size()));
      return true;
    }
  }
  return false;
}

}  // namespace

std::string Normal(std::string_view text, bool keep_case) {
  const std::string clean = IsUtf8(text) ? std::string(Trim(text)) : ToUtf8(Trim(text));
  utf8proc_uint8_t* mapped = nullptr;
  const int options = UTF8PROC_STABLE | UTF8PROC_COMPOSE | (keep_case ? 0 : UTF8PROC_CASEFOLD);
  const utf8proc_ssize_t n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(clean.data()), clean.size(), &mapped,
                                          static_cast<utf8proc_option_t>(options));
  if (n < 0) return clean;
  std::string out(reinterpret_cast<const char*>(mapped), n);
  std::free(mapped);
  return out;
}

std::string NormalAnswer(std::string_view text, bool keep_case) {
  const std::string normal = Normal(text, keep_case);
  std::string_view view = normal;
  for (bool more = true; more;) {
    more = Unwrap(view);
    if (view.size() > 1 && view.back() == '.' && view[view.size() - 2] != '.') {
      view = Trim(view.substr(0, view.size() - 1));
      more = true;
    }
  }
  return std::string(view);
}

std::vector<char32_t> CodePoints(std::string_view text) {
  std::vector<char32_t> out;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (utf8proc_ssize_t at = 0, size = text.size(); at < size;) {
    utf8proc_int32_t code = 0;
    const utf8proc_ssize_t n = utf8proc_iterate(bytes + at, size - at, &code);
    out.push_back(n > 0 ? static_cast<char32_t>(code) : U'\uFFFD');
    at += std::max<utf8proc_ssize_t>(n, 1);
  }
  return out;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (char32_t code : CodePoints(text)) {
    if (IsUnspaced(code) && IsLetter(code)) {
      flush();
      Append(word, code);
      flush();
    } else if (IsLetter(code) || IsDigit(code) || ((code == '\'' || code == 0x2019 || code == '-') && !word.empty())) {
      Append(word, code);
    } else {
      flush();
    }
  }
  flush();
  return out;
}

std::vector<std::string> Sentences(std::string_view text) {
  constexpr std::string_view kShort[] = {"e.g.", "i.e.", "Mr.", "Mrs.", "Ms.", "Dr.", "vs.", "etc.", "No.", "St."};
  std::vector<std::string> out;
  size_t start = 0;
  const auto end_at = [&](size_t end) {
    const std::string_view sentence = Trim(text.substr(start, end - start));
    if (std::any_of(sentence.begin(), sentence.end(), [](unsigned char c) { return IsWordByte(c); }))
      out.emplace_back(sentence);
    start = end;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const bool wide = text.substr(i, 3) == "。" || text.substr(i, 3) == "！" || text.substr(i, 3) == "？";
    if (wide) {
      end_at(i + 3);
      i += 2;
      continue;
    }
    if (text[i] == '\n') {
      end_at(i);
      continue;
    }
    if (text[i] != '.' && text[i] != '!' && text[i] != '?') continue;
    size_t end = i + 1;
    while (end < text.size() && std::string_view(".!?\"')*").find(text[end]) != std::string_view::npos) ++end;
    if (end < text.size() && text[end] != ' ' && text[end] != '\n') continue;
    const std::string_view so_far = Trim(text.substr(start, i + 1 - start));
    const bool number = std::all_of(so_far.begin(), so_far.end() - 1, [](unsigned char c) { return std::isdigit(c); });
    if (number || std::any_of(std::begin(kShort), std::end(kShort), [&](auto s) { return so_far.ends_with(s); })) continue;
    end_at(end);
    i = end - 1;
  }
  end_at(text.size());
  return out;
}

size_t CountWord(std::string_view text, std::string_view word) {
  size_t count = 0;
  if (word.empty()) return 0;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool starts = at == 0 || !IsWordByte(text[at - 1]) || !IsWordByte(word.front());
    const size_t end = at + word.size();
    count += starts && (end == text.size() || !IsWordByte(text[end]) || !IsWordByte(word.back()));
  }
  return count;
}

bool HasWord(std::string_view text, std::string_view word) { return CountWord(text, word) > 0; }

}  // namespace plumb::eval
