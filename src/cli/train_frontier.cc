#include "cli/train_frontier.h"

#include <cstdio>

#include "cli/config.h"
#include "cli/interrupt.h"
#include "cli/loop_world.h"
#include "cli/train_card.h"
#include "loop/frontier.h"

namespace plumb::cli {
namespace {

struct FrontierArguments {
  std::string adapter, model, out;
  std::vector<double> strengths = loop::FrontierOptions().factors;
  size_t prompts = loop::FrontierOptions().prompts;
  double min_answered = -1, max_everyday = -1;  // the policy's
  bool surely = false;
  uint64_t seed = 0;
};

Status TraceTheFrontier(const FrontierArguments& arguments, Globals& globals) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_TRY(const policy::Policy policy, policy::LoadPolicy(PolicyFileOf(globals)));
  std::string model = arguments.model;
  if (model.empty()) {
    PLUMB_TRY(model, BaseOf(arguments.adapter));
  }
  const loop::FrontierOptions options{.target = "local:" + model, .adapter = arguments.adapter, .out = arguments.out,
                                      .factors = arguments.strengths, .prompts = arguments.prompts,
                                      .limits = {.least_answered = arguments.min_answered < 0 ? 1 - policy.model_targets.over_refusal : arguments.min_answered,
                                                 .most_everyday = arguments.max_everyday < 0 ? policy.false_alarm : arguments.max_everyday,
                                                 .surely = arguments.surely},
                                      .seed = arguments.seed};
  PLUMB_CHECK(MakeFolder(options.out));
  CatchInterrupts();
  loop::Progress progress(options.out / "events.jsonl", SystemClock(), stderr);
  const auto frontier = loop::TraceFrontier(policy, options, LoopWorld(config), progress);
  if (!frontier) {
    progress.End("failed", frontier.error().Text());
    return std::unexpected(frontier.error());
  }
  progress.End("done", frontier->picked ? "the policy's point is found" : loop::WhyNonePicked(*frontier, options.limits));
  json::object report = loop::ToJson(*frontier, options);
  report["policy"] = policy.hash;
  PLUMB_CHECK(WriteFileAtomic(options.out / "frontier.json", ToPrettyJson(report) + "\n"));
  PLUMB_CHECK(WriteFileAtomic(options.out / "frontier.html", loop::FrontierHtml(*frontier, options)));
  if (globals.json) std::puts(ToJson(report).c_str());
  else fmt::print("{}\n{}\n", loop::ToText(*frontier, options), (options.out / "frontier.html").string());
  globals.exit_code = frontier->picked && loop::WhyNotConfirmed(*frontier, options.limits).empty() ? 0 : 1;
  return {};
}

}  // namespace

void AddTrainFrontier(CLI::App& verb, Globals& globals) {
  auto arguments = std::make_shared<FrontierArguments>();
  CLI::App* command = verb.add_subcommand("frontier", "Harm refused against harmless answered, by the strength of an adapter; picks the policy's point");
  AddGlobals(*command, globals);
  command->add_option("--adapter", arguments->adapter, "The adapter's folder (PEFT)")->required();
  command->add_option("--out", arguments->out, "frontier.json, frontier.html and adapter/, the one at the chosen strength")->required();
  command->add_option("--model", arguments->model, "Its base (default: what the adapter says)");
  command->add_option("--strengths", arguments->strengths, "What lora_alpha is multiplied by; 0 is the base")->delimiter(',')->capture_default_str();
  command->add_option("--prompts", arguments->prompts, "Unsafe and look-alikes together; half as many everyday ones")->check(CLI::Range(20, 100000))->capture_default_str();
  command->add_option("--min-answered", arguments->min_answered, "Of look-alikes, at least (default: 1 - the policy's model.over_refusal)")->check(CLI::Range(0.0, 1.0));
  command->add_option("--max-everyday", arguments->max_everyday, "Of everyday prompts refused, at most (default: the policy's false_alarm)")->check(CLI::Range(0.0, 1.0));
  command->add_flag("--surely", arguments->surely, "By the 95 % intervals' worse ends");
  command->add_option("--seed", arguments->seed)->capture_default_str();
  command->footer("Exit code: 0 a strength is what the policy asks for, 1 none is, or the pick is not on the test split, 2 could not run.");
  command->callback([arguments, &globals] {
    if (auto status = TraceTheFrontier(*arguments, globals); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli
