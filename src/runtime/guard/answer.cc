#include "runtime/guard/answer.h"

#include <algorithm>
#include <utility>

#include "runtime/guard/cascade.h"

namespace plumb::guard {
namespace {

bool Redacts(const CategoryVerdict& category) { return category.fired && category.action == Action::kRedact && !category.spans.empty(); }

// Whether a redaction of `verdict` touches [begin, end).
bool Touches(const Verdict& verdict, size_t begin, size_t end) {
  for (const auto& [id, category] : verdict.categories)
    if (Redacts(category) && std::ranges::any_of(category.spans, [&](Span span) { return span.begin < end && span.end > begin; })) return true;
  return false;
}

void JoinDetectors(Verdict& all, const Verdict& one) {
  for (const auto& [name, report] : one.detectors) {
    const auto [place, first] = all.detectors.try_emplace(name, report);
    if (first) continue;
    const double ms = place->second.ms + report.ms;
    if (place->second.status == DetectorStatus::kOk) place->second = report;
    place->second.ms = ms;
  }
}

void JoinChannel(Verdict& all, const Verdict& one, const std::string& channel) {
  for (const auto& [id, category] : one.categories) {
    const auto [place, first] = all.categories.try_emplace(id, category);
    CategoryVerdict& mine = place->second;
    const double score = std::max(mine.score, category.score);
    const bool stricter = category.fired && (!mine.fired || category.action > mine.action);
    if (!first && stricter) mine = category;
    if (first || stricter) mine.channel = category.fired ? channel : "";
    mine.score = score;
  }
  JoinDetectors(all, one);
  all.unsafe = std::max(all.unsafe, one.unsafe);
  all.failed |= one.failed;
  if (!all.refusal) all.refusal = one.refusal;
  if (one.action > all.action) {
    all.action = one.action;
    all.clause = one.clause;
  }
}

std::array<std::string*, 3> TextsOf(AnswerPiece& piece) { return {&piece.text, &piece.reasoning, &piece.refusal}; }
std::array<const std::string*, 3> TextsOf(const AnswerPiece& piece) { return {&piece.text, &piece.reasoning, &piece.refusal}; }

}  // namespace

AnswerGuard::AnswerGuard(const Guard& guard, std::string prompt, AnswerOptions options)
    : guard_(guard), prompt_(std::move(prompt)), options_(options) {
  tracks_[1].channel = "reasoning";
  tracks_[2].channel = "refusal";
}

AnswerPiece AnswerGuard::Push(AnswerPiece piece) {
  if (blocked_) return {};
  calls_.Add(piece.tool_calls);
  AnswerPiece out;
  for (size_t t = 0; t < tracks_.size(); ++t) {
    const std::string& news = *TextsOf(piece)[t];
    Track& track = tracks_[t];
    if (news.empty()) continue;
    if (!options_.stream || !options_.enforce) {
      track.text += news;
      continue;
    }
    if (!track.stream) track.stream = std::make_unique<StreamGuard>(guard_, Direction::kOutput, prompt_);
    StreamPiece released = track.stream->Push(news);
    blocked_ |= released.blocked;
    *TextsOf(out)[t] = Apart(track, std::move(released.release));
  }
  if (!options_.enforce) return piece;
  logprobs_.Add(piece.logprobs);
  if (blocked_) return {};
  if (const StreamGuard* text = tracks_[0].stream.get())
    out.logprobs = logprobs_.Take(text->text(), text->released(), [&](size_t begin, size_t end) { return text->Intact(begin, end); });
  return out;
}

// What is released of a track; set apart from the one before it, or the end of that and the beginning of this could be
// read as what neither is alone.
std::string AnswerGuard::Apart(Track& track, std::string text) {
  if (text.empty() || !track.apart) return text;
  track.apart = false;
  return "\n\n" + text;
}

std::string AnswerGuard::EndReasoning() {
  Track& track = tracks_[1];
  if (blocked_ || !track.stream) return "";
  std::string rest = FinishTrack(track);
  ended_.push_back(std::exchange(track, Track{.channel = track.channel, .apart = true}));
  return blocked_ ? "" : rest;
}

bool AnswerGuard::Stops(Action action) const {
  return options_.enforce && action > Action::kRedact && !(options_.hold && action == Action::kHold);
}

json::array AnswerGuard::calls() const {
  json::array out;
  for (const auto& [at, call] : calls_.calls()) out.push_back(call);
  return out;
}

// What no stream guard judges: whole texts, and calls.
void AnswerGuard::Judge() {
  for (Track& track : tracks_) {
    // An answer that says nothing is judged too: that its detectors ran is part of the record.
    const bool silent = &track == &tracks_[0] && calls_.empty() && tracks_[1].said().empty() && tracks_[2].said().empty();
    if (track.stream || (track.text.empty() && !silent)) continue;
    track.verdict = guard_.Check(Direction::kOutput, Subject{track.text, prompt_});
    blocked_ |= Stops(track.verdict.action);
  }
  for (auto& [at, call] : calls_.calls()) {
    call_verdicts_.push_back(GuardToolCall(guard_, call, options_.enforce, redacted_));
    blocked_ |= Stops(call_verdicts_.back().action);
  }
}

std::string AnswerGuard::FinishTrack(Track& track) {
  std::string out;
  if (track.stream) {
    StreamPiece released = track.stream->Finish();
    blocked_ |= released.blocked;
    out = Apart(track, std::move(released.release));
  } else {
    out = Redact(track.text, track.verdict);
  }
  redacted_ |= std::ranges::any_of(track.judged().categories, [](const auto& category) { return Redacts(category.second); });
  return out;
}

AnswerPiece AnswerGuard::Finish() {
  Judge();
  if (!options_.enforce) return {};
  AnswerPiece out;
  for (size_t t = 0; t < tracks_.size(); ++t) *TextsOf(out)[t] = FinishTrack(tracks_[t]);
  if (blocked_) return {};
  const Track& text = tracks_[0];
  out.logprobs = logprobs_.Take(text.said(), text.said().size(), [&](size_t begin, size_t end) {
    return text.stream ? text.stream->Intact(begin, end) : !Touches(text.verdict, begin, end);
  });
  for (auto& [at, call] : calls_.calls()) {
    json::object whole = {{"index", at}};
    for (auto& [key, value] : call) whole[key] = value;
    out.tool_calls.push_back(std::move(whole));
  }
  return out;
}

bool AnswerGuard::Waits(const AnswerPiece& piece) const {
  if (blocked_ || !options_.enforce || !options_.stream || !guard_.parts().record.encoder || !guard_.parts().options.require_encoder) return false;
  for (size_t t = 0; t < tracks_.size(); ++t) {
    const std::string& news = *TextsOf(piece)[t];
    if (!news.empty() && (!tracks_[t].stream || tracks_[t].stream->Judges(news))) return true;
  }
  return false;
}

Verdict AnswerGuard::verdict() const {
  Verdict all;
  for (const Track& track : tracks_)
    if (!track.judged().detectors.empty()) JoinChannel(all, track.judged(), track.channel);
  for (const Track& track : ended_) JoinChannel(all, track.judged(), track.channel);
  for (size_t i = 0; i < call_verdicts_.size(); ++i) JoinChannel(all, call_verdicts_[i], fmt::format("tool_call {}", i));
  return all;
}

}  // namespace plumb::guard
