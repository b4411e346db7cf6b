// Values taken out on the way in and put back on the way out: the model and the ledger see "[email 1]", the caller sees
// the address.
//
//   Placeholders places;                                       // of one exchange, and never of another
//   places.Reserve(text);                                      // for every text of the request: what is taken already
//   std::string sent = Redact(text, verdict, guard, &places);  // to the model
//   PlaceholderStream out(places);
//   send(out.Push(piece)); … send(out.Finish());               // to the caller
//
// The same value gets the same placeholder, numbered by first appearance, so that a conversation sent again reads as it
// did before. Only categories with `restore: true` are put back; the others get "[redacted: CLAUSE]" for good.
//
// Not safe to share between threads while values are added.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "runtime/guard/answer.h"

namespace plumb::guard {

class Placeholders {
 public:
  // Names that `text` already has in it are not given to anything else.
  void Reserve(std::string_view text);
  // The placeholder of `value`; `kind` names it: "email" → "[email 1]".
  const std::string& For(const std::string& value, std::string_view kind);
  bool empty() const { return values_.empty(); }
  // Value by placeholder, for an answer that is given later. What is made of that restores and takes nothing new.
  json::object Json() const;
  static Placeholders FromJson(const json::object& names);

  // Every placeholder replaced by its value. `as_json`: `text` is JSON, and values are written as a JSON string has them.
  std::string Restore(std::string_view text, bool as_json = false) const;

 private:
  friend class PlaceholderStream;
  // The value of the placeholder that `text` begins with, or nullptr; `open` where more of `text` could make one.
  const std::string* At(std::string_view text, size_t& length, bool& open) const;

  std::map<std::string, std::string> names_;                // by value
  std::map<std::string, std::string, std::less<>> values_;  // by placeholder
  std::map<std::string, int> counts_;                       // by kind
  std::set<std::string, std::less<>> reserved_;
};

// Puts values back in a text that comes in pieces.
class PlaceholderStream {
 public:
  explicit PlaceholderStream(const Placeholders& places) : places_(&places) {}
  std::string Push(std::string_view chunk);
  std::string Finish();

 private:
  const Placeholders* places_;
  std::string held_;  // what may be the beginning of a placeholder
};

// Puts values back in everything an answer has: its texts, piece by piece, and the arguments of its calls. Where there
// are any, logprobs are dropped: they are of another text.
class AnswerRestorer {
 public:
  explicit AnswerRestorer(const Placeholders& places) : places_(&places), texts_{PlaceholderStream(places), PlaceholderStream(places), PlaceholderStream(places)} {}
  AnswerPiece Push(AnswerPiece piece);
  AnswerPiece Finish();

 private:
  const Placeholders* places_;
  std::array<PlaceholderStream, 3> texts_;
};

// What patterns alone say of a text: for turns that were judged when they came and are sent to the model again.
Verdict CheckPatterns(const Guard& guard, Direction direction, std::string_view text);

// As Redact(text, verdict); evidence of categories with `restore` is replaced by placeholders where `places` is given.
std::string Redact(std::string_view text, const Verdict& verdict, const Guard& guard, Placeholders* places);

}  // namespace plumb::guard
