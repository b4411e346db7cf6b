// A conversation's turns judged together: what is harmless turn by turn and harmful in a row.
//
//   Conversation conversation(guard);
//   Verdict verdict = conversation.Next("and now the dose for a grown man");
//
// A turn is judged by itself first. Where it passes, it is judged once more behind the turns before it; that counts only where
// those without it pass, so that it is this turn which completes something. A turn that was stopped is forgotten, and so is
// what it completed: one bad turn condemns no later one. The memory is a few turns and a window of text, so a check costs at
// most three times what a turn alone costs.
//
// Not safe to use from two threads at once: it is one conversation.
#pragma once

#include <deque>
#include <string>

#include "runtime/guard/guard.h"

namespace plumb::guard {

struct ConversationOptions {
  size_t turns = 4;     // how many earlier ones are remembered
  size_t bytes = 1000;  // of them and the turn together, what is read: the last of it
};

class Conversation {
 public:
  // The guard must outlive this.
  explicit Conversation(const Guard& guard, ConversationOptions options = {}) : guard_(guard), options_(options) {}

  // The verdict on the person's next turn. Spans are bytes of `text`; where it was stopped for what it completes, they are
  // what of the evidence lies in it.
  Verdict Next(const std::string& text);

 private:
  const Guard& guard_;
  const ConversationOptions options_;
  std::deque<std::string> turns_;
};

}  // namespace plumb::guard
