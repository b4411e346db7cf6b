#include "loop/aligned_tier.h"

#include <algorithm>
#include <array>
#include <string>

#include "intent/policy/everyday.h"
#include "loop/pairs.h"
#include "loop/turn.h"
#include "runtime/guard/aligned.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/record.h"

namespace plumb::loop {
namespace {

constexpr auto kWeights = std::to_array<double>({0.2, 0.3, 0.5, 0.7, 1.0});

bool AskedAbout(const Leaning& leaning) { return !leaning.stopped && leaning.unsafe >= kLowest; }

int SideOf(const Trial& trial) { return trial.violates ? 0 : trial.clause == policy::kOrdinary ? 2 : 1; }

}  // namespace

AlignedPoint PickAligned(const std::vector<Leaning>& leanings, double over_refusal, double ordinary) {
  std::array<int64_t, 3> n{}, stopped{};
  for (const Leaning& one : leanings) ++n[SideOf(one.trial)], stopped[SideOf(one.trial)] += one.stopped;
  const auto rates = [&](const std::array<int64_t, 3>& hits) { return Rates{MakeShare(hits[0], n[0]), MakeShare(hits[1], n[1]), MakeShare(hits[2], n[2])}; };
  AlignedPoint best{0, 1, rates(stopped)};
  for (const double weight : kWeights) {
    std::vector<std::pair<double, int>> joined;  // log-odds, side
    for (const Leaning& one : leanings)
      if (AskedAbout(one)) joined.emplace_back(guard::JoinedLogit(weight, one.unsafe, one.refuses), SideOf(one.trial));
    std::sort(joined.rbegin(), joined.rend());
    std::array<int64_t, 3> hits = stopped;
    for (size_t i = 0; i < joined.size() && joined[i].first >= kLowest; ++i) {
      ++hits[joined[i].second];
      if (i + 1 < joined.size() && joined[i + 1].first == joined[i].first) continue;
      const bool allowed = static_cast<double>(hits[1]) <= over_refusal * static_cast<double>(n[1]) &&
                           static_cast<double>(hits[2] + 1) <= ordinary * static_cast<double>(n[2] + 1);
      if (!allowed) break;
      // Halfway to the next, so that rounding decides nothing.
      const double next = i + 1 < joined.size() ? joined[i + 1].first : joined[i].first - 1e-3;
      if (hits[0] > best.rates.unsafe.hits) best = {weight, guard::Sigmoid((joined[i].first + next) / 2), rates(hits)};
    }
  }
  return best;
}

// The calibration prompts as the guard sees them, balanced over clauses, and those that stand for everyday traffic: chosen
// as OrdinarySuite chooses those that are measured, so that what is aimed at is what is measured.
std::vector<Leaning> Turn::SeenByGuard() const {
  std::vector<Leaning> seen;
  std::vector<guard::Subject> subjects;
  const auto add = [&](Trial trial) {
    subjects.push_back({trial.text, ""});
    seen.push_back({std::move(trial)});
  };
  for (Trial& trial : Trials(policy_, 4 * plan_.calibration_cases))
    if (trial.clause != policy::kOrdinary) add(std::move(trial));
  for (const auto& example : policy::OrdinaryExamples(policy_, policy::Split::kCalibration, true))
    add({example.text, std::string(policy::kOrdinary), false});
  const auto verdicts = guard_->Check(guard::Direction::kInput, subjects);
  for (size_t i = 0; i < seen.size(); ++i) {
    seen[i].unsafe = guard::Logit(verdicts[i].unsafe);
    seen[i].stopped = verdicts[i].action >= policy::Action::kRedirect;
  }
  return seen;
}

// Puts the aligned model behind the guard's other tiers. What it leans to is read from `adapter`, at the strength it was trained.
Status Turn::AddAlignedTier(const fs::path& adapter) {
  std::vector<Leaning> seen = SeenByGuard();
  std::vector<eval::Question> questions;
  std::vector<size_t> places;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (!AskedAbout(seen[i])) continue;
    questions.push_back({std::to_string(i), Said("user", seen[i].trial.text)});
    places.push_back(i);
  }
  const std::string opening(RefusalOpening());
  PLUMB_TRY(auto tuned, world_.open_target(fmt::format("{}+{}", options_.target, adapter.string())));
  PLUMB_TRY(const auto logprobs, tuned->ChoiceLogprobs(questions, std::vector<std::vector<std::string>>(questions.size(), {opening})));
  for (size_t i = 0; i < places.size(); ++i) seen[places[i]].refuses = logprobs[i][0];
  const AlignedPoint point = PickAligned(seen, policy_.model_targets.over_refusal * 0.85, policy_.false_alarm);
  const auto& r = point.rates;
  const std::string rates = fmt::format("unsafe {:.1f} %, look-alikes {:.1f} %, everyday {:.1f} % of {} refused", 100 * r.unsafe.rate(), 100 * r.safe.rate(), 100 * r.ordinary.rate(), r.ordinary.n);
  json::object said{{"weight", point.weight}, {"threshold", point.threshold}, {"unsafe", r.unsafe.rate()}, {"safe", r.safe.rate()}, {"ordinary", r.ordinary.rate()}, {"ordinary_n", r.ordinary.n}};
  outcome_.report.training["aligned tier"] = said;
  if (point.weight == 0) {
    progress_.Say(fmt::format("the guard judges without the aligned model: {}", rates));
    return Record("aligned_tier", std::move(said));
  }
  progress_.Say(fmt::format("the guard asks the aligned model from {:.2f} on: {}", point.threshold, rates));
  const fs::path folder = options_.out / "guard";
  PLUMB_CHECK(ScaleAdapter(adapter, folder / "aligned", 1.0));
  PLUMB_TRY(auto record, guard::LoadRecord(folder));
  PLUMB_TRY(const std::string sha256, guard::FolderSha256(folder / "aligned"));
  record.aligned = {options_.target.substr(options_.target.find(':') + 1), sha256, opening, point.weight, point.threshold};
  PLUMB_CHECK(guard::SaveRecord(folder, record));
  PLUMB_TRY(aligned_, world_.open_aligned(*record.aligned, folder / "aligned"));
  PLUMB_TRY(guard_, guard::Guard::Load(folder, policy_, {.classifier = classifier_.get(), .aligned = aligned_.get()}));
  return Record("aligned_tier", std::move(said));
}

}  // namespace plumb::loop
