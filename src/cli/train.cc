// plumb train: a training job with TRL's argument names as flags.
#include <cstdio>

#include "cli/config.h"
#include "cli/interrupt.h"
#include "cli/train_card.h"
#include "cli/train_constitutional.h"
#include "cli/train_flags.h"
#include "cli/train_frontier.h"
#include "cli/train_trl.h"
#include "cli/verbs.h"
#include "runtime/provider/lm_job.h"

namespace plumb::cli {
namespace {

// The table of --explain: every setting, its default, whose default that is, and what it does.
void PrintExplained(const json::object& event) {
  const json::array* settings = FindArray(event, "settings");
  if (!settings) return;
  for (const auto& row : *settings) {
    const json::object& o = row.as_object();
    const json::value& value = o.at("default");
    const std::string shown = value.is_double() ? fmt::format("{:g}", value.get_double()) : ToJson(value);
    fmt::print("{:<32} {:<14} {}\n{:47} default: {}\n", GetStringOr(o, "key", "").value_or(""), shown,
               GetStringOr(o, "about", "").value_or(""), "", GetStringOr(o, "from", "").value_or(""));
  }
}

// One line for a person from a job's event; empty where there is nothing to say.
std::string Line(const json::object& event) {
  const auto name = GetStringOr(event, "event", "");
  if (!name) return {};
  const auto number = [&](const char* key) {
    const json::value* v = event.if_contains(key);
    return v && v->is_number() ? fmt::format("{:.4g}", v->to_number<double>()) : std::string("–");
  };
  if (*name == "goodhart") {
    std::string line = fmt::format("watch at {}: learned from {}, held out {}, KL {}, length {}", event.contains("n") ? "n = " + number("n") : "step " + number("step"),
                                   number("proxy"), number("gold"), number("kl"), number("length"));
    if (number("sway") != "–") line += fmt::format(", wrong opinions sway it by {} nats", number("sway"));
    if (const json::array* alarms = FindArray(event, "alarms"))
      for (const auto& alarm : *alarms) line += fmt::format("\n  ALARM: {}", GetStringOr(alarm.as_object(), "why", "").value_or(""));
    return line;
  }
  if (*name == "preserve")
    return fmt::format("preserved: KL {} nats a token [{}, {}] on {} rows that were never held", number("kl"), number("kl_low"), number("kl_high"), number("held_out"));
  if (*name == "rollouts") {
    const auto sync = GetStringOr(event, "sync", "").value_or("");
    return fmt::format("completions from {}: {}", GetStringOr(event, "url", "").value_or(""),
                       sync == "none" ? "it keeps its weights, and what it samples is weighed by how likely the trainer finds it"
                                      : fmt::format("given the adapter before every generation ({})", sync));
  }
  if (*name != "progress") return ToJson(event);
  if (event.contains("best_reward"))
    return fmt::format("prompt {}/{}  reward {:.4f}  best of n {:.4f}", GetIntOr(event, "step", 0).value_or(0), GetIntOr(event, "total", 0).value_or(0),
                       GetNumberOr(event, "reward", 0).value_or(0), GetNumberOr(event, "best_reward", 0).value_or(0));
  return fmt::format("step {}/{}  loss {:.4f}  {:.0f} tokens/s  {} left", GetIntOr(event, "step", 0).value_or(0), GetIntOr(event, "total", 0).value_or(0),
                     GetNumberOr(event, "loss", 0).value_or(0), GetNumberOr(event, "tokens_per_second", 0).value_or(0),
                     HumanDuration(GetNumberOr(event, "eta_s", -1).value_or(-1)));
}

// Takes --engine, --python and --processes out of the settings; nothing where the engine is our own.
Result<std::optional<TrlEngine>> TakeEngine(json::object& config) {
  PLUMB_TRY(const std::string name, GetStringOr(config, "engine", "plumb"));
  TrlEngine engine;
  PLUMB_TRY(engine.python, GetStringOr(config, "python", engine.python));
  PLUMB_TRY(engine.processes, GetIntOr(config, "processes", 1));
  const bool asked = config.contains("python") || config.contains("processes");
  for (const char* key : {"engine", "python", "processes"}) config.erase(key);
  if (name == "trl" && engine.processes >= 1) return engine;
  if (name == "trl") return Fail(Code::kInvalid, "--processes must be 1 or more");
  if (name != "plumb") return Fail(Code::kInvalid, "no engine '{}': plumb or trl", name);
  if (asked) return Fail(Code::kInvalid, "--python and --processes are of --engine trl");
  return std::nullopt;
}

Status Train(const std::string& job, const std::vector<std::string>& flags, Globals& globals) {
  PLUMB_TRY(const Config where, ConfigOrDefaults(globals.config));
  PLUMB_TRY(auto config, ConfigFromFlags(flags));
  const bool explain = config.contains("explain"), with_card = config.erase("card") > 0;
  if (with_card && (job == "reward" || job == "best-of-n")) return Fail(Code::kInvalid, "--card is of a model that answers; {} makes none", job);
  for (const char* needed : {"model", "data", "out"})
    if (!explain && !config.contains(needed)) return Fail(Code::kInvalid, "--{} is missing", needed);
  PLUMB_TRY(const auto trl, TakeEngine(config));
  CatchInterrupts();
  const bool as_json = globals.json;
  const provider::LmJobOptions options{.program = where.lm.program,
                                       .on_event = [as_json](const json::object& event) {
                                         if (as_json) std::puts(ToJson(event).c_str());
                                         else if (event.contains("settings")) PrintExplained(event);
                                         else if (const auto line = Line(event); !line.empty()) fmt::print(stderr, "{}\n", line);
                                         std::fflush(stdout);
                                       },
                                       .stop = Interrupted};
  const auto last = trl && !explain ? RunTrlJob(job, config, *trl, options) : provider::RunLmJob(job, config, options);
  if (!last) return std::unexpected(last.error());
  const auto* adapter = FindString(*last, "adapter");
  const auto* made = adapter ? adapter : FindString(*last, "model");  // with use_peft false a whole model
  if (made && !as_json) std::puts(made->c_str());
  if (with_card && made)
    PLUMB_CHECK(MakeTrainCard({.model = GetStringOr(config, "model", "").value_or(""),
                               .adapter = std::string(*made),
                               .baseline = GetStringOr(config, "adapter_in", "").value_or("")}, globals));
  if (GetBoolOr(*last, "failed", false).value_or(false)) globals.exit_code = 1;
  return {};
}

}  // namespace

void RegisterTrain(CLI::App& app, Globals& globals) {
  static constexpr std::pair<const char*, const char*> kJobs[] = {
      {"sft", "Supervised fine-tuning with LoRA"},
      {"dpo", "Preference optimisation: sigmoid, robust, ipo, hinge, kto, orpo, simpo and kin (--loss_type), weighted mixes (--loss_weights)"},
      {"orpo", "Odds-ratio preference optimisation, without a reference"},
      {"cpo", "Contrastive preference optimisation, SimPO with --loss_type simpo, without a reference"},
      {"kto", "From answers that are good or bad by themselves"},
      {"reward", "A reward model: an adapter and a score head"},
      {"grpo", "Group-relative policy optimisation (--rewards FILE)"},
      {"rloo", "REINFORCE with a leave-one-out baseline (--rewards FILE)"},
      {"ppo", "Proximal policy optimisation with a value head (--rewards FILE)"},
      {"best-of-n", "Best of n and rejection sampling: rows to imitate and pairs (--rewards FILE)"}};
  CLI::App* verb = app.add_subcommand("train", "Train an adapter (flags are TRL's argument names)");
  verb->require_subcommand(1);
  AddTrainCard(*verb, globals);
  AddTrainConstitutional(*verb, globals);
  AddTrainFrontier(*verb, globals);
  for (const auto& [name, about] : kJobs) {
    CLI::App* command = verb->add_subcommand(name, about);
    command->add_flag("--json", globals.json, "Print the job's events as JSON lines");
    command->allow_extras();
    command->footer("Settings: --model M --data FILE --out DIR [--learning_rate X --per_device_train_batch_size N --max_steps N\n"
                    "--num_train_epochs X --lora_r N --lora_alpha X --bf16 true|false --beta X --resume_from_checkpoint latest …]\n"
                    "--card says afterwards what the adapter changed against its base (plumb train card), and exits with its verdict.\n"
                    "--engine trl [--python P --processes N] runs the job in your own TRL (sft, dpo, orpo, cpo, kto, reward).\n"
                    "--explain lists every setting with its default. A setting that is not known is refused with the nearest name.");
    command->callback([command, job = std::string(name), &globals] {
      if (auto status = Train(job, command->remaining(), globals); !status) Report(status.error(), globals);
    });
  }
}

}  // namespace plumb::cli
