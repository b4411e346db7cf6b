#include "runtime/guard/stream.h"

#include <algorithm>
#include <cctype>

#include "runtime/guard/ascii.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/normalise.h"
#include "runtime/guard/refusal.h"
#include "runtime/guard/silence.h"

namespace plumb::guard {
namespace {

// What validators look back at.
constexpr size_t kLookBack = 96;
// A match that ends so close to the end may yet grow.
constexpr size_t kLookAhead = 2;
// Shorter than this, "1." or "Mr." is no sentence.
constexpr size_t kShortestUnit = 24;
// Where more than this is held for patterns, they are looked for again only once it has grown by an eighth.
constexpr size_t kLongHold = 256;

using ascii::IsContinuation;
using ascii::IsSpace;
bool EndsSentence(char c) { return std::string_view(".!?:;\"')").find(c) != std::string_view::npos; }
bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || IsContinuation(c) || (static_cast<unsigned char>(c) & 0x80) != 0; }

// Spans of one category in order of their beginnings; most come in that order.
void AddSpan(std::vector<Span>& spans, Span span) {
  if (spans.empty() || span.begin > spans.back().end) {
    spans.push_back(span);
  } else if (span.begin >= spans.back().begin) {
    spans.back().end = std::max(spans.back().end, span.end);
  } else {
    spans.push_back(span);
    spans = MergeSpans(std::move(spans));
  }
}

// The readings of a part of a text. Whether the whole will be mostly Latin is not known: both ways are read.
std::vector<Layer> LayersOf(std::string_view window) {
  std::vector<Layer> layers;
  if (IsUndisguised(window)) {
    layers.push_back(OriginalLayer(window));
    return layers;
  }
  layers = Normalise(window, {.lookalikes = LookalikeWords::kForeign}).layers;
  const bool ascii = std::all_of(window.begin(), window.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80) == 0; });
  if (ascii) return layers;
  const size_t known = layers.size();
  for (Layer& layer : Normalise(window, {.lookalikes = LookalikeWords::kLatin}).layers) {
    const bool news = std::none_of(layers.begin(), layers.begin() + static_cast<ptrdiff_t>(known), [&](const Layer& other) { return other.text == layer.text; });
    if (news) layers.push_back(std::move(layer));
  }
  return layers;
}

Span Moved(Span span, size_t by) { return {static_cast<uint32_t>(span.begin + by), static_cast<uint32_t>(span.end + by)}; }

}  // namespace

StreamGuard::StreamGuard(const Guard& guard, Direction direction, std::string prompt)
    : guard_(guard), direction_(direction), prompt_(std::move(prompt)) {
  classifies_ = guard.parts().linear || guard.parts().record.encoder;
  for (const policy::Category& category : guard.policy().categories) {
    if (category.on.For(DirectionName(direction)) == Action::kAllow) continue;
    by_units_ |= classifies_;
    whole_ |= classifies_ && category.window_whole;
  }
}

StreamPiece StreamGuard::Push(std::string_view chunk) {
  text_ += chunk;
  return Advance(false);
}

StreamPiece StreamGuard::Finish() {
  StreamPiece piece = Advance(true);
  if (classifies_ && !by_units_ && !text_.empty()) {
    // Nothing here acts on a classifier's word; its scores are for the record.
    Verdict noted = guard_.Check(direction_, Subject{text_, prompt_, true});
    noted.action = Action::kAllow;
    Join(noted, 0, text_.size());
  }
  if (direction_ == Direction::kOutput) {
    // Refusing is a property of the whole answer.
    verdict_.refusal = RefusalScore(text_, prompt_);
    verdict_.detectors["refusal"].status = DetectorStatus::kOk;
  }
  // A stream that was stopped did not need the rest of its detectors.
  if (!Stops() && !text_.empty() && FindSilence(guard_.parts(), direction_ == Direction::kOutput, verdict_) && by_units_ &&
      guard_.parts().options.on_error == OnError::kBlock) {
    verdict_.action = Action::kBlock;
    verdict_.clause = "guard";
    return {"", true};
  }
  return piece;
}

bool StreamGuard::Judges(std::string_view chunk) const {
  if (!by_units_ || whole_) return false;
  if (text_.size() - judged_ + chunk.size() >= kWindowBytes) return true;
  char before = text_.empty() ? ' ' : text_.back();
  for (const char c : chunk) {
    // The last bytes of 。, ！ and ？ among others.
    if (c == '\n' || (IsSpace(c) && EndsSentence(before)) || c == '\x82' || c == '\x81' || c == '\x9F') return true;
    before = c;
  }
  return false;
}

StreamPiece StreamGuard::Advance(bool finished) {
  if (Stops()) return {"", true};
  const size_t whole = finished ? text_.size() : WholeCodePoints(text_);
  size_t limit = whole;
  if (by_units_) {
    JudgeUnits(whole, finished);
    if (Stops()) return {"", true};
    limit = judged_;
  }
  if (!finished && (limit <= released_ || whole < next_scan_)) return {};
  const size_t decided = FindPatterns(whole, finished);
  if (Stops()) return {"", true};
  const size_t open = whole - decided;
  next_scan_ = open > kLongHold && decided < limit ? whole + open / 8 : 0;
  limit = std::min(limit, decided);
  if (limit <= released_) return {};
  StreamPiece piece{Written(released_, limit), false};
  released_ = limit;
  return piece;
}

// Adds what patterns find in the held text; returns up to where nothing can become a match any more.
size_t StreamGuard::FindPatterns(size_t limit, bool finished) {
  const auto& scanner = guard_.parts().patterns;
  if (!scanner) return limit;
  verdict_.detectors["patterns"].status = DetectorStatus::kOk;
  // From a word's beginning, lest half a word reads as a key.
  size_t start = released_ > kLookBack ? released_ - kLookBack : 0;
  const size_t floor = start;
  while (start > 0 && start < released_ && IsWord(text_[start - 1])) ++start;
  if (start == released_) start = floor;
  while (start < released_ && IsContinuation(text_[start])) ++start;
  const std::string_view window = std::string_view(text_).substr(start, limit - start);
  const size_t skip = released_ - start;
  scanned_ += window.size();
  size_t hold = window.size();
  struct Found {
    Span span;
    size_t category;
  };
  std::vector<Found> found;
  std::vector<Span> passages;
  const auto hold_from = [&](const Layer& layer, size_t at) {
    if (at < layer.text.size()) hold = std::min<size_t>(hold, layer.Source(at, at + 1).begin);
  };
  // How much of `layer` reads the same whatever follows.
  const auto settled = [&](const Layer& layer) {
    return finished ? layer.text.size() : std::min(OpenEncoding(layer.text), OpenDisguise(layer.text));
  };
  for (const Layer& layer : LayersOf(window)) {
    if (layer.how == "text" && !IsUtf8(layer.text)) continue;  // `plain` stands for it
    const size_t certain = settled(layer);
    // What a match may go on to is open where the certain part ends, whatever the rest reads as now.
    const size_t from = layer.how == "text" ? std::min(skip, certain) : 0;
    const PatternScanner::Look look = scanner->ScanAndHold(std::string_view(layer.text).substr(0, certain), from);
    for (const PatternMatch& match : look.matches) {
      const Span span = layer.Source(match.span.begin, match.span.end);
      if (span.end <= skip) continue;  // released long ago, and decided then
      found.push_back({span, guard_.parts().rule_category[match.rule]});
      if (!finished && match.span.end + kLookAhead > certain) hold_from(layer, match.span.begin);
    }
    if (finished) continue;
    hold_from(layer, look.hold);
    hold_from(layer, certain);
    if (layer.how.find("decoded") != std::string::npos || layer.how.find("tags") != std::string::npos) AddPassages(layer, passages);
  }
  // What is held is not decided: a match there may yet grow, or turn out to be none. What is decoded is read whole.
  for (bool moved = true; moved;) {
    const size_t before = hold;
    for (const Found& match : found)
      if (match.span.begin < hold && match.span.end > hold) hold = match.span.begin;
    for (const Span passage : passages)
      if (passage.begin < hold && passage.end > hold) hold = passage.begin;
    moved = hold < before;
  }
  hold = std::max(hold, skip);
  for (const Found& match : found) {
    if (match.span.begin >= hold) continue;
    const Span span{std::max<uint32_t>(match.span.begin, static_cast<uint32_t>(skip)), match.span.end};
    Decide(guard_.policy().categories[match.category].id, Moved(span, start));
  }
  return start + hold;
}

// A pattern of `clause` stands at `span`, and what follows cannot change that.
void StreamGuard::Decide(const std::string& clause, Span span) {
  const Action action = guard_.policy().FindCategory(clause)->on_detect.For(DirectionName(direction_));
  CategoryVerdict& mine = verdict_.categories[clause];
  mine.fired = true;
  mine.score = 1;
  mine.action = std::max(mine.action, action);
  AddSpan(mine.spans, span);
  if (action == Action::kRedact) AddMark({span, clause});
  if (action <= verdict_.action) return;
  verdict_.action = action;
  verdict_.clause = clause;
}

