// Whom the last tier is asked about, and what comes of its answers.
#include <algorithm>

#include "runtime/guard/cascade.h"
#include "runtime/guard/llm_judge.h"

namespace plumb::guard {
namespace {

bool IsUndecided(const JudgeSettings& settings, const Scores& scores, const Verdict& verdict, const Subject& subject) {
  if (subject.part || scores.stack.empty() || scores.failed || verdict.failed) return false;
  if (verdict.unsafe < settings.from || verdict.unsafe > settings.to) return false;
  // What a pattern has stopped stays stopped.
  for (size_t c = 0; c < scores.matches.size(); ++c)
    if (!scores.matches[c].empty() && verdict.action > Action::kRedact) return false;
  return true;
}

// The clauses that act in this direction, those nearest to their thresholds first.
std::vector<std::string> Bearing(const policy::Policy& policy, Direction direction, const Scores& scores, const Verdict& verdict, size_t most) {
  std::vector<std::pair<double, std::string>> margins;
  for (size_t c = 0; c < policy.categories.size(); ++c) {
    const policy::Category& category = policy.categories[c];
    if (category.on.For(DirectionName(direction)) == Action::kAllow || !(scores.categories[c] > -1e300)) continue;
    margins.emplace_back(Logit(verdict.categories.at(category.id).threshold) - scores.categories[c], category.id);
  }
  std::sort(margins.begin(), margins.end());
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(most, margins.size()); ++i) out.push_back(std::move(margins[i].second));
  return out;
}

// The action of what is left, where classifiers' alarms are taken back.
void TakeBack(const Guard::Parts& parts, Direction direction, const Scores& scores, Verdict& verdict) {
  verdict.action = Action::kAllow;
  verdict.clause.clear();
  for (size_t c = 0; c < parts.policy.categories.size(); ++c) {
    const policy::Category& category = parts.policy.categories[c];
    CategoryVerdict& mine = verdict.categories[category.id];
    const bool matched = !scores.matches[c].empty();
    mine.fired = matched;
    mine.spans = scores.matches[c];
    mine.action = matched ? category.on_detect.For(DirectionName(direction)) : Action::kAllow;
    if (mine.action <= verdict.action) continue;
    verdict.action = mine.action;
    verdict.clause = category.id;
  }
}

void TakeOpinion(const Guard::Parts& parts, Direction direction, const Subject& subject, const Scores& scores, const JudgeOpinion& opinion, Verdict& verdict) {
  if (opinion.says == JudgeOpinion::kUnsure) return;
  TakeBack(parts, direction, scores, verdict);
  if (opinion.says == JudgeOpinion::kAllowed) return;
  const policy::Category& category = *parts.policy.FindCategory(opinion.clause);
  CategoryVerdict& mine = verdict.categories[category.id];
  mine.fired = true;
  mine.score = std::max(mine.score, mine.threshold);
  mine.spans.push_back({0, static_cast<uint32_t>(subject.text.size())});
  mine.spans = MergeSpans(std::move(mine.spans));
  mine.action = std::max(mine.action, category.on.For(DirectionName(direction)));
  if (mine.action <= verdict.action) return;
  verdict.action = mine.action;
  verdict.clause = category.id;
}

}  // namespace

void AskJudge(const Guard::Parts& parts, Direction direction, std::span<const Subject> subjects, const std::vector<Scores>& scores, std::vector<Verdict>& verdicts) {
  if (parts.options.judge == nullptr) return;
  const JudgeSettings& settings = parts.options.judge->settings();
  std::vector<size_t> asked;
  std::vector<JudgeQuestion> questions;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    verdicts[i].detectors["judge"] = {DetectorStatus::kOk, 0, true, ""};
    if (!IsUndecided(settings, scores[i], verdicts[i], subjects[i])) continue;
    JudgeQuestion question{direction, &subjects[i], Bearing(parts.policy, direction, scores[i], verdicts[i], settings.clauses)};
    if (question.clauses.empty()) continue;
    asked.push_back(i);
    questions.push_back(std::move(question));
  }
  if (asked.empty()) return;
  const double from = parts.options.milliseconds();
  const std::vector<Result<JudgeOpinion>> opinions = parts.options.judge->Ask(parts.policy, questions);
  const double each = (parts.options.milliseconds() - from) / static_cast<double>(asked.size());
  for (size_t k = 0; k < asked.size(); ++k) {
    Verdict& verdict = verdicts[asked[k]];
    if (opinions[k]) {
      verdict.detectors["judge"] = {DetectorStatus::kOk, each, false, "", opinions[k]->reason};
      TakeOpinion(parts, direction, subjects[asked[k]], scores[asked[k]], *opinions[k], verdict);
      continue;
    }
    verdict.detectors["judge"] = {DetectorStatus::kError, each, false, opinions[k].error().Text()};
    verdict.failed = true;
    if (parts.options.on_error == OnError::kAllow) TakeBack(parts, direction, scores[asked[k]], verdict);
    if (parts.options.on_error == OnError::kBlock && verdict.action < Action::kBlock) {
      verdict.action = Action::kBlock;
      verdict.clause = "guard";
    }
  }
}

}  // namespace plumb::guard
