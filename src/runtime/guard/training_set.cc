#include <algorithm>
#include <array>
#include <optional>

#include "runtime/guard/linear.h"
#include "runtime/guard/reading.h"
#include "runtime/guard/train.h"
#include "runtime/guard/windows.h"

namespace plumb::guard {
namespace {

// An eighth of the groups, by their own hash.
bool IsJoining(std::string_view group) { return (static_cast<unsigned char>(Sha256(std::string(group) + "/joining")[0]) & 7) == 0; }

bool IsCategory(const policy::Policy& policy, std::string_view clause) { return policy.FindCategory(clause) != nullptr; }

// Thresholds are bought with false alarms on ordinary texts, not on look-alikes: the detectors are to spend themselves on
// telling harm from the ordinary. 0.3 and 1.5 caught more than 1 and 1 at 2 % but less at 1 %, on the same rows; these lie
// between and were not compared alone.
constexpr double kLookAlikeWeight = 0.5, kOrdinaryWeight = 1.2;
// Of an answer, times the above: one set of weights judges requests and answers, and most of what it judges are requests.
constexpr double kAnswerWeight = 0.5;
// Of one where answers have heads of their own: written for the policy, they are plainer than those that models give, which
// people labelled one by one and which are fewer.
constexpr double kWrittenAnswerWeight = 0.3;

// The labels of one example: its own category and "unsafe"; against every other category a violation is left unsaid.
TrainingRow RowOf(const policy::Policy& policy, const std::string& text, const std::string& clause, bool violates, const std::string& group) {
  const double weight = violates ? 1 : IsCategory(policy, clause) ? kLookAlikeWeight : kOrdinaryWeight;
  TrainingRow row{text, {}, weight, IsJoining(group.empty() ? text : group)};
  row.labels[std::string(kUnsafeHead)] = violates;
  for (const policy::Category& category : policy.categories)
    if (!violates || category.id == clause) row.labels[category.id] = violates;
  return row;
}

Result<TrainingRow> LabelledRow(const json::object& object) {
  TrainingRow row;
  PLUMB_TRY(row.text, GetString(object, "text"));
  PLUMB_TRY(row.weight, GetNumberOr(object, "weight", 1));
  PLUMB_TRY(const std::string group, GetStringOr(object, "group", row.text));
  row.joining = IsJoining(group);
  const json::object* labels = FindObject(object, "labels");
  for (const auto& [head, value] : *labels) {
    if (!value.is_number() || (value.to_number<double>() != 0 && value.to_number<double>() != 1))
      return Fail(Code::kInvalid, "label '{}' must be 0 or 1", std::string_view(head));
    row.labels[head] = value.to_number<double>() == 1;
  }
  return row;
}

// Nothing where the row is of another split.
Result<std::optional<TrainingRow>> ExtraRow(const policy::Policy& policy, const json::object& object) {
  if (FindObject(object, "labels")) {
    PLUMB_TRY(TrainingRow row, LabelledRow(object));
    return row;
  }
  PLUMB_TRY(const std::string clause, GetString(object, "clause"));
  const json::string* violates = FindString(object, "violates");
  const json::string* allows = FindString(object, "allows");
  if ((violates == nullptr) == (allows == nullptr)) return Fail(Code::kInvalid, "needs 'labels', or one of 'violates' and 'allows'");
  if (clause != policy::kOrdinary && !IsCategory(policy, clause)) {
    std::vector<std::string> ids;
    for (const policy::Category& category : policy.categories) ids.push_back(category.id);
    return Fail(Code::kInvalid, "clause '{}' is not a category of the policy{}", clause, DidYouMean(clause, ids));
  }
  const std::string text(violates ? *violates : *allows);
  PLUMB_TRY(const std::string group, GetStringOr(object, "group", text));
  if (policy::SplitOf(group) != policy::Split::kTrain) return std::nullopt;
  return RowOf(policy, text, clause, violates != nullptr, group);
}

// An answer's first window: what there is of harm shows there in the answers people wrote.
TrainingRow AnswerRow(const policy::Example& example) {
  const auto [begin, end] = Windows(example.text, kWindowBytes, kWindowOverlap)[0];
  TrainingRow row{example.text.substr(begin, end - begin), {}, kWrittenAnswerWeight, IsJoining(example.group.empty() ? example.text : example.group)};
  row.labels[HeadName(kUnsafeHead, "output")] = example.violates;
  return row;
}

void AddAnswers(const policy::Policy& policy, TrainingSet& set) {
  std::vector<policy::Example> answers;
  std::array<size_t, 2> counts = {0, 0};
  for (policy::Example& example : policy::ExamplesOf(policy, DirectionName(Direction::kOutput))) {
    if (example.split != policy::Split::kTrain || (example.clause != policy::kOrdinary && !IsCategory(policy, example.clause))) continue;
    ++counts[example.violates];
    answers.push_back(std::move(example));
  }
  const bool own_head = std::min(counts[0], counts[1]) >= 2 * kFewestPositives;
  for (const policy::Example& example : answers) {
    set.rows.push_back(own_head ? AnswerRow(example) : RowOf(policy, example.text, example.clause, example.violates, example.group));
    if (!own_head) set.rows.back().weight *= kAnswerWeight;
  }
}

Result<TrainingSet> NameHeads(const policy::Policy& policy, TrainingSet set) {
  std::map<std::string, std::array<size_t, 2>> counts;
  for (const TrainingRow& row : set.rows)
    for (const auto& [head, label] : row.labels)
      if (!row.joining) ++counts[head][static_cast<size_t>(label)];
  const auto enough = [&](const std::string& head) { return counts[head][1] >= kFewestPositives && counts[head][0] >= kFewestPositives; };
  if (!enough(std::string(kUnsafeHead)))
    return Fail(Code::kInvalid, "training needs at least {} violating and {} allowed texts, there are {} and {}", kFewestPositives, kFewestPositives,
                counts[std::string(kUnsafeHead)][1], counts[std::string(kUnsafeHead)][0]);
  set.heads.emplace_back(kUnsafeHead);
  for (const policy::Category& category : policy.categories)
    if (enough(category.id)) set.heads.push_back(category.id);
  for (const bool grouped : {true, false})
    for (const auto& [head, count] : counts) {
      const auto [clause, group] = ParseHead(head);
      const bool known = clause == kUnsafeHead || IsCategory(policy, clause);
      if (!enough(head) || (known && group.empty())) continue;
      if (grouped == (known && !group.empty())) set.heads.push_back(head);
    }
  return set;
}

}  // namespace

std::vector<std::string> AskedHeads(const policy::Policy& policy, const TrainingSet& set) {
  std::vector<std::string> out;
  for (const std::string& head : set.heads) {
    const std::string_view clause = ParseHead(head).first;
    if (clause == kUnsafeHead || IsCategory(policy, clause)) out.push_back(head);
  }
  return out;
}

Result<TrainingSet> BuildTrainingSet(const policy::Policy& policy, const std::vector<json::object>& extra) {
  TrainingSet set;
  for (const policy::Example& example : policy::Examples(policy)) {
    const bool ordinary = example.clause == policy::kOrdinary || (example.clause == "scope" && !example.violates);
    if (example.split != policy::Split::kTrain || (!ordinary && !IsCategory(policy, example.clause))) continue;
    set.rows.push_back(RowOf(policy, example.text, example.clause, example.violates, example.group));
  }
  AddAnswers(policy, set);
  for (size_t i = 0; i < extra.size(); ++i) {
    auto row = ExtraRow(policy, extra[i]);
    if (!row) return std::unexpected(Context(row.error(), fmt::format("extra training row {}", i + 1)));
    if (*row) set.rows.push_back(std::move(**row));
  }
  return NameHeads(policy, set);
}

Status WriteEncoderRows(const TrainingSet& set, const fs::path& path) {
  std::vector<json::object> out;
  for (const TrainingRow& row : set.rows) {
    if (row.joining) continue;
    json::object labels;
    for (const auto& [head, label] : row.labels)
      if (std::find(set.heads.begin(), set.heads.end(), head) != set.heads.end()) labels[head] = label;
    if (!labels.empty()) out.push_back({{"text", row.text}, {"labels", std::move(labels)}, {"weight", row.weight}});
  }
  return WriteJsonl(path, out);
}

}  // namespace plumb::guard