// The end of the sentence that begins at judged_; 0 where it has not ended in text_[0, limit).
size_t StreamGuard::UnitEnd(size_t limit) {
  for (size_t i = std::max(judged_, unit_seen_); i < limit; ++i) {
    const size_t length = i + 1 - judged_;
    if (length >= kWindowBytes && !IsContinuation(i + 1 < limit ? text_[i + 1] : ' ')) return i + 1;
    if (length < kShortestUnit) continue;
    if (text_[i] == '\n') return i + 1;
    if (IsSpace(text_[i]) && EndsSentence(text_[i - 1])) return i + 1;
    const std::string_view last = std::string_view(text_).substr(i - 2, 3);
    if (last == "。" || last == "！" || last == "？") return i + 1;
  }
  unit_seen_ = limit;
  return 0;
}

void StreamGuard::JudgeUnits(size_t limit, bool finished) {
  if (whole_ && !finished) return;
  const bool several = whole_ && limit > 0 && UnitEnd(limit) > 0;
  while (judged_ < limit && !Stops()) {
    const size_t end = UnitEnd(limit);
    const size_t stop = end == 0 && finished ? limit : end;
    if (stop == 0) return;
    size_t from = judged_ > kContextBytes ? judged_ - kContextBytes : 0;
    while (from < judged_ && IsContinuation(text_[from])) ++from;
    // From a word's beginning.
    while (from > 0 && from < judged_ && !IsSpace(text_[from - 1])) ++from;
    // Alone, lest harmless company dilutes it, and with what went before, lest the harm needs both.
    std::vector<Subject> subjects = {{text_.substr(judged_, stop - judged_), prompt_, true}};
    if (from < judged_) subjects.push_back({text_.substr(from, stop - from), prompt_, true});
    const std::vector<Verdict> verdicts = guard_.Check(direction_, subjects);
    Join(verdicts[0], judged_, judged_);
    if (verdicts.size() > 1) Join(verdicts[1], from, judged_);
    judged_ = stop;
  }
  if (several && !Stops()) Join(guard_.Check(direction_, Subject{text_.substr(0, limit), prompt_, true}), 0, 0);
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
    mine.action = std::max(mine.action, category.action);
    for (Span span : category.spans) {
      span = Moved(span, base);
      if (span.end <= from) continue;
      span.begin = std::max(span.begin, static_cast<uint32_t>(from));
      AddSpan(mine.spans, span);
      if (category.action == Action::kRedact) AddMark({span, id});
    }
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

// Overlapping marks are joined under the clause of the first.
void StreamGuard::AddMark(Mark mark) {
  const auto after = std::upper_bound(marks_.begin(), marks_.end(), mark.span.begin,
                                      [](uint32_t begin, const Mark& other) { return begin < other.span.begin; });
  const auto place = marks_.insert(after, std::move(mark));
  auto first = place;
  if (place != marks_.begin()) {
    const auto left = std::prev(place);
    const bool touches = left->span.end == place->span.begin && left->clause == place->clause;
    if (left->span.end > place->span.begin || touches) {
      left->span.end = std::max(left->span.end, place->span.end);
      first = left;
    }
  }
  auto last = std::next(first);
  for (; last != marks_.end() && (last == place || last->span.begin < first->span.end); ++last)
    first->span.end = std::max(first->span.end, last->span.end);
  marks_.erase(std::next(first), last);
}

bool StreamGuard::Intact(size_t begin, size_t end) const {
  const auto after = std::upper_bound(marks_.begin(), marks_.end(), begin, [](size_t at, const Mark& mark) { return at < mark.span.end; });
  return after == marks_.end() || after->span.begin >= end;
}

// text_[begin, end) with what is to be redacted replaced. What a mark covers on both sides of a release is announced
// once.
std::string StreamGuard::Written(size_t begin, size_t end) const {
  const auto first = std::upper_bound(marks_.begin(), marks_.end(), begin, [](size_t at, const Mark& mark) { return at < mark.span.end; });
  if (first == marks_.end() || first->span.begin >= end) return text_.substr(begin, end - begin);
  std::string out;
  size_t at = begin;
  for (auto mark = first; mark != marks_.end() && mark->span.begin < end; ++mark) {
    if (mark->span.begin >= begin) {
      out.append(text_, at, mark->span.begin - at);
      out += "[redacted: " + mark->clause + "]";
    }
    at = std::min<size_t>(mark->span.end, end);
  }
  out.append(text_, at, end - at);
  return out;
}

}  // namespace plumb::guard
