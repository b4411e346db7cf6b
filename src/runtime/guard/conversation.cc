#include "runtime/guard/conversation.h"

#include <algorithm>

namespace plumb::guard {
namespace {

bool Stops(const Verdict& verdict) { return verdict.action > Action::kFlag; }

std::string Joined(const std::deque<std::string>& turns) {
  std::string out;
  for (const std::string& turn : turns) out += turn + " ";
  return out;
}

// Of spans in `before` + the turn, what lies in the turn.
void MoveSpans(Verdict& verdict, size_t before) {
  for (auto& [id, category] : verdict.categories) {
    std::vector<Span> moved;
    for (const Span& span : category.spans)
      if (span.end > before) moved.push_back({static_cast<uint32_t>(std::max<size_t>(span.begin, before) - before), static_cast<uint32_t>(span.end - before)});
    category.spans = std::move(moved);
  }
}

}  // namespace

Verdict Conversation::Next(const std::string& text) {
  Verdict alone = guard_.Check(Direction::kInput, Subject{text, ""});
  if (Stops(alone)) return alone;
  if (!turns_.empty() && text.size() < options_.bytes) {
    std::string earlier = Joined(turns_);
    const size_t room = options_.bytes - text.size();
    if (earlier.size() > room) {
      size_t cut = earlier.size() - room;
      while (cut < earlier.size() && (static_cast<unsigned char>(earlier[cut]) & 0xC0) == 0x80) ++cut;
      earlier.erase(0, cut);
    }
    const std::vector<Subject> subjects = {{earlier, ""}, {earlier + text, ""}};
    std::vector<Verdict> verdicts = guard_.Check(Direction::kInput, subjects);
    if (Stops(verdicts[1]) && !Stops(verdicts[0])) {
      turns_.clear();
      MoveSpans(verdicts[1], earlier.size());
      return std::move(verdicts[1]);
    }
  }
  turns_.push_back(text);
  if (turns_.size() > options_.turns) turns_.pop_front();
  return alone;
}

}  // namespace plumb::guard
