#include "loop/hard_pairs.h"

#include <algorithm>

#include "runtime/guard/refusal.h"

namespace plumb::loop {

AskedAgain SortAnswered(std::vector<Pair> pairs, const std::vector<std::string>& answers) {
  AskedAgain out;
  for (size_t i = 0; i < pairs.size(); ++i) {
    Pair& pair = pairs[i];
    const bool refused = guard::RefusalScore(answers[i], pair.prompt.text) >= 0.5;
    if (refused == pair.prompt.violates) {
      if (!pair.chosen.empty() && !pair.rejected.empty()) (refused ? out.refused_rightly : out.answered_rightly).push_back(std::move(pair));
      continue;
    }
    ++out.wrong;
    if (!Trim(answers[i]).empty()) pair.rejected = answers[i];
    if (pair.chosen.empty()) out.unanswered.push_back(std::move(pair));
    else if (!pair.rejected.empty()) out.hard.push_back(std::move(pair));
  }
  return out;
}

std::vector<json::object> HardRows(AskedAgain again, const std::vector<std::string>& own, const std::vector<Pair>& data) {
  constexpr size_t kFewest = 16;
  std::vector<json::object> rows;
  const auto add = [&](const std::vector<Pair>& pairs, size_t most) {
    for (size_t i = 0; i < std::min(most, pairs.size()); ++i) rows.push_back(PairRow(pairs[i]));
  };
  add(again.hard, again.hard.size());
  for (size_t i = 0; i < again.unanswered.size(); ++i) {
    Pair& pair = again.unanswered[i];
    if (pair.rejected.empty() || Trim(own[i]).empty() || OpensAsRefusal(own[i], pair.prompt.text)) continue;
    pair.chosen = own[i];
    rows.push_back(PairRow(pair));
  }
  for (const Pair& pair : data)
    if (!pair.rejected.empty()) rows.push_back(PairRow(pair));
  if (again.wrong < kFewest) return rows;
  add(again.refused_rightly, again.wrong);
  add(again.answered_rightly, again.wrong / 2);
  return rows;
}

}  // namespace plumb::loop
