#include <algorithm>

#include "runtime/guard/aligned.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/refusal.h"
#include "runtime/guard/silence.h"

namespace plumb::guard {
namespace {

void Strengthen(Verdict& verdict, Action action, const std::string& clause) {
  if (action <= verdict.action) return;
  verdict.action = action;
  verdict.clause = clause;
}

// The category that a general alarm is put down to: the one nearest to its own threshold among those that act here.
const policy::Category* Nearest(const policy::Policy& policy, const std::string_view direction, const Scores& scores, const Verdict& verdict) {
  const policy::Category* best = nullptr;
  double most = 0;
  for (size_t c = 0; c < policy.categories.size(); ++c) {
    const policy::Category& category = policy.categories[c];
    if (category.on.For(direction) == Action::kAllow) continue;
    const double margin = scores.categories[c] - Logit(verdict.categories.at(category.id).threshold);
    if (best == nullptr || margin > most) {
      best = &category;
      most = margin;
    }
  }
  return best;
}

}  // namespace

Verdict Judge(const Guard::Parts& parts, Direction direction, const Subject& subject, const Scores& scores) {
  Verdict verdict;
  verdict.detectors = scores.detectors;
  verdict.failed = scores.failed;
  const std::string_view name = DirectionName(direction);
  const DirectionCalibration* calibration = parts.record.Calibration(scores.stack, direction);
  // Under kAllow a failed tier's text passes, but for what patterns confirmed.
  const bool classify = !(scores.failed && parts.options.on_error == OnError::kAllow);
  verdict.unsafe = scores.stack.empty() ? 0 : Sigmoid(scores.unsafe);

  for (size_t c = 0; c < parts.policy.categories.size(); ++c) {
    const policy::Category& category = parts.policy.categories[c];
    CategoryVerdict& out = verdict.categories[category.id];
    out.score = Sigmoid(scores.categories[c]);
    if (calibration) {
      const auto clause = calibration->clauses.find(category.id);
      if (clause != calibration->clauses.end()) out.threshold = clause->second.threshold;
    }
    out.fired = classify && calibration && scores.categories[c] > -1e300 && out.score >= out.threshold;
    if (out.fired) {
      out.spans = {scores.evidence[c]};
      out.action = category.on.For(name);
    }
    if (!scores.matches[c].empty()) {
      out.score = 1;
      out.fired = true;
      out.spans = scores.matches[c];
      out.action = std::max(out.action, category.on_detect.For(name));
    }
    Strengthen(verdict, out.action, category.id);
  }
  if (calibration && classify) {
    const auto any = calibration->clauses.find(std::string(kUnsafeHead));
    const bool leans = scores.refuses && LeansToRefuse(*parts.record.aligned, scores.unsafe, *scores.refuses);
    if (leans || (any != calibration->clauses.end() && verdict.unsafe >= any->second.threshold))
      if (const policy::Category* nearest = Nearest(parts.policy, name, scores, verdict)) {
        CategoryVerdict& out = verdict.categories[nearest->id];
        out.action = std::max(out.action, nearest->on.For(name));
        if (!out.fired) {
          out.fired = true;
          for (size_t c = 0; c < parts.policy.categories.size(); ++c)
            if (&parts.policy.categories[c] == nearest && scores.evidence[c].end > 0) out.spans = {scores.evidence[c]};
        }
        Strengthen(verdict, out.action, nearest->id);
      }
  }
  const bool output = direction == Direction::kOutput && !subject.part;
  if (output) {
    const double from = parts.options.milliseconds();
    verdict.refusal = scores.refusal ? *scores.refusal : RefusalScore(subject.text, subject.prompt);
    verdict.detectors["refusal"] = {DetectorStatus::kOk, parts.options.milliseconds() - from, false, ""};
  }
  FindSilence(parts, output, verdict);
  if (verdict.failed && parts.options.on_error == OnError::kBlock) Strengthen(verdict, Action::kBlock, "guard");
  return verdict;
}

}  // namespace plumb::guard
