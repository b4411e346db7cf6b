// Guarding a text while it is written: what may be shown is released, what may still become a violation is held.
//
//   StreamGuard stream(guard, Direction::kOutput, prompt);
//   for (chunk : answer) {
//     StreamPiece piece = stream.Push(chunk);
//     send(piece.release);                       // redacted where the policy says so
//     if (piece.blocked) break;                  // stream.verdict() says why; nothing more is released
//   }
//   send(stream.Finish().release);
//
// Leak bound, tested by cutting streams at every byte (docs/guard.md has it as a table):
//   patterns    0 bytes, in the text itself, in its plain layer and inside base64, hexadecimal, binary and escapes, as
//               long as one encoded run is at most kLongestEncodedRun bytes; patterns in spelled-out, rotated or
//               reversed passages are found with the classifiers' unit
//   classifiers 0 bytes of a unit before the verdict on it; a unit is a sentence, or kWindowBytes where none ends; harm
//               that only several units together make is seen as far back as kContextBytes (each unit is
//               judged alone and with that context). A category with
//               `window: whole` holds everything to the end.
// A detector that must answer and does not stops the stream where the guard's on_error is kBlock: nothing of its unit
// leaves.
//
// Cost: every byte is scanned for patterns a bounded number of times, however small the chunks.
//
// One stream, one object, one thread at a time; the guard must outlive it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/guard/guard.h"
#include "runtime/guard/stream_hold.h"

namespace plumb::guard {

inline constexpr size_t kContextBytes = 400;  // what was released before a unit and is judged with it

struct StreamPiece {
  std::string release;
  bool blocked = false;  // from now on; `release` is empty then
};

class StreamGuard {
 public:
  StreamGuard(const Guard& guard, Direction direction, std::string prompt);

  StreamPiece Push(std::string_view chunk);
  StreamPiece Finish();

  // Over all that was judged so far; spans count bytes of the whole stream.
  const Verdict& verdict() const { return verdict_; }
  // Everything taken in; bytes of it released, and taken in and not yet released.
  const std::string& text() const { return text_; }
  size_t released() const { return released_; }
  size_t held() const { return text_.size() - released_; }
  // Whether nothing in text()[begin, end) is replaced; known once it is released.
  bool Intact(size_t begin, size_t end) const;
  // Bytes that patterns were looked for in, all looks together.
  size_t scanned() const { return scanned_; }
  // Whether Push(chunk) may ask the classifiers.
  bool Judges(std::string_view chunk) const;

 private:
  struct Mark {  // to be replaced in what is released
    Span span;
    std::string clause;
  };
  StreamPiece Advance(bool finished);
  void JudgeUnits(size_t limit, bool finished);
  size_t UnitEnd(size_t limit);
  size_t FindPatterns(size_t limit, bool finished);
  void Decide(const std::string& clause, Span span);
  void Join(const Verdict& unit, size_t base, size_t from);
  void AddMark(Mark mark);
  std::string Written(size_t begin, size_t end) const;
  bool Stops() const { return verdict_.action > Action::kRedact; }

  const Guard& guard_;
  const Direction direction_;
  const std::string prompt_;
  bool by_units_ = false;      // some classifier may act in this direction
  bool classifies_ = false;    // there is a classifier at all
  bool whole_ = false;         // some acting category is judged on the whole text
  std::string text_;           // everything pushed
  size_t released_ = 0, judged_ = 0;
  size_t unit_seen_ = 0;       // no unit ends before this
  size_t scanned_ = 0;
  size_t next_scan_ = 0;       // patterns are not looked for before the text is this long
  std::vector<Mark> marks_;    // by place
  Verdict verdict_;
};

}  // namespace plumb::guard
