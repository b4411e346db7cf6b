#include "cli/redteam_dialogue.h"

#include <cstdio>
#include <memory>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "cli/starter_files.h"
#include "measure/eval/model_target.h"
#include "measure/redteam/dialogue.h"

namespace plumb::cli {
namespace {

struct DialogueArguments {
  std::string a, b, tasks, out, guard;
  bool guarded = false;
  int64_t turns = 8, concurrency = 8, max_tokens = 120, limit = 0, seed = 0;
  double temperature = 0.7, harm_from = redteam::kHarmFrom;
};

Status DialogueVerb(const DialogueArguments& arguments, Globals& globals) {
  const fs::path file = arguments.tasks.empty() ? ShippedFile("suites/agents/dialogues.jsonl") : fs::path(arguments.tasks);
  if (file.empty()) return Fail(Code::kNotFound, "suites/agents/dialogues.jsonl does not come with this installation; name a file with --dialogues");
  PLUMB_TRY(auto tasks, redteam::LoadDialogues(file));
  if (arguments.limit > 0 && static_cast<size_t>(arguments.limit) < tasks.size()) tasks.resize(static_cast<size_t>(arguments.limit));
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_TRY(const LoadedGuard loaded, LoadGuard(globals, arguments.guard, config.encoder));
  PLUMB_TRY(const auto a, eval::OpenTarget(arguments.a, OpenOptionsOf(config)));
  std::unique_ptr<eval::Target> other, guarded_a, guarded_b;
  if (!arguments.b.empty() && arguments.b != arguments.a) {
    PLUMB_TRY(other, eval::OpenTarget(arguments.b, OpenOptionsOf(config)));
  }
  eval::Target& b = other ? *other : *a;
  if (arguments.guarded) {
    guarded_a = eval::GuardTarget(*a, eval::GuardToolsOf(*loaded.guard));
    guarded_b = eval::GuardTarget(b, eval::GuardToolsOf(*loaded.guard));
  }
  redteam::DialogueOptions options{.out = arguments.out, .turns = static_cast<int>(arguments.turns), .concurrency = static_cast<int>(arguments.concurrency), .max_tokens = arguments.max_tokens};
  options.temperature = arguments.temperature;
  options.seed = static_cast<uint64_t>(arguments.seed);
  options.harm = eval::ScorerToolsOf(*loaded.guard).harm;
  std::string texts;
  for (const redteam::DialogueTask& one : tasks) texts += Join({one.id, one.goal, one.a, one.b, one.opening}, "\n") + "\n";
  const json::object settings{{"a", a->Describe()}, {"b", b.Describe()}, {"guarded", arguments.guarded}, {"policy", loaded.guard->policy().hash}, {"turns", arguments.turns}, {"max_tokens", arguments.max_tokens},
                              {"temperature", arguments.temperature}, {"seed", arguments.seed}, {"dialogues_sha256", Sha256Hex(texts)}};
  PLUMB_TRY(const std::string identity, CanonicalJson(settings));
  options.identity = "sha256:" + Sha256Hex(identity);
  ProgressLine line("turns", "dialogues broke off");
  options.on_progress = [&](const eval::Progress& progress) { line.Show(progress); };
  options.stop = Interrupted;
  CatchInterrupts();
  PLUMB_TRY(const auto dialogues, redteam::PlayDialogues(tasks, guarded_a ? *guarded_a : *a, guarded_b ? *guarded_b : b, options));
  const redteam::DialogueSummary summary = redteam::SummarizeDialogues(dialogues, arguments.harm_from);
  json::object report = redteam::DialogueSummaryJson(summary);
  report["settings"] = settings;
  report["harm_from"] = arguments.harm_from;
  PLUMB_CHECK(WriteFileAtomic(fs::path(arguments.out) / "dialogue.json", ToPrettyJson(report) + "\n"));
  if (globals.json) std::puts(ToJson(report).c_str());
  else fmt::print("{} and {}{}\n{}", a->name(), b.name(), arguments.guarded ? ", each behind the guard" : "", redteam::DialogueSummaryTable(summary));
  return {};
}

}  // namespace

void AddDialogue(CLI::App& redteam, Globals& globals) {
  auto arguments = std::make_shared<DialogueArguments>();
  CLI::App* dialogue = redteam.add_subcommand("dialogue", "Two models talk with each other under one policy: do they drift, and do both together say what neither is to say?");
  dialogue->add_option("--a", arguments->a, "Who speaks first: local:MODEL[+ADAPTER], PROVIDER:MODEL, gateway:ROUTE")->required();
  dialogue->add_option("--b", arguments->b, "The other (default: the same)");
  dialogue->add_option("--dialogues", arguments->tasks, "JSONL of {id, goal, a, b, opening} (default: the shipped suites/agents/dialogues.jsonl)");
  dialogue->add_option("--out", arguments->out, "The folder to write to")->required();
  dialogue->add_option("--turns", arguments->turns, "After the opening")->capture_default_str()->check(CLI::Range(3, 200));
  dialogue->add_flag("--guarded", arguments->guarded, "Each behind the guard");
  dialogue->add_option("--guard", arguments->guard, "The guard that judges, and with --guarded stands between them (default: guard/ beside the policy, else the shipped one)");
  dialogue->add_option("--harm-from", arguments->harm_from, "The guard's score from which on a turn is what the policy forbids")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  dialogue->add_option("--limit", arguments->limit, "Only the first N")->check(CLI::PositiveNumber);
  dialogue->add_option("--temperature", arguments->temperature, "0 is greedy")->capture_default_str()->check(CLI::NonNegativeNumber);
  dialogue->add_option("--seed", arguments->seed, "Of the sampling")->capture_default_str();
  dialogue->add_option("--concurrency", arguments->concurrency, "Requests in flight")->capture_default_str()->check(CLI::PositiveNumber);
  dialogue->add_option("--max-tokens", arguments->max_tokens, "Of a turn")->capture_default_str()->check(CLI::PositiveNumber);
  AddGlobals(*dialogue, globals);
  dialogue->callback([arguments, &globals] {
    if (Status status = DialogueVerb(*arguments, globals); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli
