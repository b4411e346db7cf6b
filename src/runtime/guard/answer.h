// Guarding one whole answer: every choice of it, and of every choice all that a client gets to see.
//
//   Channel      one text of an answer: a choice's text, reasoning, refusal, or one of its tool calls
//   AnswerPiece  what is new in one choice; the same form goes in and comes out
//   AnswerGuard  one StreamGuard per channel, one verdict over all of them: the strictest wins, and stops everything
//
//   AnswerGuard guard(*route_guard, prompt, {.stream = true});
//   for (piece : vendor) {
//     AnswerPiece out = guard.Push(piece);        // what may be shown by now
//     if (guard.blocked()) break;                 // guard.verdict() says why; nothing more is released
//     send(out);
//   }
//   for (const AnswerPiece& out : guard.Finish()) send(out);
//
// The bound is stream.h's, channel by channel. Tool calls are held to their end: a call is acted upon as a whole, and is
// judged as one. Its arguments are judged as they stand and as the strings that a JSON parser makes of them; where
// something in them is redacted they stay JSON, and where that cannot be done the answer is blocked. A token's logprobs
// leave with its text and not before; with redacted text they are dropped, and so are all that do not fit the text.
// What only several channels together say is not seen.
//
// One answer, one object, one thread at a time; the guard must outlive it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/guard/stream.h"

namespace plumb::guard {

struct AnswerPiece {
  int choice = 0;
  std::string text, reasoning, refusal;
  json::array tool_calls;  // in: OpenAI's deltas (or whole calls) with "index"; out: whole calls with "index"
  json::value logprobs;    // OpenAI's, of `text`: {"content": […]}; null where there are none

  bool empty() const { return text.empty() && reasoning.empty() && refusal.empty() && tool_calls.empty() && logprobs.is_null(); }
};

struct AnswerOptions {
  bool stream = false;  // false: nothing is released before Finish, and every text is judged whole
  bool enforce = true;  // false: pieces pass as they are, and are judged at the end for the record
};

class AnswerGuard {
 public:
  AnswerGuard(const Guard& guard, std::string prompt, AnswerOptions options);
  ~AnswerGuard();
  AnswerGuard(AnswerGuard&&) noexcept;

  // What may be shown of the piece's choice by now; empty where nothing may, and for ever once blocked().
  AnswerPiece Push(AnswerPiece piece);
  // The rest, one piece per choice that has some; nothing where blocked(). To be called once, also after a block: it
  // completes the verdict.
  std::vector<AnswerPiece> Finish();

  // Whether Push of this piece, or Finish, may wait for the encoder: then it is to be called off the I/O thread.
  bool Waits(const AnswerPiece& piece) const;
  bool Waits() const;

  bool blocked() const { return blocked_; }
  // Over all channels. Categories whose evidence is not in the first choice's text name its channel, and their spans
  // count that channel's bytes.
  Verdict verdict() const;
  // What the model said so far in the first choice's text.
  const std::string& said() const;
  // Something was replaced by a redaction.
  bool redacted() const { return redacted_; }
  // Nothing was let out yet.
  bool fresh() const { return !released_; }

 private:
  struct Choice;
  Choice& At(int choice);
  void Judge(Choice& choice, int index);
  AnswerPiece Passed(AnswerPiece piece);

  const Guard& guard_;
  const std::string prompt_;
  const AnswerOptions options_;
  std::map<int, Choice> choices_;
  bool blocked_ = false, redacted_ = false, released_ = false;
};

}  // namespace plumb::guard
