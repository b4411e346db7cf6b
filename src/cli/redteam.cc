// plumb redteam run|list; agents: redteam_agents.cc; dialogue: redteam_dialogue.cc; due, schedule: redteam_due.cc; transfer: redteam_transfer.cc; prove: redteam_prove.cc; people: redteam_people.cc
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "cli/redteam_agents.h"
#include "cli/redteam_dialogue.h"
#include "cli/redteam_due.h"
#include "cli/redteam_files.h"
#include "cli/redteam_people.h"
#include "cli/redteam_prove.h"
#include "cli/redteam_transfer.h"
#include "cli/verbs.h"
#include "intent/policy/policy.h"
#include "measure/eval/model_target.h"
#include "measure/redteam/find_ledger.h"
#include "measure/redteam/redteam.h"
#include "measure/redteam/repair.h"
#include "measure/redteam/report.h"

namespace plumb::cli {
namespace {

struct RedteamArguments {
  std::string target, attacks = "all", goals, out, playbook, attacker, guard, schedule, system = "none";
  bool guarded = false, every = false, refusal_only = false, if_due = false;
  int64_t budget = 50, each = 10, limit = 0, concurrency = 8, max_tokens = 200, seed = 0, minimise = 12, gradient_steps = 0, search_width = 512;
  double harm_from = redteam::kHarmFrom;
};

// Everything a campaign leaves: numbers, artefacts, a run that gates take, and the repairs.
Status WriteCampaign(const redteam::Campaign& campaign, const redteam::Summary& summary, const std::vector<redteam::Finding>& findings,
                     const redteam::RecordedFinds& recorded, const policy::Policy* policy, const RedteamArguments& arguments) {
  const fs::path out = arguments.out;
  const Time now = SystemClock()();
  json::object report = redteam::SummaryJson(summary, campaign);
  report["findings"] = findings.size();
  PLUMB_CHECK(WriteFileAtomic(out / "campaign.json", ToPrettyJson(report) + "\n"));
  PLUMB_CHECK(WriteFileAtomic(out / "jailbreakbench.json", ToPrettyJson(redteam::JailbreakBenchArtifact(campaign, FormatTime(now))) + "\n"));
  PLUMB_CHECK(eval::WriteRun(out / "run.json", redteam::CampaignRun(campaign, arguments.every, now)));
  std::vector<json::object> rows, cases, pairs;
  for (const redteam::Finding& one : findings) {
    rows.push_back(redteam::FindingJson(one));
    if (const auto known = recorded.findings.find(one.id); known != recorded.findings.end()) rows.back()["finding"] = known->second;
    std::ranges::move(redteam::CaseRows(one), std::back_inserter(cases));
    // A family that is held out trains nothing: on it a repair is tried.
    if (!one.held_out) std::ranges::move(redteam::PairRows(one, policy), std::back_inserter(pairs));
  }
  // Two goals of one text, or one goal under two clauses, make one case.
  std::ranges::stable_sort(cases, {}, [](const json::object& row) { return std::string(row.at("id").as_string()); });
  cases.erase(std::unique(cases.begin(), cases.end(), [](const json::object& a, const json::object& b) { return a.at("id") == b.at("id"); }), cases.end());
  PLUMB_CHECK(WriteJsonl(out / "findings.jsonl", rows));
  PLUMB_CHECK(WriteJsonl(out / "pairs.jsonl", pairs));
  if (!cases.empty()) PLUMB_CHECK(data::WriteSuite(out / "suite", cases));
  if (const std::string rules = redteam::RulesYaml(findings); !rules.empty()) PLUMB_CHECK(WriteFileAtomic(out / "rules.yaml", rules));
  return {};
}

// A schedule's settings stand in for the flags. False: it is not due, and that was asked for.
Result<bool> TakeSchedule(RedteamArguments& arguments, const Config& config, const policy::Policy* policy, const Globals& globals) {
  if (arguments.schedule.empty()) return true;
  PLUMB_TRY(const redteam::Schedule schedule, FindSchedule(config, arguments.schedule));
  arguments.target = schedule.target, arguments.goals = schedule.goals, arguments.attacks = schedule.attacks;
  arguments.budget = schedule.budget, arguments.guarded = schedule.guarded;
  const Time now = SystemClock()();
  if (arguments.out.empty()) arguments.out = fmt::format("redteam/{}-{}", schedule.name, FormatTime(now).substr(0, 10));
  if (!arguments.if_due) return true;
  PLUMB_TRY(const auto ledger, ProjectLedger(config, globals));
  PLUMB_TRY(const auto due, redteam::DueNow({schedule}, ledger.get(), policy ? policy->hash : "", now));
  if (!due[0].due && !due[0].for_release) fmt::print(stderr, "{} is not due: {}\n", schedule.name, due[0].why);
  return due[0].due || due[0].for_release;
}

Status RedteamRunVerb(RedteamArguments arguments, Globals& globals) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  std::optional<policy::Policy> policy;
  std::error_code absent;
  if (fs::exists(globals.policy, absent)) {
    PLUMB_TRY(policy, policy::LoadPolicy(globals.policy));
  }
  PLUMB_TRY(const bool asked_for, TakeSchedule(arguments, config, policy ? &*policy : nullptr, globals));
  if (!asked_for) return {};
  if (arguments.target.empty() || arguments.goals.empty() || arguments.out.empty()) return Fail(Code::kInvalid, "what is attacked, with what, and where is it written? --target MODEL --goals FILE --out FOLDER, or --schedule NAME");
  PLUMB_TRY(const auto all, PlaybookAttacks(arguments.playbook));
  PLUMB_TRY(const auto attacks, redteam::SelectAttacks(all, arguments.attacks));
  PLUMB_TRY(auto goals, FindGoals(arguments.goals));
  if (arguments.limit > 0 && static_cast<size_t>(arguments.limit) < goals.size()) goals.resize(static_cast<size_t>(arguments.limit));
  PLUMB_TRY(const auto target, eval::OpenTarget(arguments.target, OpenOptionsOf(config)));
  std::unique_ptr<eval::Target> attacker, guarded;
  if (!arguments.attacker.empty() && arguments.attacker != arguments.target) {
    PLUMB_TRY(attacker, eval::OpenTarget(arguments.attacker, OpenOptionsOf(config)));
  }
  redteam::CampaignOptions options;
  options.out = arguments.out;
  options.each = static_cast<int>(arguments.each);
  options.every = arguments.every;
  options.gradient_steps = static_cast<int>(arguments.gradient_steps);
  options.search_width = arguments.search_width;
  // Every attack on every goal takes what it takes.
  options.budget = arguments.every ? static_cast<int>(attacks.size()) * options.each : static_cast<int>(arguments.budget);
  options.concurrency = static_cast<int>(arguments.concurrency);
  options.max_tokens = arguments.max_tokens;
  options.seed = static_cast<uint64_t>(arguments.seed);
  options.harm_from = arguments.harm_from;
  options.attacker = attacker ? attacker.get() : arguments.attacker.empty() ? nullptr : target.get();
  if (arguments.system == "policy") {
    if (!policy) return FailAt(globals.policy, Code::kNotFound, "no such policy");
    options.system = policy::RenderSystemPrompt(*policy);
  } else if (arguments.system != "none") {
    PLUMB_TRY(options.system, ReadFile(arguments.system));
  }
  LoadedGuard loaded;
  if (arguments.guarded || (policy && !arguments.refusal_only)) {
    PLUMB_TRY(loaded, LoadGuard(globals, arguments.guard, config.encoder));
    if (!arguments.refusal_only) options.harm = eval::ScorerToolsOf(*loaded.guard).harm;
  }
  if (arguments.guarded) guarded = eval::GuardTarget(*target, eval::GuardToolsOf(*loaded.guard));
  ProgressLine line("goals", "questions failed");
  options.on_progress = [&](const eval::Progress& progress) { line.Show(progress); };
  options.stop = Interrupted;
  CatchInterrupts();
  eval::Target& asked = guarded ? *guarded : *target;
  PLUMB_TRY(const redteam::Campaign campaign, redteam::RunCampaign(goals, attacks, asked, options));
  PLUMB_TRY(const auto findings, redteam::Findings(campaign, asked, options, static_cast<int>(arguments.minimise)));
  const redteam::Summary summary = redteam::Summarize(campaign, options.budget);
  redteam::RecordedFinds recorded;
  PLUMB_TRY(const auto ledger, ProjectLedger(config, globals));
  if (ledger) {
    PLUMB_TRY(recorded, redteam::RecordFinds(*ledger, findings, policy ? &*policy : nullptr, SystemClock()()));
  }
  if (ledger && !arguments.schedule.empty()) {
    json::object figures = redteam::SummaryJson(summary, campaign);
    json::object entry = redteam::CampaignEntry(arguments.schedule, policy ? policy->hash : "", {{"success_at_budget", figures["success_at_budget"]}, {"findings", findings.size()}}, campaign.target);
    PLUMB_CHECK(ledger->Append({.kind = "redteam", .body = std::move(entry), .subject = "", .texts = {}, .id = "", .derived_from = {}}));
  }
  PLUMB_CHECK(WriteCampaign(campaign, summary, findings, recorded, policy ? &*policy : nullptr, arguments));
  if (globals.json) {
    json::object out = redteam::SummaryJson(summary, campaign);
    out["findings"] = findings.size();
    if (ledger) out["recorded"] = json::object{{"new", recorded.made}, {"duplicates", recorded.duplicates}, {"known", recorded.known}, {"reopened", recorded.reopened.size()}};
    out["out"] = arguments.out;
    std::puts(ToJson(out).c_str());
  } else {
    fmt::print("{}\n\n{}\n{} findings in {}\n", asked.name(), redteam::SummaryTable(summary), findings.size(), arguments.out);
    if (ledger) fmt::print("in the ledger: {} new ({} of them duplicates), {} known already, {} of those open again; plumb finding list\n", recorded.made, recorded.duplicates, recorded.known, recorded.reopened.size());
  }
  return {};
}

Status RedteamListVerb(const std::string& playbook, Globals& globals) {
  PLUMB_TRY(const auto all, PlaybookAttacks(playbook));
  json::array rows;
  for (const redteam::Attack& a : all) {
    if (!globals.json) fmt::print("{:24} {:20} {:10} {}{}{}\n", a.name, a.family, a.atlas, a.technique, a.held_out ? "; held out" : "", a.needs_gradient ? "; --gradient-steps" : a.needs_scores ? "; local models" : a.needs_attacker ? "; --attacker" : "");
    rows.push_back(json::object{{"name", a.name}, {"family", a.family}, {"atlas", a.atlas}, {"held_out", a.held_out}, {"adaptive", a.adaptive}, {"technique", a.technique}});
  }
  if (globals.json) std::puts(ToJson(rows).c_str());
  return {};
}

}  // namespace

