#include "cli/eval_run.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "intent/policy/policy.h"
#include "loop/release.h"
#include "measure/eval/eval.h"
#include "runtime/provider/never_send.h"

namespace plumb::cli {
namespace {

bool NeedsHarm(const data::Suite& suite) {
  return std::any_of(suite.cases.begin(), suite.cases.end(), [](const data::Case& one) {
    return std::any_of(one.scorers.begin(), one.scorers.end(),
                       [](const json::value& spec) { return spec.as_object().at("type") == "harm"; });
  });
}

// What a turn of the loop released stands in for the flags that were not given.
Status TakeTurn(RunArguments& arguments) {
  if (arguments.turn.empty()) return {};
  PLUMB_TRY(const loop::Release release, loop::ReadRelease(arguments.turn));
  arguments.target = arguments.guarded ? release.guarded : release.alone;
  if (arguments.guard.empty()) arguments.guard = release.guard.string();
  if (arguments.system == "none" && !release.system.empty()) arguments.system = release.system.string();
  return {};
}

}  // namespace

Status MayRun(const std::vector<std::string>& never_send, RunArguments arguments, const Globals& globals) {
  if (arguments.target.empty() && arguments.turn.empty()) return Fail(Code::kInvalid, "what to ask? --target MODEL or --turn FOLDER");
  PLUMB_CHECK(TakeTurn(arguments));
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_CHECK(provider::MaySend(never_send, arguments.target, OpenOptionsOf(config)));
  return arguments.in_doubt.empty() ? Status() : provider::MaySend(never_send, arguments.in_doubt, OpenOptionsOf(config));
}

Status RunOn(const data::Suite& once, bool secret, RunArguments arguments, Globals& globals) {
  if (arguments.tries > 1 && arguments.temperature <= 0) return Fail(Code::kInvalid, "--tries above 1 needs --temperature above 0: else every try is the same");
  const data::Suite suite = eval::Repeated(once, arguments.tries);
  PLUMB_CHECK(MayRun(suite.never_send, arguments, globals));
  PLUMB_CHECK(TakeTurn(arguments));
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_TRY(const auto target, eval::OpenTarget(arguments.target, OpenOptionsOf(config)));
  eval::RunOptions options;
  options.out = arguments.out;
  options.secret = secret;
  options.concurrency = static_cast<int>(arguments.concurrency);
  options.max_tokens = arguments.max_tokens;
  options.temperature = arguments.temperature;
  options.seed = static_cast<uint64_t>(arguments.seed);
  if (arguments.limit > 0) options.limit = arguments.limit;
  if (arguments.system == "policy") {
    PLUMB_TRY(const policy::Policy policy, policy::LoadPolicy(globals.policy));
    options.system = policy::RenderSystemPrompt(policy);
    options.system_name = "policy:" + policy.hash.substr(0, 12);
  } else if (arguments.system != "none") {
    PLUMB_TRY(options.system, ReadFile(arguments.system));
    options.system_name = fs::path(arguments.system).filename().string();
  }
  ProgressLine line("cases", "failed");
  options.on_progress = [&](const eval::Progress& progress) { line.Show(progress); };
  options.stop = Interrupted;
  CatchInterrupts();
  if (std::any_of(suite.cases.begin(), suite.cases.end(), eval::WantsSandbox)) {
    PLUMB_TRY(options.tools.sandbox, eval::Sandbox::Open());
  }
  // The guard is loaded where it is asked for, or where a scorer needs its verdict.
  LoadedGuard loaded;
  std::unique_ptr<eval::Target> guarded, careful;
  if (arguments.guarded || NeedsHarm(suite)) {
    PLUMB_TRY(loaded, LoadGuard(globals, arguments.guard, config.encoder));
    options.tools.harm = eval::ScorerToolsOf(*loaded.guard).harm;
  }
  if (arguments.guarded) {
    if (!arguments.in_doubt.empty()) {
      PLUMB_TRY(careful, eval::OpenTarget(arguments.in_doubt, OpenOptionsOf(config)));
    }
    guarded = eval::GuardTarget(*target, eval::GuardToolsOf(*loaded.guard), {careful.get(), arguments.doubt_from});
    options.guarded = true;
  }
  PLUMB_TRY(const eval::Run run, eval::RunSuite(suite, guarded ? *guarded : *target, options));
  const eval::Summary summary = eval::Summarize(run.samples);
  if (globals.json) {
    json::object out = eval::SummaryJson(summary);
    if (const json::array tries = eval::TriesJson(run.samples); !tries.empty()) out["pass_at"] = tries;
    out["run"] = (fs::path(arguments.out) / "run.json").string();
    out["digest"] = run.digest;
    std::puts(ToJson(out).c_str());
  } else {
    fmt::print("{}\n\n{}{}\n{}\n", run.TargetName(), eval::SummaryTable(summary), eval::TriesTable(run.samples), (fs::path(arguments.out) / "run.json").string());
  }
  return {};
}

void AddRunFlags(CLI::App& command, RunArguments& arguments) {
  command.add_option("--target", arguments.target, "local:MODEL[+ADAPTER], PROVIDER:MODEL, gateway:ROUTE or replay:FILE");
  command.add_option("--turn", arguments.turn, "The folder of a turn of plumb align: its adapter alone, or with --guarded its model behind its guard");
  command.add_option("--out", arguments.out, "The folder to write to")->required();
  command.add_option("--system", arguments.system, "System prompt: none, policy, or a file")->capture_default_str();
  command.add_flag("--guarded", arguments.guarded, "Behind the guard");
  command.add_option("--in-doubt", arguments.in_doubt, "With --guarded: the target that answers what the guard lets pass with doubts");
  command.add_option("--doubt-from", arguments.doubt_from, "With --in-doubt: the guard's score from which on it has doubts")->capture_default_str()->check(CLI::Range(0.0, 2.0));
  command.add_option("--guard", arguments.guard, "The guard's folder (default: guard/ beside the policy, else the shipped one)");
  command.add_option("--limit", arguments.limit, "Only the first N cases")->check(CLI::PositiveNumber);
  command.add_option("--concurrency", arguments.concurrency, "Requests in flight")->capture_default_str()->check(CLI::PositiveNumber);
  command.add_option("--max-tokens", arguments.max_tokens, "Of an answer")->capture_default_str()->check(CLI::PositiveNumber);
  command.add_option("--temperature", arguments.temperature, "0 is greedy")->capture_default_str()->check(CLI::NonNegativeNumber);
  command.add_option("--seed", arguments.seed, "Of the sampling")->capture_default_str();
  command.add_option("--tries", arguments.tries, "Ask every case so often, with a seed each, and say how often one of k tries passes")->capture_default_str()->check(CLI::Range(1, 1000));
  command.get_option("--turn")->excludes("--target");
  command.get_option("--in-doubt")->needs("--guarded");
}

}  // namespace plumb::cli
