#include "runtime/guard/groundedness.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <string>

#include "base/core/text.h"
#include "runtime/guard/validator_text.h"

namespace plumb::guard {
namespace {

bool IsWordLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80; }
bool IsCapital(char c) { return c >= 'A' && c <= 'Z'; }

struct Word {
  Span span;
  std::string lower;
  bool capital = false;  // begins with a capital
  bool opens = false;    // begins a sentence or a line
};

// Runs of letters and digits with apostrophes and hyphens inside; a possessive's ending is no part.
std::vector<Word> PlacedWords(std::string_view text) {
  std::vector<Word> out;
  bool opens = true;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (!IsWordLetter(c) && !IsDigit(c)) {
      if (c == '.' || c == '!' || c == '?' || c == '\n' || c == ':' || c == '"' || c == '*' || c == '#' || (c == '-' && (i == 0 || text[i - 1] == '\n'))) opens = true;
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < text.size() && (IsWordLetter(text[i]) || IsDigit(text[i]) || ((text[i] == '\'' || text[i] == '-') && i + 1 < text.size() && IsWordLetter(text[i + 1])))) ++i;
    size_t end = i;
    if (end - begin > 2 && text.substr(end - 2, 2) == "'s") end -= 2;
    out.push_back({{static_cast<uint32_t>(begin), static_cast<uint32_t>(end)}, Lower(text.substr(begin, end - begin)), IsCapital(c), opens});
    opens = false;
  }
  return out;
}

// "1,200.50" → "1200.5"; nothing where the run is no number.
std::optional<std::string> NumberOf(std::string_view run) {
  std::string out;
  for (size_t i = 0; i < run.size(); ++i) {
    const bool thousands = run[i] == ',' && run.size() - i > 3 && IsDigit(run[i + 1]) && IsDigit(run[i + 2]) && IsDigit(run[i + 3]) && !IsDigit(At(run, i + 4));
    if (thousands) continue;
    if (run[i] == ',') return std::nullopt;
    out += run[i];
  }
  if (out.find('.') != std::string::npos) {
    while (out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
  }
  const size_t first = out.find_first_not_of('0');
  return first == std::string::npos ? "0" : out[first] == '.' ? "0" + out.substr(first) : out.substr(first);
}

std::optional<int> SpelledNumber(const std::string& word) {
  static constexpr std::array<std::string_view, 20> kSmall = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  static constexpr std::array<std::string_view, 8> kTens = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
  const size_t small = static_cast<size_t>(std::find(kSmall.begin(), kSmall.end(), word) - kSmall.begin());
  if (small < kSmall.size()) return static_cast<int>(small);
  const size_t hyphen = word.find('-');
  const size_t tens = static_cast<size_t>(std::find(kTens.begin(), kTens.end(), word.substr(0, hyphen)) - kTens.begin());
  if (tens == kTens.size()) return word == "hundred" ? std::optional(100) : std::nullopt;
  const int value = 20 + 10 * static_cast<int>(tens);
  if (hyphen == std::string::npos) return value;
  const size_t unit = static_cast<size_t>(std::find(kSmall.begin(), kSmall.begin() + 10, word.substr(hyphen + 1)) - kSmall.begin());
  return unit > 0 && unit < 10 ? std::optional(value + static_cast<int>(unit)) : std::nullopt;
}

struct Figure {
  Span span;
  std::string value;
};

// Digits with their separators. The number of a list's item, and what is part of a word or a link, is none.
std::vector<Figure> NumbersOf(std::string_view text) {
  std::vector<Figure> out;
  for (size_t i = 0; i < text.size();) {
    if (!IsDigit(text[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < text.size() && (IsDigit(text[i]) || ((text[i] == ',' || text[i] == '.') && i + 1 < text.size() && IsDigit(text[i + 1])))) ++i;
    const bool in_word = IsWordLetter(Before(text, begin)) || Before(text, begin) == '_';
    size_t line = begin;
    while (line > 0 && (text[line - 1] == ' ' || text[line - 1] == '*' || text[line - 1] == '#')) --line;
    const bool item = (line == 0 || text[line - 1] == '\n') && (At(text, i) == '.' || At(text, i) == ')');
    if (in_word || item) continue;
    // A date or a version of several points is compared as it is written.
    const std::string_view run = text.substr(begin, i - begin);
    const auto value = std::count(run.begin(), run.end(), '.') > 1 ? std::optional(std::string(run)) : NumberOf(run);
    if (value) {
      out.push_back({{static_cast<uint32_t>(begin), static_cast<uint32_t>(i)}, *value});
      continue;
    }
    for (size_t at = begin; at < i;) {  // "1, 2" written without a space
      const size_t comma = std::min(text.find(',', at), i);
      out.push_back({{static_cast<uint32_t>(at), static_cast<uint32_t>(comma)}, std::string(text.substr(at, comma - at))});
      at = comma + 1;
    }
  }
  return out;
}

std::string PlainLink(std::string_view link) {
  for (const std::string_view start : {"https://", "http://"})
    if (link.starts_with(start)) link.remove_prefix(start.size());
  if (link.starts_with("www.")) link.remove_prefix(4);
  while (!link.empty() && link.back() == '/') link.remove_suffix(1);
  return Lower(link);
}

std::vector<Span> LinksOf(std::string_view text) {
  std::vector<Span> out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool start = text.substr(i, 7) == "http://" || text.substr(i, 8) == "https://" || (text.substr(i, 4) == "www." && !IsAlnum(Before(text, i)) && Before(text, i) != '/');
    if (!start) continue;
    size_t end = i;
    while (end < text.size() && static_cast<unsigned char>(text[end]) > ' ' && std::string_view("<>\"')]}`").find(text[end]) == std::string_view::npos) ++end;
    while (end > i && std::string_view(".,;:!?").find(text[end - 1]) != std::string_view::npos) --end;
    out.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(end)});
    i = end;
  }
  return out;
}

