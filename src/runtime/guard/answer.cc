#include "runtime/guard/answer.h"

#include <algorithm>
#include <array>

#include "runtime/guard/answer_calls.h"
#include "runtime/guard/answer_logprobs.h"
#include "runtime/guard/cascade.h"

namespace plumb::guard {
namespace {

// Whether a redaction of `verdict` touches [begin, end).
bool Touches(const Verdict& verdict, size_t begin, size_t end) {
  for (const auto& [id, category] : verdict.categories)
    if (category.fired && category.action == Action::kRedact)
      for (const Span span : category.spans)
        if (span.begin < end && span.end > begin) return true;
  return false;
}

// "choice 1/reasoning"; nothing for the first choice's text.
std::string ChannelName(int choice, const std::string& channel) {
  if (choice == 0) return channel == "text" ? "" : channel;
  return fmt::format("choice {}/{}", choice, channel);
}

void JoinChannel(Verdict& all, const Verdict& one, const std::string& channel) {
  for (const auto& [id, category] : one.categories) {
    CategoryVerdict& mine = all.categories[id];
    const bool evidence = category.fired && (!mine.fired || category.action > mine.action);
    const double score = std::max(mine.score, category.score);
    const double threshold = all.detectors.empty() || mine.threshold == 1 ? category.threshold : mine.threshold;
    if (evidence) {
      mine = category;
      mine.channel = channel;
    }
    mine.score = score;
    mine.threshold = threshold;
  }
  for (const auto& [name, report] : one.detectors) {
    DetectorReport& mine = all.detectors[name];
    const double ms = mine.ms + report.ms;
    const bool bad = mine.status != DetectorStatus::kOk && !mine.note.empty();
    if (!bad) mine = report;
    mine.ms = ms;
  }
  all.unsafe = std::max(all.unsafe, one.unsafe);
  all.failed |= one.failed;
  if (!all.refusal) all.refusal = one.refusal;
  if (one.action > all.action) {
    all.action = one.action;
    all.clause = one.clause;
  }
}

}  // namespace

// One text of a choice.
struct Track {
  std::string name;
  std::unique_ptr<StreamGuard> stream;  // where it is guarded while it is written
  std::string text;                     // else what came so far
  Verdict verdict;                      // of `text`, once it is judged

  const std::string& said() const { return stream ? stream->text() : text; }
  const Verdict& judged() const { return stream ? stream->verdict() : verdict; }
};

struct AnswerGuard::Choice {
  Track text{"text", nullptr, "", {}}, reasoning{"reasoning", nullptr, "", {}}, refusal{"refusal", nullptr, "", {}};
  LogprobQueue logprobs;
  ToolCallBuilder calls;
  std::vector<Verdict> call_verdicts;

