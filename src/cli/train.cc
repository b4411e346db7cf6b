// plumb train: a training job with TRL's argument names as flags.
#include <cstdio>

#include "cli/config.h"
#include "cli/interrupt.h"
#include "cli/verbs.h"
#include "runtime/provider/lm_job.h"

namespace plumb::cli {
namespace {

// "--learning_rate 1e-4 --bf16 --data a.jsonl --data b.jsonl" → {"learning_rate": 1e-4, "bf16": true, "data": ["a.jsonl", "b.jsonl"]}.
// A value that reads as JSON is that value; anything else is text. Error: kInvalid.
Result<json::object> ConfigFromFlags(const std::vector<std::string>& flags) {
  json::object config;
  json::array data;
  for (size_t i = 0; i < flags.size(); ++i) {
    if (!flags[i].starts_with("--")) return Fail(Code::kInvalid, "'{}' is no flag: settings are given as --name value", flags[i]);
    std::string name = flags[i].substr(2), text;
    if (const size_t equals = name.find('='); equals != std::string::npos) {
      text = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < flags.size() && !flags[i + 1].starts_with("--")) {
      text = flags[++i];
    } else {
      text = "true";
    }
    if (name == "data") {
      data.emplace_back(text);
      continue;
    }
    auto value = ParseJson(text);
    config[name] = value ? std::move(*value) : json::value(text);
  }
  if (!data.empty()) config["data"] = std::move(data);
  return config;
}

// One line for a person from a job's event; empty where there is nothing to say.
std::string Line(const json::object& event) {
  const auto name = GetStringOr(event, "event", "");
  if (!name) return {};
  if (*name != "progress") return ToJson(event);
  return fmt::format("step {}/{}  loss {:.4f}  {:.0f} tokens/s  {} left", GetIntOr(event, "step", 0).value_or(0), GetIntOr(event, "total", 0).value_or(0),
                     GetNumberOr(event, "loss", 0).value_or(0), GetNumberOr(event, "tokens_per_second", 0).value_or(0),
                     HumanDuration(GetNumberOr(event, "eta_s", -1).value_or(-1)));
}

Status Train(const std::string& job, const std::vector<std::string>& flags, Globals& globals) {
  PLUMB_TRY(const Config where, ConfigOrDefaults(globals.config));
  PLUMB_TRY(const auto config, ConfigFromFlags(flags));
  for (const char* needed : {"model", "data", "out"})
    if (!config.contains(needed)) return Fail(Code::kInvalid, "--{} is missing", needed);
  CatchInterrupts();
  const bool as_json = globals.json;
  const auto last = provider::RunLmJob(job, config, {.program = where.lm.program,
                                                     .on_event = [as_json](const json::object& event) {
                                                       if (as_json) std::puts(ToJson(event).c_str());
                                                       else if (const auto line = Line(event); !line.empty()) fmt::print(stderr, "{}\n", line);
                                                       std::fflush(stdout);
                                                     },
                                                     .stop = Interrupted});
  if (!last) return std::unexpected(last.error());
  if (const auto* adapter = FindString(*last, "adapter"); adapter && !as_json) std::puts(adapter->c_str());
  return {};
}

}  // namespace

void RegisterTrain(CLI::App& app, Globals& globals) {
  CLI::App* verb = app.add_subcommand("train", "Train an adapter: sft, dpo (flags are TRL's argument names)");
  verb->require_subcommand(1);
  for (const char* job : {"sft", "dpo"}) {
    CLI::App* command = verb->add_subcommand(job, std::string(job) == "sft" ? "Supervised fine-tuning with LoRA" : "Direct preference optimisation with LoRA");
    command->add_flag("--json", globals.json, "Print the job's events as JSON lines");
    command->allow_extras();
    command->footer("Settings: --model M --data FILE --out DIR [--learning_rate X --per_device_train_batch_size N --max_steps N\n"
                    "--num_train_epochs X --lora_r N --lora_alpha X --bf16 true|false --beta X --resume_from_checkpoint latest …]\n"
                    "A setting that is not known is refused with the nearest name.");
    command->callback([command, job, &globals] {
      if (auto status = Train(job, command->remaining(), globals); !status) Report(status.error(), globals);
    });
  }
}

}  // namespace plumb::cli