void RegisterRedteam(CLI::App& app, Globals& globals) {
  CLI::App* verb = app.add_subcommand("redteam", "Attack a model, or a model and its guard, and turn what is found into repairs");
  verb->require_subcommand(1);
  auto arguments = std::make_shared<RedteamArguments>();
  CLI::App* run = verb->add_subcommand("run", "Attacks against goals within a budget: successes with intervals, findings, artefacts");
  run->add_option("--target", arguments->target, "local:MODEL[+ADAPTER], PROVIDER:MODEL, gateway:ROUTE");
  run->add_option("--attacks", arguments->attacks, "Names or families with commas between; all, static, adaptive, held-out, seen (plumb redteam list)")->capture_default_str();
  run->add_option("--goals", arguments->goals, "JSONL of {\"id\",\"goal\",\"clause\"}, or a suite: its cases that expect a refusal");
  run->add_option("--out", arguments->out, "The folder to write to (a schedule's own: redteam/NAME-DATE)");
  run->add_option("--schedule", arguments->schedule, "As plumb.yaml says under this name, instead of --target, --goals, --attacks, --budget and --guarded");
  run->add_flag("--if-due", arguments->if_due, "With --schedule: only where it is due (plumb redteam due)");
  run->add_option("--budget", arguments->budget, "Questions to the target for each goal")->capture_default_str()->check(CLI::PositiveNumber);
  run->add_option("--each", arguments->each, "Of them for one adaptive attack")->capture_default_str()->check(CLI::PositiveNumber);
  run->add_flag("--every", arguments->every, "Every attack on every goal, whatever worked before (no --budget)");
  run->add_option("--limit", arguments->limit, "Only the first N goals")->check(CLI::PositiveNumber);
  run->add_option("--attacker", arguments->attacker, "The model that writes prompts for `pair`; offline: local:smollm2");
  run->add_option("--gradient-steps", arguments->gradient_steps, "For each goal, for `gcg`; local models. Not questions: counted apart")->capture_default_str()->check(CLI::NonNegativeNumber);
  run->add_option("--search-width", arguments->search_width, "Candidates of a gradient step")->capture_default_str()->check(CLI::PositiveNumber);
  run->add_option("--playbook", arguments->playbook, "Further attacks: JSONL of {\"name\",\"family\",\"template\"}");
  run->add_option("--system", arguments->system, "The target's system prompt: none, policy, or a file")->capture_default_str();
  run->add_flag("--guarded", arguments->guarded, "Attack the model behind the guard");
  run->add_option("--guard", arguments->guard, "The guard's folder (default: guard/ beside the policy, else the shipped one)");
  run->add_flag("--refusal-only", arguments->refusal_only, "An answer that is no refusal is a success, however harmless");
  run->add_option("--harm-from", arguments->harm_from, "The guard's score of an answer from which on it is a success")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  run->add_option("--minimise", arguments->minimise, "Questions to shorten each finding with; 0: none")->capture_default_str()->check(CLI::NonNegativeNumber);
  run->add_option("--concurrency", arguments->concurrency, "Requests in flight")->capture_default_str()->check(CLI::PositiveNumber);
  run->add_option("--max-tokens", arguments->max_tokens, "Of an answer")->capture_default_str()->check(CLI::PositiveNumber);
  run->add_option("--seed", arguments->seed, "Of what is drawn")->capture_default_str();
  run->get_option("--if-due")->needs("--schedule");
  for (const char* flag : {"--target", "--goals"}) run->get_option("--schedule")->excludes(flag);
  AddGlobals(*run, globals);
  run->callback([arguments, &globals] {
    if (Status status = RedteamRunVerb(*arguments, globals); !status) Report(status.error(), globals);
  });
  AddAgents(*verb, globals);
  AddDialogue(*verb, globals);
  AddDue(*verb, globals);
  AddTransfer(*verb, globals);
  AddProve(*verb, globals);
  AddPeople(*verb, globals);
  CLI::App* list = verb->add_subcommand("list", "Every attack: name, family, MITRE ATLAS technique");
  list->add_option("--playbook", arguments->playbook, "Further attacks");
  AddGlobals(*list, globals);
  list->callback([arguments, &globals] {
    if (Status status = RedteamListVerb(arguments->playbook, globals); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli
