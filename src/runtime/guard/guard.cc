#include "runtime/guard/guard.h"

#include <algorithm>
#include <chrono>

#include "runtime/guard/cascade.h"
#include "runtime/guard/reading.h"

namespace plumb::guard {
namespace {

double SteadyMilliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The policy's `detect:` lists as one scanner.
Status AddPatterns(Guard::Parts& parts) {
  std::vector<PatternRule> rules;
  for (size_t c = 0; c < parts.policy.categories.size(); ++c)
    for (const policy::Detector& detector : parts.policy.categories[c].detect) {
      rules.push_back({detector.name, detector.regex, detector.terms});
      parts.rule_category.push_back(c);
    }
  if (rules.empty()) return {};
  auto scanner = PatternScanner::Create(std::move(rules), parts.options.canaries);
  if (!scanner) return std::unexpected(Context(scanner.error(), "the policy's detectors"));
  parts.patterns = std::move(*scanner);
  return {};
}

std::unique_ptr<Guard::Parts> NewParts(const policy::Policy& policy, GuardOptions options) {
  auto parts = std::make_unique<Guard::Parts>();
  parts->policy = policy;
  parts->options = std::move(options);
  if (!parts->options.milliseconds) parts->options.milliseconds = SteadyMilliseconds;
  if (parts->options.classifier != nullptr && parts->options.check_deadline.count() > 0) {
    parts->deadline = std::make_unique<DeadlineClassifier>(*parts->options.classifier, parts->options.check_deadline);
    parts->options.classifier = parts->deadline.get();
  }
  if (parts->options.aligned != nullptr && parts->options.check_deadline.count() > 0) {
    parts->aligned_deadline = std::make_unique<DeadlineClassifier>(*parts->options.aligned, parts->options.check_deadline);
    parts->options.aligned = parts->aligned_deadline.get();
  }
  return parts;
}

Status IsRecorded(const fs::path& folder, const std::string& recorded) {
  PLUMB_TRY(const std::string sha, FolderSha256(folder));
  if (sha == recorded) return {};
  return FailAt(folder.string(), Code::kCorrupt, "is not the folder guard.json describes (SHA-256 {}, recorded {})", sha.substr(0, 12), recorded.substr(0, 12));
}

}  // namespace

Guard::Guard(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Guard::Guard(Guard&&) noexcept = default;
Guard& Guard::operator=(Guard&&) noexcept = default;
Guard::~Guard() = default;

Result<Guard> Guard::PatternsOnly(const policy::Policy& policy, GuardOptions options) {
  auto parts = NewParts(policy, std::move(options));
  parts->record.policy_id = policy.id;
  parts->record.policy_version = policy.version;
  parts->record.policy_hash = policy.hash;
  PLUMB_CHECK(AddPatterns(*parts));
  return Guard(std::move(parts));
}

Result<Guard> Guard::Load(const fs::path& folder, const policy::Policy& policy, GuardOptions options) {
  auto parts = NewParts(policy, std::move(options));
  PLUMB_TRY(parts->record, LoadRecord(folder));
  PLUMB_CHECK(AddPatterns(*parts));
  if (!parts->record.linear_sha256.empty()) {
    const fs::path path = folder / "linear.bin";
    PLUMB_TRY(const std::string bytes, ReadFile(path));
    if (Sha256Hex(bytes) != parts->record.linear_sha256)
      return FailAt(path.string(), Code::kCorrupt, "is not the file guard.json describes (SHA-256 {}, recorded {})", Sha256Hex(bytes).substr(0, 12),
                    parts->record.linear_sha256.substr(0, 12));
    PLUMB_TRY(parts->linear, LinearModel::Parse(bytes, path.string()));
    for (const Direction direction : kDirections) {
      const std::string_view group = HeadGroup(direction);
      parts->linear_heads.try_emplace(std::string(group), IndexHeads(parts->policy, parts->linear->heads(), group));
    }
  }
  if (parts->record.encoder) PLUMB_CHECK(IsRecorded(folder / "encoder", parts->record.encoder->sha256));
  if (parts->record.aligned) PLUMB_CHECK(IsRecorded(folder / "aligned", parts->record.aligned->sha256));
  return Guard(std::move(parts));
}

std::vector<Verdict> Guard::Check(Direction direction, std::span<const Subject> subjects) const {
  std::vector<Scores> scores = Score(*parts_, direction, subjects);
  std::vector<Verdict> verdicts;
  verdicts.reserve(subjects.size());
  for (size_t s = 0; s < subjects.size(); ++s) verdicts.push_back(Judge(*parts_, direction, subjects[s], scores[s]));
  if (direction == Direction::kInput) AskAligned(*parts_, subjects, scores, verdicts);
  AskJudge(*parts_, direction, subjects, scores, verdicts);
  return verdicts;
}

Verdict Guard::Check(Direction direction, const Subject& subject) const { return std::move(Check(direction, std::span(&subject, 1))[0]); }

const policy::Policy& Guard::policy() const { return parts_->policy; }
const GuardRecord& Guard::record() const { return parts_->record; }

std::vector<Guard::Tier> Guard::Tiers() const {
  const bool trained = parts_->record.encoder.has_value(), asked = parts_->options.require_encoder, given = parts_->options.classifier != nullptr;
  std::vector<Tier> tiers = {{"patterns", parts_->patterns.has_value(), parts_->patterns ? "" : "the policy names no detector"},
          {"linear", parts_->linear.has_value(), parts_->linear ? "" : "not trained"},
          {"encoder", trained && asked && given, !trained ? "not trained" : !asked ? "left out" : given ? "" : "not running"}};
  if (parts_->record.aligned) {
    const bool there = parts_->options.aligned != nullptr;
    tiers.push_back({"aligned", asked && there, !asked ? "left out" : there ? "" : "not running"});
  }
  return tiers;
}

std::vector<std::string> Guard::Warnings() const {
  std::vector<std::string> out;
  const GuardRecord& record = parts_->record;
  if (record.policy_hash != parts_->policy.hash)
    out.push_back(fmt::format("the guard was made for policy {} {} ({}), this is {} {} ({}): run 'plumb guard train' and 'calibrate'", record.policy_id,
                              record.policy_version, record.policy_hash.substr(0, 12), parts_->policy.id, parts_->policy.version, parts_->policy.hash.substr(0, 12)));
  if (!parts_->linear) out.emplace_back("no trained tier: only patterns are looked for");
  if (record.encoder && parts_->options.require_encoder && parts_->options.classifier == nullptr)
    out.emplace_back("the encoder is required and not there: every verdict will fail");
  if (record.aligned && parts_->options.require_encoder && parts_->options.aligned == nullptr)
    out.emplace_back("the aligned model is required and not there: verdicts with doubts will fail");
  if (record.encoder && !parts_->options.require_encoder) out.emplace_back("tier 2 (the encoder) is left out; tiers 0 and 1 judge alone");
  const std::string_view stack = record.encoder && parts_->options.require_encoder ? kEncoderStack : kLinearStack;
  const DirectionCalibration* input = record.Calibration(stack, Direction::kInput);
  if (parts_->linear && input == nullptr) out.emplace_back("no thresholds: run 'plumb guard calibrate'");
  if (parts_->linear)
    for (const policy::Category& category : parts_->policy.categories)
      if (!parts_->linear->Head(category.id) && category.detect.empty())
        out.push_back(fmt::format("nothing looks for '{}': it had too few examples when the guard was trained", category.id));
  return out;
}

}  // namespace plumb::guard
