// plumb eval run|compare|show|verify; winrate is in eval_winrate.cc, stat in eval_stat.cc
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/stats/stats.h"
#include "cli/config.h"
#include "cli/eval_stat.h"
#include "cli/eval_winrate.h"
#include "cli/guard_files.h"
#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "cli/suite_files.h"
#include "cli/verbs.h"
#include "intent/policy/policy.h"
#include "loop/release.h"
#include "measure/eval/eval.h"
#include "runtime/guard/refusal_model.h"

namespace plumb::cli {
namespace {

struct RunArguments {
  std::string suite, target, turn, out, guard, system = "none", in_doubt;
  bool guarded = false;
  int64_t limit = 0, concurrency = 8, max_tokens = 256, seed = 0;
  double temperature = 0, doubt_from = 0.5;
};

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
  if (arguments.in_doubt.empty()) arguments.in_doubt = release.in_doubt, arguments.doubt_from = release.in_doubt_from;
  if (arguments.system == "none" && !release.system.empty()) arguments.system = release.system.string();
  return {};
}

Status RunVerb(RunArguments arguments, Globals& globals) {
  if (arguments.target.empty() && arguments.turn.empty()) return Fail(Code::kInvalid, "what to ask? --target MODEL or --turn FOLDER");
  PLUMB_CHECK(TakeTurn(arguments));
  PLUMB_TRY(const data::Suite suite, FindSuite(arguments.suite));
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_TRY(const auto target, eval::OpenTarget(arguments.target, OpenOptionsOf(config)));
  eval::RunOptions options;
  options.out = arguments.out;
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
  // The guard is loaded where it is asked for, or where a scorer needs its verdict.
  LoadedGuard loaded;
  std::unique_ptr<eval::Target> guarded, careful;
  if (arguments.guarded || NeedsHarm(suite)) {
    PLUMB_TRY(loaded, LoadGuard(globals, arguments.guard, config.encoder));
    options.tools = eval::ScorerToolsOf(*loaded.guard);
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
    out["run"] = (fs::path(arguments.out) / "run.json").string();
    out["digest"] = run.digest;
    std::puts(ToJson(out).c_str());
  } else {
    fmt::print("{}\n\n{}\n{}\n", run.TargetName(), eval::SummaryTable(summary), (fs::path(arguments.out) / "run.json").string());
  }
  return {};
}

Status CompareVerb(const std::string& a, const std::string& b, Globals& globals) {
  PLUMB_TRY(const eval::Run baseline, eval::ReadRun(a));
  PLUMB_TRY(const eval::Run candidate, eval::ReadRun(b));
  PLUMB_TRY(const eval::Comparison comparison, eval::Compare(baseline, candidate));
  if (globals.json) std::puts(ToJson(eval::ComparisonJson(comparison)).c_str());
  else fmt::print("{}", eval::ComparisonTable(comparison));
  return {};
}

Status ShowVerb(const std::string& path, int64_t failures, Globals& globals) {
  PLUMB_TRY(const eval::Run run, eval::ReadRun(path));
  const eval::Summary summary = eval::Summarize(run.samples);
  if (globals.json) {
    std::puts(ToJson(eval::SummaryJson(summary)).c_str());
    return {};
  }
  fmt::print("{}  {}  {}\n{}", run.id, run.TargetName(), run.created, eval::SummaryTable(summary));
  for (const eval::Sample& sample : run.samples) {
    if (failures <= 0) break;
    if (sample.passed) continue;
    --failures;
    fmt::print("\n{} [{}, expect {}]\n  > {}\n  {}\n", sample.id, eval::StatusName(sample.status),
               data::ExpectName(sample.expect), sample.prompt, sample.status == eval::SampleStatus::kOk ? sample.output : sample.error);
  }
  return {};
}

Status VerifyVerb(const std::string& path, Globals& globals) {
  const auto run = eval::ReadRun(path);
  if (!run && run.error().code == Code::kCorrupt) {
    fmt::print("{}\n", globals.json ? ToJson(json::object{{"intact", false}, {"error", run.error().Text()}}) : run.error().Text());
    globals.exit_code = 1;
    return {};
  }
  if (!run) return std::unexpected(run.error());
  if (globals.json) std::puts(ToJson(json::object{{"intact", true}, {"digest", run->digest}}).c_str());
  else fmt::print("intact: {} samples, {}\n", run->samples.size(), run->digest);
  return {};
}

// Trains the refusal scorer, cross-validates it, and writes its weights.
Status TrainRefusalVerb(const std::string& data, const std::string& out, bool show_wrong, Globals& globals) {
  PLUMB_TRY(const std::vector<json::object> raw, ReadJsonl(data));
  auto rows = guard::ParseRefusalRows(raw);
  if (!rows) return std::unexpected(Context(rows.error(), data));
  const guard::RefusalModel model = guard::TrainRefusal(*rows, {});
  const guard::RefusalValidation validation = guard::ValidateRefusal(*rows, {});
  if (!out.empty())
    PLUMB_CHECK(WriteFileAtomic(out, "// Made by `plumb eval train-refusal`; do not edit.\nR\"(\n" + model.Serialise() + ")\"\n"));
  const auto agreement = [](const guard::RefusalAgreement& one) {
    const stats::Interval interval = stats::Wilson(one.agree, one.n);
    return json::object{{"n", one.n}, {"agreement", interval.estimate}, {"low", interval.low}, {"high", interval.high},
                        {"degree_agreement", static_cast<double>(one.agree_degree) / static_cast<double>(one.n)},
                        {"false_refusals", one.false_refusals}, {"missed_refusals", one.missed_refusals}};
  };
  json::object report = agreement(validation.all);
  report["version"] = model.version();
  json::object by_lang;
  for (const auto& [lang, one] : validation.by_lang) by_lang[lang] = agreement(one);
  report["by_lang"] = std::move(by_lang);
  json::object by_voice;
  for (const auto& [voice, one] : validation.by_voice) by_voice[voice] = agreement(one);
  report["by_voice"] = std::move(by_voice);
  fmt::print("{}\n", globals.json ? ToJson(report) : ToPrettyJson(report));
  for (size_t i : show_wrong ? validation.wrong : std::vector<size_t>())
    fmt::print("{} [{}] > {} | {}\n", (*rows)[i].degree, (*rows)[i].lang, (*rows)[i].prompt, (*rows)[i].completion);
  return {};
}

void Call(Status status, Globals& globals) {
  if (!status) Report(status.error(), globals);
}

}  // namespace

