#include "runtime/guard/stream.h"

#include <algorithm>
#include <cctype>

#include "runtime/guard/cascade.h"
#include "runtime/guard/normalise.h"

namespace plumb::guard {
namespace {

// What validators look back at.
constexpr size_t kLookBack = 96;
// Shorter than this, "1." or "Mr." is no sentence.
constexpr size_t kShortestUnit = 24;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
bool IsEncoding(char c) { return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("+/_=-%&#;\\{}").find(c) != std::string_view::npos; }
bool IsHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

// The end of the last whole code point.
size_t WholeCodePoints(std::string_view text) {
  size_t at = text.size();
  for (size_t back = 0; back < 4 && at > 0; ++back) {
    const auto c = static_cast<unsigned char>(text[--at]);
    if ((c & 0xC0) == 0x80) continue;
    const size_t length = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
    return at + length <= text.size() ? text.size() : at;
  }
  return text.size();
}

// Where an encoded run that reaches the end of `text` begins: base64 (also wrapped), escapes, or a list of hexadecimal
// pairs or binary octets. text.size() where there is none; never further back than kLongestEncodedRun.
size_t OpenEncoding(std::string_view text) {
  const size_t floor = text.size() > kLongestEncodedRun ? text.size() - kLongestEncodedRun : 0;
  const auto run_before = [&](size_t end) {
    while (end > floor && IsEncoding(text[end - 1])) --end;
    return end;
  };
  size_t begin = run_before(text.size());
  // Wrapped base64 goes on over line ends as long as the lines are long.
  while (begin > floor && (text[begin - 1] == '\n' || text[begin - 1] == '\r')) {
    size_t line_end = begin;
    while (line_end > floor && (text[line_end - 1] == '\n' || text[line_end - 1] == '\r')) --line_end;
    const size_t line = run_before(line_end);
    if (line_end - line < 40) break;
    begin = line;
  }
  // Lists: "34 31 31 31", "0x34, 0x31", "00110100 00110001".
  size_t list = text.size();
  for (size_t at = text.size(); at > floor;) {
    size_t token = at;
    while (token > floor && !IsSpace(text[token - 1]) && text[token - 1] != ',' && text[token - 1] != ':') --token;
    std::string_view word = text.substr(token, at - token);
    if (word.starts_with("0x") || word.starts_with("\\x")) word.remove_prefix(2);
    const bool pair = word.size() <= 2 && std::all_of(word.begin(), word.end(), IsHex);
    const bool octet = word.size() <= 8 && std::all_of(word.begin(), word.end(), [](char c) { return c == '0' || c == '1'; });
    if (!pair && !octet) break;
    if (!word.empty()) list = token;
    if (token == floor) break;
    at = token - 1;
  }
  return std::min(begin, list);
}

// The end of the sentence that begins at `begin`; 0 where it has not ended yet.
size_t UnitEnd(std::string_view text, size_t begin) {
  for (size_t i = begin; i < text.size(); ++i) {
    const bool full = i + 1 - begin >= kWindowBytes && !IsContinuation(i + 1 < text.size() ? text[i + 1] : ' ');
    if (full) return i + 1;
    if (i + 1 - begin < kShortestUnit) continue;
    if (text[i] == '\n') return i + 1;
    if (IsSpace(text[i]) && std::string_view(".!?:;\"')").find(text[i - 1]) != std::string_view::npos) return i + 1;
    const std::string_view last = text.substr(i >= 2 ? i - 2 : 0, 3);
    if (last == "。" || last == "！" || last == "？") return i + 1;
  }
  return 0;
}

}  // namespace

StreamGuard::StreamGuard(const Guard& guard, Direction direction, std::string prompt) : guard_(guard), direction_(direction), prompt_(std::move(prompt)) {
  const bool classifies = guard.parts().linear || guard.parts().record.encoder;
  for (const policy::Category& category : guard.policy().categories) {
    if (category.on.For(DirectionName(direction)) == Action::kAllow) continue;
    by_units_ |= classifies;
    whole_ |= classifies && category.window_whole;
  }
}

bool StreamGuard::Stops() const { return verdict_.action > Action::kRedact; }

StreamPiece StreamGuard::Push(std::string_view chunk) {
  text_ += chunk;
  return Advance(false);
}

StreamPiece StreamGuard::Finish() {
  StreamPiece piece = Advance(true);
  if (direction_ == Direction::kOutput) {
    // Refusing is a property of the whole answer.
    const Scores none{0, std::vector<double>(guard_.policy().categories.size(), -1e308), std::vector<Span>(guard_.policy().categories.size()),
                      std::vector<std::vector<Span>>(guard_.policy().categories.size()), "", {}, false};
    verdict_.refusal = Judge(guard_.parts(), direction_, {text_, prompt_}, none).refusal;
  }
  return piece;
}

StreamPiece StreamGuard::Advance(bool finished) {
  if (Stops()) return {"", true};
  const size_t whole = finished ? text_.size() : WholeCodePoints(text_);
  size_t limit = FindPatterns(whole, finished);
  if (Stops()) return {"", true};
  if (by_units_) {
    JudgeUnits(whole, finished);
    if (Stops()) return {"", true};
    limit = std::min(limit, judged_);
  }
  if (limit <= released_) return {};
  StreamPiece piece{Written(released_, limit), false};
  released_ = limit;
  return piece;
}

// Adds what patterns find in the held text; returns up to where nothing can become a match any more.
size_t StreamGuard::FindPatterns(size_t limit, bool finished) {
  const auto& scanner = guard_.parts().patterns;
  if (!scanner) return limit;
  const size_t base = released_ > kLookBack ? released_ - kLookBack : 0;
  size_t start = base;
  while (start < released_ && IsContinuation(text_[start])) ++start;
  const std::string_view window = std::string_view(text_).substr(start, limit - start);
  const size_t skip = released_ - start;
  size_t hold = finished ? window.size() : std::max(skip, OpenEncoding(window));
  const Normalised normalised = Normalise(window);
  Verdict found;
  for (const Layer& layer : normalised.layers) {
    if (&layer == &normalised.layers[0] && !IsUtf8(layer.text)) continue;
    for (const PatternMatch& match : scanner->Scan(layer.text)) {
      const Span span = layer.Source(match.span.begin, match.span.end);
      if (span.end <= skip) continue;  // released long ago, and decided then
      const policy::Category& category = guard_.policy().categories[guard_.parts().rule_category[match.rule]];
      CategoryVerdict& out = found.categories[category.id];
      out.spans.push_back({std::max<uint32_t>(span.begin, static_cast<uint32_t>(skip)), span.end});
    }
    if (finished) continue;
    const size_t open = scanner->HoldFrom(layer.text, 0);
    if (open < layer.text.size()) hold = std::min<size_t>(hold, std::max<size_t>(skip, layer.Source(open, open + 1).begin));
  }
  // What is held is not decided: a match there may yet grow, or turn out to be none.
  for (auto& [id, category] : found.categories) {
    std::erase_if(category.spans, [&](Span span) { return span.end > hold && span.begin >= hold; });
    for (const Span span : category.spans)
      if (span.end > hold) hold = std::min<size_t>(hold, span.begin);
  }
  for (auto& [id, category] : found.categories) {
    std::erase_if(category.spans, [&](Span span) { return span.begin >= hold; });
    if (category.spans.empty()) continue;
    CategoryVerdict& mine = verdict_.categories[id];
    mine.fired = true;
    mine.score = 1;
    mine.action = std::max(mine.action, guard_.policy().FindCategory(id)->on_detect.For(DirectionName(direction_)));
    for (const Span span : category.spans)
      mine.spans.push_back({static_cast<uint32_t>(span.begin + start), static_cast<uint32_t>(span.end + start)});
    mine.spans = MergeSpans(std::move(mine.spans));
    if (mine.action > verdict_.action) {
      verdict_.action = mine.action;
      verdict_.clause = id;
    }
  }
  verdict_.detectors["patterns"].status = DetectorStatus::kOk;
  return start + hold;
}

void StreamGuard::JudgeUnits(size_t limit, bool finished) {
  while (judged_ < limit && !Stops()) {
    const size_t end = whole_ ? (finished ? limit : 0) : UnitEnd(std::string_view(text_).substr(0, limit), judged_);
    const size_t stop = end == 0 && finished ? limit : end;
    if (stop == 0) return;
    size_t from = judged_ > kContextBytes ? judged_ - kContextBytes : 0;
    while (from < judged_ && IsContinuation(text_[from])) ++from;
    // From a word's beginning.
    while (from > 0 && from < judged_ && !IsSpace(text_[from - 1])) ++from;
    // Alone, lest harmless company dilutes it, and with what went before, lest the harm needs both.
    Join(guard_.Check(direction_, Subject{text_.substr(judged_, stop - judged_), prompt_}), judged_, judged_);
    if (from < judged_ && !Stops()) Join(guard_.Check(direction_, Subject{text_.substr(from, stop - from), prompt_}), from, judged_);
    judged_ = stop;
  }
}

// Adds the verdict on text_[base, …); what lies before `from` was judged before.
void StreamGuard::Join(const Verdict& unit, size_t base, size_t from) {
  verdict_.unsafe = std::max(verdict_.unsafe, unit.unsafe);
  verdict_.failed |= unit.failed;
  for (const auto& [id, category] : unit.categories) {
    CategoryVerdict& mine = verdict_.categories[id];
    mine.threshold = category.threshold;
    mine.score = std::max(mine.score, category.score);
    if (!category.fired) continue;
    mine.fired = true;
    mine.action = category.action;
    for (const Span span : category.spans)
      if (span.end + base > from) mine.spans.push_back({static_cast<uint32_t>(std::max<size_t>(span.begin + base, from)), static_cast<uint32_t>(span.end + base)});
    mine.spans = MergeSpans(std::move(mine.spans));
  }
  for (const auto& [name, report] : unit.detectors) {
    DetectorReport& mine = verdict_.detectors[name];
    const double ms = mine.ms + report.ms;
    if (mine.status != DetectorStatus::kError) mine = report;
    mine.ms = ms;
  }
  if (unit.action > verdict_.action) {
    verdict_.action = unit.action;
    verdict_.clause = unit.clause;
  }
}

// text_[begin, end) with what is to be redacted replaced.
std::string StreamGuard::Written(size_t begin, size_t end) const {
  Verdict part;
  for (const auto& [id, category] : verdict_.categories) {
    CategoryVerdict& out = part.categories[id];
    out.fired = category.fired;
    out.action = category.action;
    for (const Span span : category.spans)
      if (span.end > begin && span.begin < end)
        out.spans.push_back({static_cast<uint32_t>(std::max<size_t>(span.begin, begin) - begin), static_cast<uint32_t>(std::min<size_t>(span.end, end) - begin)});
  }
  return Redact(std::string_view(text_).substr(begin, end - begin), part);
}

}  // namespace plumb::guard
