#include "cli/config_judge.h"

namespace plumb::cli {

void ReadJudge(const Node& node, Reader& reader, guard::JudgeSettings& judge) {
  if (!reader.Map(node, "judge", {"target", "from", "to", "clauses", "within_ms"})) return;
  const Node* target = node.Find("target");
  if (target) judge.target = reader.Text(*target, "judge.target");
  if (judge.target.empty()) reader.Wrong(target ? *target : node, "judge needs 'target': who is asked, as in models");
  if (const Node* from = node.Find("from")) judge.from = reader.Number(*from, "judge.from", 0, 1);
  if (const Node* to = node.Find("to")) judge.to = reader.Number(*to, "judge.to", 0, 1);
  if (judge.from > judge.to) reader.Wrong(node, "judge is asked from {} to {}: 'from' must not be above 'to'", judge.from, judge.to);
  if (const Node* clauses = node.Find("clauses")) judge.clauses = static_cast<size_t>(reader.Whole(*clauses, "judge.clauses", 1, 50));
  if (const Node* within = node.Find("within_ms")) judge.within = std::chrono::milliseconds(reader.Whole(*within, "judge.within_ms", 1, 600'000));
}

}  // namespace plumb::cli