bool Inside(const std::vector<Span>& spans, Span one) {
  return std::any_of(spans.begin(), spans.end(), [&](const Span& span) { return one.begin >= span.begin && one.end <= span.end; });
}

// "…" and “…” of three words and more: shorter ones are names and irony.
std::vector<Span> QuotesOf(std::string_view text) {
  std::vector<Span> out;
  const std::string_view open = "\u201C", close = "\u201D";
  for (size_t i = 0; i < text.size();) {
    const bool plain = text[i] == '"', curly = text.substr(i, open.size()) == open;
    if (!plain && !curly) {
      ++i;
      continue;
    }
    const size_t begin = i + (plain ? 1 : open.size());
    const size_t end = plain ? text.find('"', begin) : text.find(close, begin);
    if (end == std::string_view::npos || end - begin > 2000) {
      i = begin;
      continue;
    }
    const std::string_view quote = text.substr(begin, end - begin);
    if (std::count(quote.begin(), quote.end(), ' ') >= 2) out.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
    i = end + (plain ? 1 : close.size());
  }
  return out;
}

// The words of a text in a row, for finding a quotation whatever its spaces and signs.
std::string InARow(const std::vector<Word>& words) {
  std::string out = " ";
  for (const Word& word : words) out += word.lower + " ";
  return out;
}

// "[3]", "[3, 4]" and "(Okafor, 2019)", "(Okafor et al., 2019)".
std::vector<Span> CitationsOf(std::string_view text) {
  std::vector<Span> out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '[' && text[i] != '(') continue;
    const size_t end = text.find(text[i] == '[' ? ']' : ')', i);
    if (end == std::string_view::npos || end - i > 80) continue;
    const std::string_view body = text.substr(i + 1, end - i - 1);
    const bool numbered = text[i] == '[' && !body.empty() && std::all_of(body.begin(), body.end(), [](char c) { return IsDigit(c) || c == ',' || c == ' ' || c == '-'; }) && At(text, end + 1) != '(';
    const size_t comma = body.rfind(", ");
    const bool author = text[i] == '(' && !body.empty() && IsCapital(body[0]) && comma != std::string_view::npos && body.size() - comma - 2 >= 4 && body.size() - comma - 2 <= 5 &&
                        std::all_of(body.begin() + static_cast<ptrdiff_t>(comma) + 2, body.begin() + static_cast<ptrdiff_t>(comma) + 6, IsDigit);
    if (numbered || author) out.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(end + 1)});
  }
  return out;
}

// Capitals that name nobody: months, days and what stands at the head of a sentence anyway.
bool IsCommonCapital(const std::string& lower) {
  static const std::set<std::string, std::less<>> kCommon = {"i",      "i'm",    "i've",     "monday",    "tuesday", "wednesday", "thursday", "friday",  "saturday",  "sunday",   "january", "february", "march", "april",
                                                             "may",    "june",   "july",     "august",    "september", "october", "november", "december", "mr",        "mrs",      "ms",      "dr",       "english", "ok",
                                                             "the",    "a",      "an",       "however",   "according", "yes",     "no",       "note",     "ai"};
  return kCommon.contains(lower);
}

}  // namespace