  std::array<Track*, 3> tracks() { return {&text, &reasoning, &refusal}; }
  std::array<const Track*, 3> tracks() const { return {&text, &reasoning, &refusal}; }
};

AnswerGuard::AnswerGuard(const Guard& guard, std::string prompt, AnswerOptions options)
    : guard_(guard), prompt_(std::move(prompt)), options_(options) {
  At(0);
}
AnswerGuard::~AnswerGuard() = default;
AnswerGuard::AnswerGuard(AnswerGuard&&) noexcept = default;

AnswerGuard::Choice& AnswerGuard::At(int choice) {
  const auto [place, made] = choices_.try_emplace(choice);
  if (made && options_.stream && options_.enforce)
    for (Track* track : place->second.tracks()) track->stream = std::make_unique<StreamGuard>(guard_, Direction::kOutput, prompt_);
  return place->second;
}

AnswerPiece AnswerGuard::Push(AnswerPiece piece) {
  if (blocked_) return {.choice = piece.choice};
  Choice& choice = At(piece.choice);
  const std::array<std::string*, 3> news = {&piece.text, &piece.reasoning, &piece.refusal};
  choice.calls.Add(piece.tool_calls);
  if (!options_.enforce) {
    for (size_t t = 0; t < news.size(); ++t) choice.tracks()[t]->text += *news[t];
    return Passed(std::move(piece));
  }
  choice.logprobs.Add(piece.logprobs);
  AnswerPiece out{.choice = piece.choice};
  const std::array<std::string*, 3> into = {&out.text, &out.reasoning, &out.refusal};
  for (size_t t = 0; t < news.size(); ++t) {
    if (news[t]->empty()) continue;
    Track& track = *choice.tracks()[t];
    if (!track.stream) {
      track.text += *news[t];
      continue;
    }
    StreamPiece released = track.stream->Push(*news[t]);
    blocked_ |= released.blocked;
    *into[t] = std::move(released.release);
  }
  if (blocked_) return {.choice = piece.choice};
  if (const StreamGuard* text = choice.text.stream.get())
    out.logprobs = choice.logprobs.Take(text->text(), text->released(), [&](size_t begin, size_t end) { return text->Intact(begin, end); });
  return Passed(std::move(out));
}

AnswerPiece AnswerGuard::Passed(AnswerPiece piece) {
  released_ |= !piece.empty();
  return piece;
}

// What no stream guard has judged: whole texts, and calls.
void AnswerGuard::Judge(Choice& choice, int index) {
  for (Track* track : choice.tracks()) {
    // An answer that says nothing is judged too: that its detectors ran is part of the record.
    const bool silent = track == &choice.text && index == 0 && choice.calls.empty();
    if (track->stream || (track->text.empty() && !silent)) continue;
    track->verdict = guard_.Check(Direction::kOutput, Subject{track->text, prompt_});
    blocked_ |= options_.enforce && track->verdict.action > Action::kRedact;
  }
  for (auto& [at, call] : choice.calls.calls()) {
    choice.call_verdicts.push_back(GuardToolCall(guard_, call, options_.enforce, redacted_));
    blocked_ |= options_.enforce && choice.call_verdicts.back().action > Action::kRedact;
  }
}

std::vector<AnswerPiece> AnswerGuard::Finish() {
  std::vector<AnswerPiece> out;
  for (auto& [index, choice] : choices_) {
    AnswerPiece piece{.choice = index};
    const std::array<std::string*, 3> into = {&piece.text, &piece.reasoning, &piece.refusal};
    Judge(choice, index);
    for (size_t t = 0; t < into.size(); ++t) {
      Track& track = *choice.tracks()[t];
      if (!track.stream) {
        *into[t] = Redact(track.text, track.verdict);
      } else if (!track.stream->text().empty()) {
        StreamPiece released = track.stream->Finish();
        blocked_ |= released.blocked;
        *into[t] = std::move(released.release);
      }
      const Verdict& verdict = track.judged();
      redacted_ |= options_.enforce && std::ranges::any_of(verdict.categories, [](const auto& category) {
        return category.second.fired && category.second.action == Action::kRedact;
      });
    }
    const Track& text = choice.text;
    piece.logprobs = choice.logprobs.Take(text.said(), text.said().size(), [&](size_t begin, size_t end) {
      return text.stream ? text.stream->Intact(begin, end) : !Touches(text.verdict, begin, end);
    });
    for (auto& [at, call] : choice.calls.calls()) {
      json::object whole = {{"index", at}};
      for (auto& [key, value] : call) whole[key] = value;
      piece.tool_calls.push_back(std::move(whole));
    }
    if (!piece.empty()) out.push_back(std::move(piece));
  }
  if (blocked_ || !options_.enforce) out.clear();
  for (const AnswerPiece& piece : out) released_ |= !piece.empty();
  return out;
}

bool AnswerGuard::Waits() const { return guard_.parts().record.encoder && guard_.parts().options.require_encoder; }

bool AnswerGuard::Waits(const AnswerPiece& piece) const {
  if (blocked_ || !options_.enforce || !options_.stream || !Waits()) return false;
  const auto choice = choices_.find(piece.choice);
  const std::array<const std::string*, 3> news = {&piece.text, &piece.reasoning, &piece.refusal};
  for (size_t t = 0; t < news.size(); ++t) {
    if (news[t]->empty()) continue;
    if (choice == choices_.end() || choice->second.tracks()[t]->stream->Judges(*news[t])) return true;
  }
  return false;
}

Verdict AnswerGuard::verdict() const {
  Verdict all;
  for (const auto& [index, choice] : choices_) {
    for (const Track* track : choice.tracks())
      if (!track->judged().detectors.empty()) JoinChannel(all, track->judged(), ChannelName(index, track->name));
    for (size_t i = 0; i < choice.call_verdicts.size(); ++i)
      JoinChannel(all, choice.call_verdicts[i], ChannelName(index, fmt::format("tool_call {}", i)));
  }
  return all;
}

const std::string& AnswerGuard::said() const { return choices_.at(0).text.said(); }

}  // namespace plumb::guard
