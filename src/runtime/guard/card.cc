#include "runtime/guard/train.h"

namespace plumb::guard {
namespace {

std::string PercentOf(size_t part, size_t whole) { return whole == 0 ? "–" : fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole)); }

std::string DirectionTable(const DirectionCalibration& calibration) {
  std::string out = fmt::format(
      "Joint false alarms on ordinary texts: {} of {} (at most {:.2f} % at confidence {}, budget {:.2f} %){}.\n\n"
      "| clause | threshold | catch (target) | proved | n | look-alikes alarmed | calibrated |\n| --- | --- | --- | --- | --- | --- | --- |\n",
      calibration.alarms, calibration.ordinary, 100 * calibration.alarm_upper_bound, calibration.confidence, 100 * calibration.budget,
      calibration.guaranteed ? "" : fmt::format("; not proved, {} more ordinary texts are needed", calibration.ordinary_missing));
  if (calibration.least_probability > 0) out.insert(0, "Set on reviewed traffic, each text counted by the inverse of the probability with which it was drawn.\n\n");
  for (const auto& [id, clause] : calibration.clauses)
    out += fmt::format("| {} | {:.4f} | {} ({:.0f} %) | {:.1f} % | {} | {} of {} | {} |\n", id, clause.threshold, PercentOf(clause.positives - clause.missed, clause.positives), 100 * clause.catch_rate,
                       100 * clause.catch_lower_bound, clause.positives, clause.look_alikes_alarmed, clause.look_alikes, clause.calibrated ? "yes" : "no: " + clause.reason);
  if (calibration.joint && calibration.claims > 0)
    out += fmt::format("\nThe catches are proved together: each of the {} that so many texts can prove at all has 1/{} of the error that its confidence leaves.\n", calibration.claims, calibration.claims);
  return out;
}

}  // namespace

std::string RenderCard(const policy::Policy& policy, const GuardRecord& record) {
  std::string out = fmt::format(
      "---\nlicense: apache-2.0\nlibrary_name: plumbline\npipeline_tag: text-classification\n---\n\n"
      "# Guard for {} {}\n\nMade {} for the policy with hash `{}`. {}\n\n## What is in it\n\n"
      "* `linear.bin`: hashed n-gram model (SHA-256 `{}`), trained on the policy's training split.\n",
      policy.id, policy.version, record.created.empty() ? "(date not recorded)" : record.created, record.policy_hash, policy.purpose, record.linear_sha256);
  if (record.encoder)
    out += fmt::format("* `encoder/`: the difference from `{}` (SHA-256 `{}`), {} heads, trained on the same split.\n", record.encoder->base, record.encoder->sha256, record.encoder->heads.size());
  out += "* `guard.json`: thresholds, and what is known of them.\n\nMade again by `plumb guard train` and `plumb guard calibrate` with the same policy.\n";
  const std::string_view stack = record.encoder ? kEncoderStack : kLinearStack;
  for (const Direction direction : {Direction::kInput, Direction::kOutput})
    if (const DirectionCalibration* calibration = record.Calibration(stack, direction))
      out += fmt::format("\n## Thresholds, {} ({} stack)\n\n{}", DirectionName(direction), stack, DirectionTable(*calibration));
  out +=
      "\n## What it does not cover\n\nThe figures hold for texts drawn as the policy's calibration split is. They say nothing of people who try to get past the guard, "
      "of languages and subjects the examples do not have, or of traffic that has drifted since. Look-alikes are no part of the false-alarm budget.\n";
  return out;
}

}  // namespace plumb::guard