std::string_view ClaimKindName(ClaimKind kind) {
  switch (kind) {
    case ClaimKind::kQuote: return "quote";
    case ClaimKind::kNumber: return "number";
    case ClaimKind::kName: return "name";
    case ClaimKind::kLink: return "link";
    case ClaimKind::kCitation: return "citation";
  }
  return "";
}

Groundedness CheckGrounding(std::string_view answer, std::string_view context) {
  Groundedness out;
  const std::vector<Word> words = PlacedWords(answer), given = PlacedWords(context);
  std::set<std::string, std::less<>> known, numbers, links, citations;
  for (const Word& word : given) {
    known.insert(word.lower);
    if (const auto spelled = SpelledNumber(word.lower)) numbers.insert(std::to_string(*spelled));
  }
  for (const Figure& number : NumbersOf(context)) numbers.insert(number.value);
  for (const Span& link : LinksOf(context)) links.insert(PlainLink(Part(context, link)));
  for (const Span& citation : CitationsOf(context)) citations.insert(std::string(Part(context, citation)));
  const std::string row = InARow(given);
  const auto claim = [&](ClaimKind kind, Span span, bool supported) {
    ++out.claims;
    if (!supported) out.unsupported.push_back({kind, span});
  };

  const std::vector<Span> answer_links = LinksOf(answer), quotes = QuotesOf(answer), cited = CitationsOf(answer);
  for (const Span& link : answer_links) claim(ClaimKind::kLink, link, links.contains(PlainLink(Part(answer, link))));
  for (const Span& quote : quotes) claim(ClaimKind::kQuote, quote, row.find(InARow(PlacedWords(Part(answer, quote)))) != std::string::npos);
  for (const Span& citation : cited) {
    const std::string_view text = Part(answer, citation);
    bool supported = citations.contains(text);
    if (!supported && text[0] == '(') {  // the context may name author and year in another form
      const std::vector<Word> parts = PlacedWords(text);
      supported = std::all_of(parts.begin(), parts.end(), [&](const Word& word) { return word.lower == "et" || word.lower == "al" || word.lower == "and" || known.contains(word.lower); });
    }
    claim(ClaimKind::kCitation, citation, supported);
  }
  const auto taken = [&](Span span) { return Inside(answer_links, span) || Inside(cited, span); };
  for (const Figure& number : NumbersOf(answer))
    if (!taken(number.span)) claim(ClaimKind::kNumber, number.span, numbers.contains(number.value));
  for (const Word& word : words)
    if (const auto spelled = SpelledNumber(word.lower); spelled && *spelled > 1 && !taken(word.span)) claim(ClaimKind::kNumber, word.span, numbers.contains(std::to_string(*spelled)));
  for (size_t i = 0; i < words.size(); ++i) {
    // Runs of capitals; a word at a sentence's head is a name only where another capital follows it.
    if (!words[i].capital || IsCommonCapital(words[i].lower) || taken(words[i].span) || IsDigit(answer[words[i].span.begin])) continue;
    size_t end = i + 1;
    while (end < words.size() && words[end].capital && !words[end].opens && words[end].span.begin - words[end - 1].span.end <= 2) ++end;
    if (words[i].opens && end == i + 1) continue;
    bool supported = true;
    // The first of a sentence may be no part of the name ("Yesterday Okafor").
    for (size_t k = i; k < end; ++k) supported &= known.contains(words[k].lower) || IsCommonCapital(words[k].lower) || (k == i && words[i].opens);
    claim(ClaimKind::kName, {words[i].span.begin, words[end - 1].span.end}, supported);
    i = end - 1;
  }

  size_t has = 0, counted = 0;
  std::optional<Span> sentence;
  const auto close = [&] {
    if (sentence && counted > 0) out.sentences.push_back({*sentence, static_cast<double>(has) / static_cast<double>(counted)});
    sentence.reset();
    has = counted = 0;
  };
  for (const Word& word : words) {
    if (word.opens) close();
    if (!sentence) sentence = word.span;
    sentence->end = word.span.end;
    if (word.span.end - word.span.begin < 4) continue;
    ++counted;
    has += known.contains(word.lower);
  }
  close();
  std::sort(out.unsupported.begin(), out.unsupported.end(), [](const Claim& a, const Claim& b) { return a.span.begin < b.span.begin; });
  return out;
}

}  // namespace plumb::guard
