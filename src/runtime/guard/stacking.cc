#include "runtime/guard/stacking.h"

#include <algorithm>
#include <set>

#include "runtime/guard/joining_inputs.h"
#include "runtime/guard/reading.h"
#include "runtime/guard/refusal.h"

namespace plumb::guard {
namespace {

// Where on the benign rows the clauses' scores are made equal: the budget's neighbourhood, as far as few rows can tell.
constexpr double kOffsetQuantile = 0.97;
// A category by itself starts beyond every benign row, by this much in log-odds: the general alarm, which has seen the
// most texts, decides, and has the budget to itself; fifteen more chances of a false alarm would cost it dearly.
constexpr double kCategoryMargin = 2;

// How much of the weight the linear tier may have where it is joined with the encoder on documents. The kept rows carry
// instructions in the words that taught it, so that a fit trusts it too much; of other instructions it knows little (docs/guard.md).
constexpr double kLinearShareOfDocuments = 0.2;

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(q * static_cast<double>(values.size())))];
}

// Where the clauses' scores on benign rows lie.
template <class ScoreOf>
double Offset(const std::vector<Heads>& heads, const std::vector<bool>& benign, double quantile, ScoreOf score) {
  std::vector<double> values;
  for (size_t i = 0; i < heads.size(); ++i)
    if (benign[i]) values.push_back(score(heads[i]));
  return Quantile(std::move(values), quantile);
}

Result<Joining> FitPlain(const policy::Policy& policy, const TrainingSet& set, const LinearModel& linear, Classifier* encoder) {
  std::vector<const TrainingRow*> rows;
  std::vector<bool> benign;
  for (const TrainingRow& row : set.rows) {
    const auto label = row.labels.find(std::string(kUnsafeHead));
    if (!row.joining || label == row.labels.end()) continue;
    rows.push_back(&row);
    benign.push_back(label->second == 0);
  }
  PLUMB_TRY(const std::vector<Heads> heads, HeadsOf(rows, linear, encoder));
  const InputReader reader(policy, linear, encoder);
  JoiningProblem unsafe{encoder != nullptr}, category{encoder != nullptr};
  for (size_t i = 0; i < rows.size(); ++i) {
    unsafe.Add(reader.Unsafe(heads[i]), !benign[i], rows[i]->weight);
    for (size_t c = 0; c < policy.categories.size(); ++c) {
      const auto label = rows[i]->labels.find(policy.categories[c].id);
      if (!reader.Knows(c) || label == rows[i]->labels.end()) continue;
      // Benign rows stand in every category's problem: together they count once.
      const double share = label->second ? 1 : 2.0 / static_cast<double>(policy.categories.size());
      category.Add(reader.Category(heads[i], c), label->second, rows[i]->weight * share);
    }
  }
  Joining joining{unsafe.Solve(), category.Solve(), {}};
  joining.offsets[std::string(kUnsafeHead)] = Offset(heads, benign, kOffsetQuantile, [&](const Heads& h) { return StackedInputs(joining.unsafe, reader.Unsafe(h)); });
  for (size_t c = 0; c < policy.categories.size(); ++c)
    if (reader.Knows(c))
      joining.offsets[policy.categories[c].id] = kCategoryMargin + Offset(heads, benign, 1, [&](const Heads& h) { return StackedInputs(joining.category, reader.Category(h, c)); });
  return joining;
}

// What a row says of a group: its "unsafe", or any of its categories. Nothing where it says nothing.
std::optional<bool> GroupLabel(const TrainingRow& row, std::string_view group) {
  std::optional<bool> out;
  for (const auto& [head, label] : row.labels)
    if (ParseHead(head).second == group) out = out.value_or(false) || label != 0;
  return out;
}

// Nothing where the kept rows of the group do not hold both answers, or a detector has no head of it.
Result<std::optional<Joining>> FitGroup(const policy::Policy& policy, std::string_view group, const Joining& plain, const TrainingSet& set, const LinearModel& linear, Classifier* encoder) {
  const GroupReader reader(policy, group, linear, encoder);
  std::vector<const TrainingRow*> rows;
  std::vector<bool> benign;
  for (const TrainingRow& row : set.rows) {
    const std::optional<bool> label = GroupLabel(row, group);
    if (!row.joining || !label) continue;
    rows.push_back(&row);
    benign.push_back(!*label);
  }
  const auto fine = static_cast<size_t>(std::count(benign.begin(), benign.end(), true));
  if (!reader.Complete(encoder != nullptr) || fine == 0 || fine == rows.size()) return std::nullopt;
  PLUMB_TRY(std::vector<Heads> heads, HeadsOf(rows, linear, encoder));
  const bool answers = group == "output";
  if (answers)
    for (size_t i = 0; i < rows.size(); ++i) heads[i].refusal = RefusalLogit(RefusalScore(rows[i]->text, ""));
  JoiningProblem unsafe{encoder != nullptr, answers}, category = unsafe;
  for (size_t i = 0; i < rows.size(); ++i) {
    unsafe.Add(reader.Unsafe(heads[i]), !benign[i], rows[i]->weight);
    for (size_t c = 0; c < policy.categories.size(); ++c) {
      const auto label = rows[i]->labels.find(HeadName(policy.categories[c].id, group));
      if (reader.Knows(c) && label != rows[i]->labels.end()) category.Add(reader.Category(heads[i], c), label->second, rows[i]->weight);
    }
  }
  Joining joining{unsafe.Solve(), category.y.empty() ? plain.category : category.Solve(), {}};
  if (group == "document")
    for (StackWeights* weights : {&joining.unsafe, &joining.category}) *weights = WithLinearShare(*weights, kLinearShareOfDocuments);
  joining.offsets = plain.offsets;
  joining.offsets[std::string(kUnsafeHead)] = Offset(heads, benign, kOffsetQuantile, [&](const Heads& h) { return StackedInputs(joining.unsafe, reader.Unsafe(h)); });
  for (size_t c = 0; c < policy.categories.size(); ++c)
    if (reader.Knows(c)) joining.offsets[policy.categories[c].id] = Offset(heads, benign, kOffsetQuantile, [&](const Heads& h) { return StackedInputs(joining.category, reader.Category(h, c)); });
  return joining;
}

}  // namespace

Result<Stack> FitStack(const policy::Policy& policy, const TrainingSet& set, const LinearModel& linear, Classifier* encoder) {
  Stack stack;
  PLUMB_TRY(static_cast<Joining&>(stack), FitPlain(policy, set, linear, encoder));
  std::set<std::string> groups;
  for (const std::string& head : set.heads)
    if (const std::string_view group = ParseHead(head).second; !group.empty()) groups.emplace(group);
  for (const std::string& group : groups) {
    PLUMB_TRY(auto joining, FitGroup(policy, group, stack, set, linear, encoder));
    if (joining) stack.groups[group] = std::move(*joining);
  }
  return stack;
}

}  // namespace plumb::guard
