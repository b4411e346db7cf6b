// Guarding all that a client gets to see of one answer: its text, reasoning and refusal, its tool calls and logprobs.
//
//   AnswerPiece  what is new in an answer; the same form goes in and comes out
//   AnswerGuard  one StreamGuard per text, one verdict over everything: the strictest wins, and stops everything
//
//   AnswerGuard guard(*route_guard, prompt, {.stream = true});
//   for (piece : vendor) {
//     AnswerPiece out = guard.Push(piece);        // what may be shown by now
//     if (guard.blocked()) break;                 // guard.verdict() says why; nothing more is released
//     send(out);
//   }
//   send(guard.Finish());
//
// The bound is stream.h's, text by text. Tool calls are held to their end: a call is acted upon as a whole, and is
// judged as one. Its arguments are judged as they stand and as the strings that a JSON parser makes of them; where
// something in them is redacted they stay JSON, and where that cannot be done the answer is blocked. A token's logprobs
// leave with its text and not before; with redacted text they are dropped, and so are all that do not fit the text.
// What only several texts together say is not seen. Where n > 1 answers are asked for, each has a guard of its own.
//
// One answer, one object, one thread at a time; the guard must outlive it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "runtime/guard/answer_calls.h"
#include "runtime/guard/answer_logprobs.h"
#include "runtime/guard/stream.h"

namespace plumb::guard {

struct AnswerPiece {
  std::string text, reasoning, refusal;
  json::array tool_calls;  // in: OpenAI's deltas with "index", or whole calls; out: whole calls with "index"
  json::value logprobs;    // OpenAI's, of `text`: {"content": […]}; null where there are none

  bool empty() const { return text.empty() && reasoning.empty() && refusal.empty() && tool_calls.empty() && logprobs.is_null(); }
};

struct AnswerOptions {
  bool stream = false;  // false: nothing is released before Finish, and every text is judged whole
  bool enforce = true;  // false: pieces pass as they are, and are judged at the end for the record
  bool hold = false;    // what is to be held is not blocked: the asker keeps the whole from the client until a person has seen it
};

class AnswerGuard {
 public:
  AnswerGuard(const Guard& guard, std::string prompt, AnswerOptions options);

  // What may be shown by now; nothing for ever once blocked().
  AnswerPiece Push(AnswerPiece piece);
  // The reasoning ends here and something else begins: what is held of it, so that it need not wait for the answer's end.
  // Reasoning that comes later is a text of its own, and is set apart from this by an empty line.
  std::string EndReasoning();
  // The rest; nothing where blocked(). To be called once, also after a block: it completes the verdict.
  AnswerPiece Finish();
  // Whether Push of this piece may wait for the encoder: then it is to be called off the I/O thread. (Finish may
  // wherever there is one.)
  bool Waits(const AnswerPiece& piece) const;

  bool blocked() const { return blocked_; }
  // Over everything. A category whose evidence is not in the text names the channel it is in, "reasoning", "refusal" or
  // "tool_call N", and its spans count the bytes of that.
  Verdict verdict() const;
  // What the model said so far.
  const std::string& said() const { return tracks_[0].said(); }
  // The tool calls so far, whole, in OpenAI's form.
  json::array calls() const;
  // Something was replaced by a redaction.
  bool redacted() const { return redacted_; }

 private:
  // One of the texts.
  struct Track {
    std::string channel;
    std::unique_ptr<StreamGuard> stream;  // where it is guarded while it is written
    std::string text;                     // else what came so far
    Verdict verdict;                      // of `text`, once it is judged
    bool apart = false;                   // another text went before: the two must not be read as one

    const std::string& said() const { return stream ? stream->text() : text; }
    const Verdict& judged() const { return stream ? stream->verdict() : verdict; }
  };
  void Judge();
  bool Stops(Action action) const;
  static std::string Apart(Track& track, std::string text);
  std::string FinishTrack(Track& track);

  const Guard& guard_;
  const std::string prompt_;
  const AnswerOptions options_;
  std::array<Track, 3> tracks_;  // text, reasoning, refusal
  std::vector<Track> ended_;     // reasoning that something else came after
  LogprobQueue logprobs_;
  ToolCallBuilder calls_;
  std::vector<Verdict> call_verdicts_;
  bool blocked_ = false, redacted_ = false;
};

}  // namespace plumb::guard
