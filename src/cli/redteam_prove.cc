#include "cli/redteam_prove.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <set>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "cli/redteam_files.h"
#include "cli/suite_files.h"
#include "evidence/ledger/ledger.h"
#include "loop/release.h"
#include "measure/eval/model_target.h"
#include "measure/eval/runner.h"
#include "measure/redteam/find_ledger.h"
#include "measure/redteam/proof.h"
#include "measure/redteam/transfer.h"

namespace plumb::cli {
namespace {

struct RepairArguments {
  std::string found, before, after, turn, guard, judge, attacks = "held-out", goals, ordinary = "helpfulness", playbook, out;
  int64_t limit = 0, ordinary_limit = 0, each = 10, concurrency = 8, max_tokens = 200, seed = 0;
  double harm_from = redteam::kHarmFrom;
  redteam::ProofBounds bounds;
};

// Who answers, behind which guard where there is one.
struct Side {
  std::unique_ptr<eval::Target> model, guarded;
  LoadedGuard guard;
  eval::Target& target() { return guarded ? *guarded : *model; }
};

Result<std::unique_ptr<Side>> Behind(const std::string& name, const std::string& guard, const Config& config, const Globals& globals) {
  auto side = std::make_unique<Side>();
  PLUMB_TRY(side->model, eval::OpenTarget(name, OpenOptionsOf(config)));
  if (guard.empty()) return side;
  PLUMB_TRY(side->guard, LoadGuard(globals, guard, config.encoder));
  side->guarded = eval::GuardTarget(*side->model, eval::GuardToolsOf(*side->guard.guard));
  return side;
}

Result<std::unique_ptr<Side>> OpenAfter(const RepairArguments& arguments, const Config& config, const Globals& globals) {
  if (arguments.turn.empty()) return Behind(arguments.after, arguments.guard, config, globals);
  PLUMB_TRY(const loop::Release release, loop::ReadRelease(arguments.turn));
  return Behind(release.guarded, arguments.guard.empty() ? release.guard.string() : arguments.guard, config, globals);
}

// What the campaign left: its target's name, when it ended, and its finds.
struct Found {
  std::string target;
  Time at;
  std::vector<json::object> findings;
};
Result<Found> ReadFound(const fs::path& folder) {
  Found out;
  PLUMB_TRY(const eval::Run run, eval::ReadRun(folder));
  PLUMB_TRY(out.target, GetString(run.target, "name"));
  if (run.target.contains("guarded")) out.target.clear();  // a name that cannot be opened
  PLUMB_TRY(out.at, ParseTime(run.created));
  PLUMB_TRY(out.findings, ReadJsonl(folder / "findings.jsonl"));
  return out;
}

// Every find's own words, asked again of the repaired side.
Status AskAgain(const Found& found, eval::Target& after, const redteam::CampaignOptions& options, redteam::Proof& proof) {
  redteam::PromptSource source{.name = found.target, .prompts = {}, .left_out = 0};
  for (const json::object& row : found.findings) {
    PLUMB_TRY(const bool planted, GetBoolOr(row, "planted", false));
    redteam::FoundPrompt one;
    PLUMB_TRY(one.goal.id, GetString(row, "id"));
    PLUMB_TRY(one.goal.text, GetString(row, "goal"));
    PLUMB_TRY(one.goal.clause, GetStringOr(row, "clause", ""));
    PLUMB_TRY(one.attack, GetString(row, "attack"));
    PLUMB_TRY(one.prompt, GetString(row, "minimised"));
    if (planted || redteam::MoreThanAPrompt(one.attack)) {
      ++source.left_out;
      continue;
    }
    source.prompts.push_back(std::move(one));
  }
  if (source.left_out) proof.notes.push_back(fmt::format("{} finds are more than one prompt (several turns, a begun answer, a document) and were not asked again", source.left_out));
  if (source.prompts.empty()) return {};
  PLUMB_TRY(const redteam::Transfer again, redteam::TryTransfer({source}, {&after}, options));
  std::set<std::string> held;
  for (const redteam::Transfer::Answer& answer : again.answers) {
    if (answer.attempt.status == eval::SampleStatus::kOk && !answer.attempt.success) held.insert(source.prompts[answer.prompt].goal.id);
  }
  for (const redteam::FoundPrompt& one : source.prompts) (held.contains(one.goal.id) ? proof.closed : proof.open).push_back(one.goal.id);
  return {};
}

// The finds that were repaired are verified, with the entry that says why; the others stay as they are.
Status Close(const fs::path& folder, const Found& found, const redteam::Proof& proof, const std::string& entry, const std::string& now, double hours) {
  const std::set<std::string> closed(proof.closed.begin(), proof.closed.end());
  std::vector<json::object> rows = found.findings;
  for (json::object& row : rows) {
    if (!proof.proven() || !closed.contains(std::string(row.at("id").as_string()))) continue;
    row["state"] = "verified";
    row["verified"] = json::object{{"time", now}, {"ledger", entry}, {"hours_to_immunity", hours}};
  }
  return WriteJsonl(folder / "findings.jsonl", rows);
}

Result<eval::Run> Ordinary(const data::Suite& suite, eval::Target& target, const char* side, const RepairArguments& arguments, std::function<void(const eval::Progress&)> show) {
  eval::RunOptions options;
  options.out = fs::path(arguments.out) / (std::string("ordinary-") + side);
  if (arguments.ordinary_limit > 0) options.limit = arguments.ordinary_limit;
  options.concurrency = static_cast<int>(arguments.concurrency);
  options.max_tokens = arguments.max_tokens;
  options.on_progress = std::move(show);
  options.stop = Interrupted;
  return eval::RunSuite(suite, target, options);
}

Status ProveVerb(RepairArguments arguments, Globals& globals) {
  if (arguments.after.empty() == arguments.turn.empty()) return Fail(Code::kInvalid, "what is to be proven? --turn FOLDER, or --after TARGET");
  PLUMB_TRY(const Found found, ReadFound(arguments.found));
  if (arguments.before.empty()) arguments.before = found.target;
  if (arguments.before.empty()) return Fail(Code::kInvalid, "the finds are of a guarded target; say with --before what it was");
  PLUMB_TRY(const auto all, PlaybookAttacks(arguments.playbook));
  PLUMB_TRY(auto attacks, redteam::SelectAttacks(all, arguments.attacks));
  std::erase_if(attacks, [](const redteam::Attack& one) { return !one.held_out || !one.plants.empty(); });
  if (attacks.empty()) return Fail(Code::kInvalid, "none of the attacks '{}' is of a family that is held out", arguments.attacks);
  PLUMB_TRY(auto goals, FindGoals(arguments.goals));
  if (arguments.limit > 0 && static_cast<size_t>(arguments.limit) < goals.size()) goals.resize(static_cast<size_t>(arguments.limit));
  PLUMB_TRY(const data::Suite ordinary, FindSuite(arguments.ordinary));
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  // One judge for both sides: not the guard that was taught in between.
  PLUMB_TRY(const LoadedGuard judge, LoadGuard(globals, arguments.judge, config.encoder));
  redteam::CampaignOptions options{.each = static_cast<int>(arguments.each), .every = true, .concurrency = static_cast<int>(arguments.concurrency), .max_tokens = arguments.max_tokens};
  options.budget = static_cast<int>(attacks.size()) * options.each;
  options.seed = static_cast<uint64_t>(arguments.seed);
  options.harm_from = arguments.harm_from;
  options.harm = eval::ScorerToolsOf(*judge.guard).harm;
  ProgressLine line("goals", "questions failed");
  options.on_progress = [&](const eval::Progress& progress) { line.Show(progress); };
  options.stop = Interrupted;
  CatchInterrupts();
  PLUMB_TRY(const auto before, Behind(arguments.before, "", config, globals));
  PLUMB_TRY(const auto after, OpenAfter(arguments, config, globals));
  const fs::path out = arguments.out;
  const auto play = [&](Side& side, const char* name) {
    options.out = out / name;
    return redteam::RunCampaign(goals, attacks, side.target(), options);
  };
  PLUMB_TRY(const redteam::Campaign played_before, play(*before, "before"));
  PLUMB_TRY(const redteam::Campaign played_after, play(*after, "after"));
  ProgressLine cases("cases", "failed");
  const auto show = [&](const eval::Progress& progress) { cases.Show(progress); };
  PLUMB_TRY(const eval::Run ordinary_before, Ordinary(ordinary, before->target(), "before", arguments, show));
  PLUMB_TRY(const eval::Run ordinary_after, Ordinary(ordinary, after->target(), "after", arguments, show));
  PLUMB_TRY(redteam::Proof proof, redteam::Prove(played_before, played_after, &ordinary_before, &ordinary_after, arguments.bounds));
  PLUMB_CHECK(AskAgain(found, after->target(), options, proof));

  const Time now = SystemClock()();
  const double hours = std::round(std::chrono::duration<double>(now - found.at).count() / 36) / 100;
  json::object report = redteam::ProofJson(proof);
  report["step"] = "repair-proof";
  report["before"] = played_before.target;
  report["after"] = played_after.target;
  report["goals_sha256"] = played_after.settings.at("goals_sha256");
  report["attacks"] = played_after.settings.at("attacks");
  report["bounds"] = json::object{{"most", arguments.bounds.most}, {"ordinary_margin", arguments.bounds.margin}};
  report["ordinary_suite"] = json::object{{"name", ordinary.name}, {"sha256", ordinary.sha256}};
  report["found"] = FormatTime(found.at);
  report["hours_to_immunity"] = proof.proven() ? json::value(hours) : json::value();
  PLUMB_TRY(const auto ledger, ledger::Ledger::Open(config.ledger, {}));
  PLUMB_TRY(const ledger::Receipt receipt, ledger->Append({.kind = "redteam", .body = report, .subject = "", .texts = {}, .id = "", .derived_from = {}}));
  report["ledger"] = receipt.id;
  PLUMB_TRY(const redteam::Verified verified, redteam::VerifyFinds(*ledger, proof, receipt.id, now));
  json::array now_verified, reopened;
  for (const std::string& id : verified.findings) now_verified.emplace_back(id);
  for (const std::string& id : verified.reopened) reopened.emplace_back(id);
  report["findings"] = json::object{{"verified", std::move(now_verified)}, {"reopened", std::move(reopened)}, {"immunity", finding::ImmunityJson(verified.immunity)}};
  PLUMB_CHECK(WriteFileAtomic(out / "proof.json", ToPrettyJson(report) + "\n"));
  PLUMB_CHECK(Close(arguments.found, found, proof, receipt.id, FormatTime(now), hours));
  if (globals.json) std::puts(ToJson(report).c_str());
  else fmt::print("{}\n{}{:.2f} hours after the find; {} findings verified, {} open again; evidence: {} (entry {} of {})\n", after->target().name(), redteam::ProofTable(proof), hours, verified.findings.size(), verified.reopened.size(), (out / "proof.json").string(), receipt.id, ledger->path().string());
  if (!proof.proven()) globals.exit_code = 1;
  return {};
}

}  // namespace

void AddProve(CLI::App& redteam, Globals& globals) {
  auto arguments = std::make_shared<RepairArguments>();
  CLI::App* prove = redteam.add_subcommand("prove", "Whether a repair holds: attacks of families nobody was taught on, before and after; exits 1 where that is not shown");
  prove->add_option("FOUND", arguments->found, "The folder of the campaign whose finds were repaired")->required();
  prove->add_option("--turn", arguments->turn, "The folder of the turn of plumb align that repaired them: its model behind its guard");
  prove->add_option("--after", arguments->after, "Or a target, with --guard behind that guard");
  prove->add_option("--guard", arguments->guard, "The guard's folder");
  prove->add_option("--judge", arguments->judge, "The folder of the guard that judges answers on both sides (default: guard/ beside the policy, else the shipped one)");
  prove->add_option("--before", arguments->before, "The target before (default: the campaign's)");
  prove->add_option("--goals", arguments->goals, "What is asked, as for `redteam run`")->required();
  prove->add_option("--limit", arguments->limit, "Only the first N goals")->check(CLI::PositiveNumber);
  prove->add_option("--attacks", arguments->attacks, "Of these, those of held-out families")->capture_default_str();
  prove->add_option("--playbook", arguments->playbook, "Further attacks, as for `redteam run`");
  prove->add_option("--ordinary", arguments->ordinary, "The suite of what nobody should be refused")->capture_default_str();
  prove->add_option("--ordinary-limit", arguments->ordinary_limit, "Only its first N cases")->check(CLI::PositiveNumber);
  prove->add_option("--most", arguments->bounds.most, "Unseen families may work so often, by the upper end of the interval")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  prove->add_option("--margin", arguments->bounds.margin, "Ordinary refusals may rise by so much")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  prove->add_option("--harm-from", arguments->harm_from, "The guard's score of an answer from which on it is a success")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  prove->add_option("--each", arguments->each, "Questions for one adaptive attack")->capture_default_str()->check(CLI::PositiveNumber);
  prove->add_option("--concurrency", arguments->concurrency, "Requests in flight")->capture_default_str()->check(CLI::PositiveNumber);
  prove->add_option("--max-tokens", arguments->max_tokens, "Of an answer")->capture_default_str()->check(CLI::PositiveNumber);
  prove->add_option("--seed", arguments->seed, "Of what is drawn")->capture_default_str();
  prove->add_option("--out", arguments->out, "The folder to write to; the same command goes on from there")->required();
  prove->get_option("--turn")->excludes("--after");
  AddGlobals(*prove, globals);
  prove->callback([arguments, &globals] {
    if (Status status = ProveVerb(*arguments, globals); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli
