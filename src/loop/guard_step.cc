// The guard of this policy, and the measurements after.
#include <algorithm>

#include "base/stats/paired.h"
#include "loop/turn.h"
#include "runtime/guard/calibrate.h"
#include "runtime/guard/encoder.h"
#include "runtime/guard/train.h"

namespace plumb::loop {
namespace {

Status CopyFolder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (!error) fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing, error);
  if (error) return FailAt(to.string(), Code::kIo, "cannot copy {}: {}", from.string(), error.message());
  return {};
}

// Of the policy's `false_alarm` for the guard's own thresholds where the aligned model is its last tier: what only just passes the
// usual threshold is better judged by both together.
constexpr double kShareBesideAligned = 0.4;

}  // namespace

// The shipped guard as it is where it was made for this policy (its examples keep their splits when others are added); for
// another policy its encoder, with a linear tier and joining weights of the policy's own.
Status Turn::TrainGuardFor(const fs::path& folder) {
  const fs::path& shipped = world_.shipped_guard;
  auto made_for = guard::LoadRecord(shipped);
  const bool same = !shipped.empty() && made_for && made_for->policy_id == policy_.id;
  if (same) PLUMB_CHECK(CopyFolder(shipped, folder));
  else if (!shipped.empty() && fs::exists(shipped / "encoder")) PLUMB_CHECK(CopyFolder(shipped / "encoder", folder / "encoder"));
  if (fs::exists(folder / "encoder")) {
    PLUMB_TRY(classifier_, world_.open_classifier(folder / "encoder"));
  }
  if (same) return {};
  PLUMB_TRY(const auto set, guard::BuildTrainingSet(policy_, {}));
  std::string base;
  if (classifier_) {
    PLUMB_TRY(base, guard::EncoderBase(folder / "encoder"));
  }
  PLUMB_TRY(const auto record, guard::TrainGuard(policy_, set, folder, {.encoder = classifier_.get(), .encoder_base = base, .created = FormatTime(world_.clock())}));
  return guard::SaveRecord(folder, record);
}

Status Turn::BuildGuard() {
  progress_.Phase("guard", "training and calibrating the guard on the policy's examples");
  const fs::path folder = options_.out / "guard";
  PLUMB_CHECK(TrainGuardFor(folder));
  PLUMB_TRY(auto record, guard::LoadRecord(folder));
  PLUMB_TRY(auto uncalibrated, guard::Guard::Load(folder, policy_, {.classifier = classifier_.get()}));
  PLUMB_TRY(const auto rows, guard::CalibrationRows(policy_, policy::Split::kCalibration, {}));
  PLUMB_TRY(record, guard::Calibrate(uncalibrated, rows, {.budget_share = Local() ? kShareBesideAligned : guard::kBudgetShare}));
  record.policy_version = policy_.version;
  record.policy_hash = policy_.hash;
  PLUMB_CHECK(guard::SaveRecord(folder, record));
  PLUMB_CHECK(WriteFileAtomic(folder / "card.md", guard::RenderCard(policy_, record)));
  PLUMB_TRY(guard_, guard::Guard::Load(folder, policy_, {.classifier = classifier_.get()}));
  for (const auto& warning : guard_->Warnings()) progress_.Say(warning);

  const auto stack = classifier_ ? guard::kEncoderStack : guard::kLinearStack;
  size_t calibrated = 0, clauses = 0;
  if (const auto* calibration = record.Calibration(stack, guard::Direction::kInput)) {
    for (const auto& [_, clause] : calibration->clauses) ++clauses, calibrated += clause.calibrated;
    outcome_.report.guard = {{"tiers", classifier_ ? "patterns, linear, encoder" : "patterns, linear (no encoder)"}, {"clauses", clauses},
                             {"calibrated with a guarantee", calibrated},
                             {"false alarms on everyday calibration prompts", fmt::format("{} of {} (at most {:.1f} % with {:.0f} % confidence)", calibration->alarms, calibration->ordinary, 100 * calibration->alarm_upper_bound, 100 * calibration->confidence)},
                             {"everyday prompts missing for the guarantee", calibration->ordinary_missing}};
  }
  PLUMB_TRY(const auto digest, Sha256File((folder / "guard.json").string()));
  progress_.Say(fmt::format("{} of {} clauses calibrated with a guarantee", calibrated, clauses));
  return Record("guard", {{"sha256", digest}, {"clauses", clauses}, {"calibrated", calibrated}});
}