void RegisterEval(CLI::App& app, Globals& globals) {
  CLI::App* verb = app.add_subcommand("eval", "Measure a model, or anything that answers, on a suite");
  verb->require_subcommand(1);

  auto arguments = std::make_shared<RunArguments>();
  CLI::App* run = verb->add_subcommand("run", "Ask every case of a suite, score the answers, write run.json and an Inspect log");
  run->add_option("--suite", arguments->suite, "A suite: folder, file, or name in suites/")->required();
  run->add_option("--target", arguments->target, "local:MODEL[+ADAPTER], PROVIDER:MODEL, gateway:ROUTE or replay:FILE");
  run->add_option("--turn", arguments->turn, "The folder of a turn of plumb align: its adapter alone, or with --guarded its model behind its guard");
  run->add_option("--out", arguments->out, "The folder to write to")->required();
  run->add_option("--system", arguments->system, "System prompt: none, policy, or a file")->capture_default_str();
  run->add_flag("--guarded", arguments->guarded, "Behind the guard");
  run->add_option("--in-doubt", arguments->in_doubt, "With --guarded: the target that answers what the guard lets pass with doubts");
  run->add_option("--doubt-from", arguments->doubt_from, "With --in-doubt: the guard's score from which on it has doubts")->capture_default_str()->check(CLI::Range(0.0, 2.0));
  run->add_option("--guard", arguments->guard, "The guard's folder (default: guard/ beside the policy, else the shipped one)");
  run->add_option("--limit", arguments->limit, "Only the first N cases")->check(CLI::PositiveNumber);
  run->add_option("--concurrency", arguments->concurrency, "Requests in flight")->capture_default_str()->check(CLI::PositiveNumber);
  run->add_option("--max-tokens", arguments->max_tokens, "Of an answer")->capture_default_str()->check(CLI::PositiveNumber);
  run->add_option("--temperature", arguments->temperature, "0 is greedy")->capture_default_str()->check(CLI::NonNegativeNumber);
  run->add_option("--seed", arguments->seed, "Of the sampling")->capture_default_str();
  run->get_option("--turn")->excludes("--target");
  run->get_option("--in-doubt")->needs("--guarded");
  AddGlobals(*run, globals);
  run->callback([arguments, &globals] { Call(RunVerb(*arguments, globals), globals); });

  auto paths = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* compare = verb->add_subcommand("compare", "Two runs, case by case");
  compare->add_option("A", paths->first, "The run before: run.json or its folder")->required();
  compare->add_option("B", paths->second, "The run after")->required();
  AddGlobals(*compare, globals);
  compare->callback([paths, &globals] { Call(CompareVerb(paths->first, paths->second, globals), globals); });

  AddWinRate(*verb, globals);
  AddStat(*verb, globals);

  auto shown = std::make_shared<std::pair<std::string, int64_t>>("", 0);
  CLI::App* show = verb->add_subcommand("show", "A run's rates, and cases that failed");
  show->add_option("RUN", shown->first, "run.json or its folder")->required();
  show->add_option("--failures", shown->second, "Print the first N cases that did not pass");
  AddGlobals(*show, globals);
  show->callback([shown, &globals] { Call(ShowVerb(shown->first, shown->second, globals), globals); });

  auto checked = std::make_shared<std::string>();
  CLI::App* verify = verb->add_subcommand("verify", "Was the run edited after it was written? Exits 1 if so");
  verify->add_option("RUN", *checked, "run.json or its folder")->required();
  AddGlobals(*verify, globals);
  verify->callback([checked, &globals] { Call(VerifyVerb(*checked, globals), globals); });

  struct Training {
    std::string data = "suites/refusals-dev/completions.jsonl", out;
    bool show_wrong = false;
  };
  auto training = std::make_shared<Training>();
  CLI::App* train = verb->add_subcommand("train-refusal", "Train and cross-validate the refusal scorer");
  train->add_option("--data", training->data, "Labelled completions")->capture_default_str();
  train->add_option("--out", training->out, "Where to write the weights (src/runtime/guard/refusal_weights.inc)");
  train->add_flag("--show-wrong", training->show_wrong, "Print the rows judged otherwise than labelled");
  AddGlobals(*train, globals);
  train->callback([training, &globals] {
    Call(TrainRefusalVerb(training->data, training->out, training->show_wrong, globals), globals);
  });
}

}  // namespace plumb::cli
