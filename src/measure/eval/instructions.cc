#include "measure/eval/instructions.h"

#include <re2/re2.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "measure/eval/language.h"
#include "measure/eval/normal.h"

namespace plumb::eval {
namespace {

using Follows = std::function<bool(const std::string&, const std::string&)>;
using Maker = Result<Follows> (*)(const json::object&);

struct CountRange {
  int64_t min = 0, max = std::numeric_limits<int64_t>::max();
  bool Has(size_t n) const { return static_cast<int64_t>(n) >= min && static_cast<int64_t>(n) <= max; }
};

Result<CountRange> ReadRange(const json::object& spec) {
  CountRange range;
  if (spec.contains("equals")) {
    PLUMB_TRY(range.min, GetInt(spec, "equals"));
    range.max = range.min;
    return range;
  }
  if (!spec.contains("min") && !spec.contains("max")) return Fail(Code::kInvalid, "it needs 'min', 'max' or 'equals'");
  PLUMB_TRY(range.min, GetIntOr(spec, "min", 0));
  PLUMB_TRY(range.max, GetIntOr(spec, "max", range.max));
  if (range.min > range.max) return Fail(Code::kInvalid, "min {} is above max {}", range.min, range.max);
  return range;
}

Result<std::vector<std::string>> ReadTexts(const json::object& spec, std::string_view key) {
  std::vector<std::string> out;
  const json::value* value = spec.if_contains(key);
  if (!value) return out;
  const json::array list = value->is_array() ? value->as_array() : json::array{*value};
  for (const json::value& one : list) {
    if (!one.is_string()) return Fail(Code::kInvalid, "'{}' must be a text or a list of texts", key);
    out.push_back(Normal(std::string_view(one.as_string())));
  }
  return out;
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::string_view line : Split(text, '\n')) {
    if (line = Trim(line); !line.empty()) out.push_back(line);
  }
  return out;
}

bool IsBullet(std::string_view line) {
  return line.starts_with("- ") || line.starts_with("* ") || line.starts_with("• ") || line.starts_with("+ ") ||
         line.starts_with("– ");
}

bool IsNumbered(std::string_view line) {
  size_t digits = 0;
  while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits]))) ++digits;
  return digits > 0 && digits < 4 && digits + 1 < line.size() && (line[digits] == '.' || line[digits] == ')') &&
         line[digits + 1] == ' ';
}

size_t Paragraphs(std::string_view text) {
  size_t count = 0;
  bool open = false;
  for (std::string_view line : Split(text, '\n')) {
    const bool blank = Trim(line).empty();
    count += !blank && !open;
    open = !blank;
  }
  return count;
}

// A check that counts something and compares with a range.
template <size_t (*Count)(const std::string&)>
Result<Follows> Counting(const json::object& spec) {
  PLUMB_TRY(const CountRange range, ReadRange(spec));
  return [range](const std::string& output, const std::string&) { return range.Has(Count(output)); };
}

size_t CountWords(const std::string& text) { return Words(text).size(); }
size_t CountSentences(const std::string& text) { return Sentences(text).size(); }
size_t CountLines(const std::string& text) { return Lines(text).size(); }
size_t CountCharacters(const std::string& text) { return CodePoints(Trim(text)).size(); }
size_t CountParagraphs(const std::string& text) { return Paragraphs(text); }
size_t CountBullets(const std::string& text) {
  const auto lines = Lines(text);
  return std::count_if(lines.begin(), lines.end(), IsBullet);
}
size_t CountNumbered(const std::string& text) {
  const auto lines = Lines(text);
  return std::count_if(lines.begin(), lines.end(), IsNumbered);
}
size_t CountPlaceholders(const std::string& text) {
  static const RE2 pattern("\\[[^\\[\\]\\n]+\\]");
  re2::StringPiece rest(text);
  size_t count = 0;
  while (RE2::FindAndConsume(&rest, pattern)) ++count;
  return count;
}
size_t CountHighlights(const std::string& text) {
  static const RE2 pattern("\\*[^*\\n]*[^*\\s][^*\\n]*\\*");
  re2::StringPiece rest(text);
  size_t count = 0;
  while (RE2::FindAndConsume(&rest, pattern)) ++count;
  return count;
}

Result<Follows> Keywords(const json::object& spec) {
  PLUMB_TRY(const auto all, ReadTexts(spec, "all"));
  PLUMB_TRY(const auto any, ReadTexts(spec, "any"));
  PLUMB_TRY(const auto none, ReadTexts(spec, "none"));
  PLUMB_TRY(const auto word, ReadTexts(spec, "word"));
  if (all.empty() && any.empty() && none.empty() && word.empty())
    return Fail(Code::kInvalid, "it needs 'all', 'any', 'none' or 'word'");
  CountRange range{1};
  if (!word.empty() && (spec.contains("min") || spec.contains("max") || spec.contains("equals"))) {
    PLUMB_TRY(range, ReadRange(spec));
  }
  return [=](const std::string& output, const std::string&) {
    const std::string text = Normal(output);
    const auto has = [&](const std::string& one) { return HasWord(text, one); };
    return std::all_of(all.begin(), all.end(), has) && std::none_of(none.begin(), none.end(), has) &&
           (any.empty() || std::any_of(any.begin(), any.end(), has)) &&
           (word.empty() || range.Has(CountWord(text, word.front())));
  };
}

Result<Follows> StartsWith(const json::object& spec) {
  PLUMB_TRY(const std::string text, GetString(spec, "text"));
  return [text = Normal(text)](const std::string& output, const std::string&) {
    return Normal(output).starts_with(text);
  };
}

Result<Follows> EndsWith(const json::object& spec) {
  PLUMB_TRY(const std::string text, GetString(spec, "text"));
  return [text = Normal(text)](const std::string& output, const std::string&) { return Normal(output).ends_with(text); };
}

Result<Follows> LetterCase(const json::object& spec) {
  PLUMB_TRY(const std::string is, GetString(spec, "is"));
  if (is != "upper" && is != "lower" && is != "title")
    return Fail(Code::kInvalid, "'is' is '{}', must be upper, lower or title", is);
  return [is](const std::string& output, const std::string&) {
    bool letters = false, upper = true, lower = true, title = true, fresh = true;
    for (unsigned char c : output) {
      if (!std::isalpha(c)) {
        fresh = c != '\'' && c < 0x80;
        continue;
      }
      letters = true;
      (std::isupper(c) ? lower : upper) = false;
      if (fresh && std::islower(c)) title = false;
      fresh = false;
    }
    return letters && (is == "upper" ? upper : is == "lower" ? lower : title);
  };
}

Result<Follows> WholeJson(const json::object&) {
  return [](const std::string& output, const std::string&) {
    std::string_view text = Trim(output);
    if (text.starts_with("```")) {  // one fenced block is the usual way to give it
      const size_t line = text.find('\n'), fence = text.rfind("```");
      if (line == std::string_view::npos || fence <= line) return false;
      if (!Trim(text.substr(fence + 3)).empty()) return false;
      text = Trim(text.substr(line + 1, fence - line - 1));
    }
    return ParseJson(text, "output").has_value();
  };
}

Result<Follows> NoCommas(const json::object&) {
  return [](const std::string& output, const std::string&) {
    return output.find(',') == std::string::npos && output.find("，") == std::string::npos;
  };
}

Result<Follows> Quoted(const json::object&) {
  return [](const std::string& output, const std::string&) {
    const std::string_view text = Trim(output);
    return (text.size() > 2 && text.front() == '"' && text.back() == '"') ||
           (text.size() > 6 && text.starts_with("“") && text.ends_with("”"));
  };
}

Result<Follows> Title(const json::object&) {
  return [](const std::string& output, const std::string&) {
    static const RE2 pattern("<<[^<>\\n]*[^<>\\s][^<>\\n]*>>");
    return RE2::PartialMatch(output, pattern);
  };
}

Result<Follows> Language(const json::object& spec) {
  PLUMB_TRY(const std::string is, GetString(spec, "is"));
  const std::vector<std::string>& known = KnownLanguages();
  if (std::find(known.begin(), known.end(), is) == known.end())
    return Fail(Code::kInvalid, "language '{}' is not known; known: {}", is, Join(known, ", "));
  return [is](const std::string& output, const std::string&) { return DetectLanguage(output) == is; };
}

Result<Follows> Sections(const json::object& spec) {
  PLUMB_TRY(const std::string marker, GetString(spec, "marker"));
  PLUMB_TRY(const CountRange range, ReadRange(spec));
  const auto pattern = std::make_shared<RE2>("(?im)^[#*\\s]*" + RE2::QuoteMeta(marker) + "\\s*[0-9IVX]+");
  return [range, pattern](const std::string& output, const std::string&) {
    re2::StringPiece rest(output);
    size_t count = 0;
    while (RE2::FindAndConsume(&rest, *pattern)) ++count;
    return range.Has(count);
  };
}

Result<Follows> Postscript(const json::object& spec) {
  PLUMB_TRY(const std::string marker, GetStringOr(spec, "marker", "P.S."));
  return [marker = Normal(marker)](const std::string& output, const std::string&) {
    const auto lines = Lines(output);
    return std::any_of(lines.begin(), lines.end(), [&](auto line) { return Normal(line).starts_with(marker); });
  };
}

Result<Follows> RepeatPrompt(const json::object&) {
  return [](const std::string& output, const std::string& prompt) { return Normal(output).starts_with(Normal(prompt)); };
}

Result<Follows> Matches(const json::object& spec) {
  PLUMB_TRY(const std::string text, GetString(spec, "pattern"));
  const auto pattern = std::make_shared<RE2>(text, RE2::Quiet);
  if (!pattern->ok()) return Fail(Code::kInvalid, "pattern '{}': {}", text, pattern->error());
  return [pattern](const std::string& output, const std::string&) { return RE2::PartialMatch(output, *pattern); };
}

struct NamedCheck {
  const char* name;
  Maker make;
};

constexpr NamedCheck kChecks[] = {
    {"words", Counting<CountWords>},
    {"sentences", Counting<CountSentences>},
    {"paragraphs", Counting<CountParagraphs>},
    {"bullets", Counting<CountBullets>},
    {"numbered", Counting<CountNumbered>},
    {"lines", Counting<CountLines>},
    {"characters", Counting<CountCharacters>},
    {"placeholders", Counting<CountPlaceholders>},
    {"highlights", Counting<CountHighlights>},
    {"keywords", Keywords},
    {"starts_with", StartsWith},
    {"ends_with", EndsWith},
    {"case", LetterCase},
    {"json", WholeJson},
    {"no_commas", NoCommas},
    {"quoted", Quoted},
    {"title", Title},
    {"language", Language},
    {"sections", Sections},
    {"postscript", Postscript},
    {"repeat_prompt", RepeatPrompt},
    {"matches", Matches},
};

}  // namespace

const std::vector<std::string>& InstructionCheckNames() {
  static const auto* names = [] {
    auto* list = new std::vector<std::string>;
    for (const NamedCheck& entry : kChecks) list->emplace_back(entry.name);
    return list;
  }();
  return *names;
}

Result<InstructionCheck> ParseInstructionCheck(const json::object& spec) {
  PLUMB_TRY(const std::string name, GetString(spec, "check"));
  PLUMB_TRY(const bool negated, GetBoolOr(spec, "not", false));
  for (const NamedCheck& entry : kChecks) {
    if (name != entry.name) continue;
    auto follows = entry.make(spec);
    if (!follows) return std::unexpected(Context(follows.error(), fmt::format("check '{}'", name)));
    if (!negated) return InstructionCheck{name, std::move(*follows)};
    return InstructionCheck{"not " + name, [inner = std::move(*follows)](const std::string& output, const std::string& prompt) {
                              return !inner(output, prompt);
                            }};
  }
  return Fail(Code::kInvalid, "check '{}' is not known{}; known: {}", name, DidYouMean(name, InstructionCheckNames()),
              Join(InstructionCheckNames(), ", "));
}

}  // namespace plumb::eval
