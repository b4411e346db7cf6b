#include "loop/turn.h"

#include <set>

namespace plumb::loop {
namespace {

// What makes two turns the same turn.
json::object Asked(const TurnOptions& options, const policy::Policy& policy) {
  json::array data;
  for (const auto& file : options.data) data.emplace_back(file.string());
  return {{"policy", policy.hash}, {"target", options.target}, {"minutes", options.minutes}, {"seed", options.seed}, {"data", std::move(data)}};
}

Status ClaimFolder(const TurnOptions& options, const policy::Policy& policy) {
  const fs::path file = options.out / "turn.json";
  PLUMB_TRY(const auto asked, CanonicalJson(Asked(options, policy)));
  auto found = ReadJson(file);
  if (!found && found.error().code == Code::kNotFound) {
    if (options.resume) return FailAt(options.out.string(), Code::kNotFound, "there is no turn to go on with here");
    PLUMB_CHECK(MakeFolder(options.out));
    return WriteFileAtomic(file, ToPrettyJson(Asked(options, policy)));
  }
  if (!found) return std::unexpected(found.error());
  PLUMB_TRY(const auto had, CanonicalJson(*found));
  if (!options.resume)
    return FailAt(options.out.string(), Code::kConflict, "already holds a turn: choose another --out, or go on with it by --resume");
  if (had != asked)
    return FailAt(options.out.string(), Code::kConflict, "holds a turn with another policy, target or options; it cannot be gone on with");
  return {};
}

// A target that cannot be used is found before anything is written.
Result<std::unique_ptr<eval::Target>> OpenBase(const TurnOptions& options, const World& world) {
  PLUMB_TRY(auto target, world.open_target(options.target));
  Status answered;
  PLUMB_CHECK(target->Ask({{"hello", {json::object{{"role", "user"}, {"content", "Hello"}}}, 1, 0, options.seed}}, 1,
                          [&](size_t, Result<eval::Answer> answer) {
                            if (!answer) answered = std::unexpected(answer.error());
                            return true;
                          }));
  PLUMB_CHECK(answered);
  return target;
}

}  // namespace

Turn::Turn(TurnOptions options, const World& world, policy::Policy policy, std::unique_ptr<eval::Target> base, Progress& progress)
    : options_(std::move(options)), world_(world), policy_(std::move(policy)), plan_(MakePlan(options_.minutes)), progress_(progress),
      began_(world.seconds()), questions_(Questions(plan_)), base_(std::move(base)) {}

Status Turn::Record(std::string kind, json::object body) {
  body["turn"] = options_.out.filename().string();
  PLUMB_TRY(const auto receipt, world_.ledger->Append({.kind = std::move(kind), .body = std::move(body), .derived_from = entries_.empty() ? std::vector<std::string>{} : std::vector{entries_.back()}}));
  entries_.push_back(receipt.id);
  return {};
}

Status Turn::RecordRuns(const Stage& stage, const Runs& runs) {
  for (const auto& [id, run] : runs) {
    const auto summary = eval::Summarize(run.samples);
    json::object rates;
    for (const auto& rate : summary.rates) rates[rate.name] = {{"hits", rate.hits}, {"n", rate.n}};
    std::set<std::string> clauses;  // that it is evidence about
    for (const auto& sample : run.samples)
      if (sample.status == eval::SampleStatus::kOk && !sample.clause.empty()) clauses.insert(sample.clause);
    PLUMB_CHECK(Record("run", {{"stage", stage.name}, {"measure", id}, {"suite", run.suite}, {"target", run.target}, {"settings", run.settings}, {"digest", run.digest}, {"rates", std::move(rates)}, {"clauses", json::value_from(clauses)}}));
  }
  return {};
}

Status Turn::MeasureBefore() {
  progress_.Phase("measure", fmt::format("{} as it is", options_.target));
  const Stage stage{.name = "before"};
  const double started = world_.seconds();
  PLUMB_TRY(before_, Ask(questions_, policy_, options_, world_, *base_, stage, progress_));
  measuring_ = world_.seconds() - started;
  return RecordRuns(stage, before_);
}

Result<Outcome> Turn::Run() {
  PLUMB_CHECK(Record("align", {{"step", "start"}, {"asked", Asked(options_, policy_)}, {"policy", {{"id", policy_.id}, {"version", policy_.version}, {"hash", policy_.hash}}}, {"identities", world_.identities}}));
  outcome_.report.started = FormatTime(world_.clock());
  PLUMB_CHECK(ReadData());
  PLUMB_CHECK(MeasureBefore());
  PLUMB_CHECK(Attack());
  PLUMB_CHECK(BuildGuard());
  PLUMB_CHECK(WritePairs());
  if (Local()) {
    PLUMB_CHECK(LearnWeights());
    PLUMB_CHECK(ChooseStrengths());
  } else {
    PLUMB_CHECK(TunePrompt());
  }
  PLUMB_CHECK(MeasureAfter());
  PLUMB_CHECK(MeasurePreferences());
  DecideGate();
  PLUMB_CHECK(WriteSuite());
  PLUMB_CHECK(WriteReport());
  return std::move(outcome_);
}

Result<Outcome> RunTurn(const TurnOptions& options, const World& world) {
  if (!world.ledger) return Fail(Code::kInternal, "a turn needs a ledger");
  if (!(options.minutes > 0)) return Fail(Code::kInvalid, "--minutes is {}, must be above 0", options.minutes);
  PLUMB_TRY(auto policy, policy::LoadPolicy(options.policy));
  PLUMB_TRY(auto base, OpenBase(options, world));
  PLUMB_CHECK(ClaimFolder(options, policy));
  Progress progress(options.out / "events.jsonl", world.clock, world.terminal);
  Turn turn(options, world, std::move(policy), std::move(base), progress);
  auto outcome = turn.Run();
  if (!outcome) {
    progress.End(outcome.error().code == Code::kCancelled ? "cancelled" : "failed", outcome.error().Text());
    return outcome;
  }
  progress.End("done", outcome->report.sentence);
  return outcome;
}

}  // namespace plumb::loop