Status Turn::MeasureAfter() {
  progress_.Phase("remeasure", "the tuned model alone");
  const Stage alone{.name = "after", .system = system_, .system_name = system_.empty() ? "none" : "prompt.md"};
  PLUMB_TRY(auto tuned, world_.open_target(tuned_target_));
  PLUMB_TRY(after_, Ask(questions_, policy_, options_, world_, *tuned, alone, progress_));
  PLUMB_CHECK(RecordRuns(alone, after_));

  progress_.Phase("remeasure", "the tuned model behind the guard");
  Stage guarded = alone;
  guarded.name = "guarded";
  guarded.guarded = true;
  std::vector<Question> questions;
  for (const auto& question : questions_)
    if (question.id != "capability") questions.push_back(question);  // by log-probability: a guard has nothing to say there
  PLUMB_TRY(auto inner, world_.open_target(guarded_target_));
  auto behind = eval::GuardTarget(*inner, eval::GuardToolsOf(*guard_));
  PLUMB_TRY(guarded_, Ask(questions, policy_, options_, world_, *behind, guarded, progress_));
  return RecordRuns(guarded, guarded_);
}

// Held-out preference accuracy: is the chosen side the likelier one, byte for byte?
Status Turn::MeasurePreferences() {
  std::vector<Pair> pairs;
  for (const auto& pair : held_out_)
    if (!pair.rejected.empty() && !pair.chosen.empty()) pairs.push_back(pair);
  if (pairs.empty() || !Local()) return {};
  if (pairs.size() > 200) pairs.resize(200);
  std::vector<eval::Question> questions;
  std::vector<std::vector<std::string>> choices;
  for (size_t i = 0; i < pairs.size(); ++i) {
    questions.push_back({std::to_string(i), {json::object{{"role", "user"}, {"content", pairs[i].prompt.text}}}});
    choices.push_back({pairs[i].chosen, pairs[i].rejected});
  }
  PLUMB_TRY(auto tuned, world_.open_target(tuned_target_));
  Measure measure{"preferences", "Held-out preferences right", "--data", true};
  std::vector<bool> right[2];
  for (int stage = 0; stage < 2; ++stage) {
    PLUMB_TRY(const auto logprobs, (stage ? tuned : base_)->ChoiceLogprobs(questions, choices));
    for (size_t i = 0; i < pairs.size(); ++i)
      right[stage].push_back(logprobs[i][0] / static_cast<double>(pairs[i].chosen.size()) > logprobs[i][1] / static_cast<double>(pairs[i].rejected.size()));
    (stage ? measure.after : measure.before) = MakeShare(std::count(right[stage].begin(), right[stage].end(), true), static_cast<int64_t>(pairs.size()));
  }
  const auto counts = stats::CountPairs(right[0], right[1]);
  const auto interval = stats::TangoDifference(counts);
  measure.difference = counts.difference();
  measure.difference_low = interval.low;
  measure.difference_high = interval.high;
  measure.detectable = stats::DetectableDifference(counts.n(), static_cast<double>(counts.discordant()) / static_cast<double>(counts.n()));
  measure.note = "log-probability per byte of the chosen side above the rejected one";
  outcome_.report.measures.push_back(std::move(measure));
  return Record("preferences", {{"n", pairs.size()}, {"before", outcome_.report.measures.back().before->hits}, {"after", outcome_.report.measures.back().after->hits}});
}

}  // namespace plumb::loop
