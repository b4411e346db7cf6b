#include "cli/train_trl.h"

#include <algorithm>

#include "runtime/provider/lm_process.h"

namespace plumb::cli {
namespace {

constexpr char kScript[] =
#include "cli/train_trl_script.inc"
    ;

const std::vector<std::string> kJobs = {"sft", "dpo", "orpo", "cpo", "kto", "reward"};

// A word of a shell command.
std::string ShellWord(const std::string& word) {
  std::string out = "'";
  for (char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Every setting of the job: key → {default, from}, as --explain has them.
Result<json::array> Explained(const std::string& job, const fs::path& program) {
  PLUMB_TRY(const json::object told, provider::RunLmJob(job, {{"explain", true}}, {.program = program}));
  const json::array* settings = FindArray(told, "settings");
  if (!settings) return Fail(Code::kInternal, "plumb-lm explains nothing of {}", job);
  return *settings;
}

struct Settings {
  json::object trainer, lora;  // by TRL's and PEFT's names
  json::array given;           // of the trainer's: those the user asked for
};

// Settings that are TRL's or PEFT's, with our defaults where none was given, so that nothing depends on the version.
Result<Settings> Translate(const json::object& config, const json::array& explained) {
  static const std::vector<std::string> ours = {"model", "data", "out", "micro_batch_tokens", "threads", "max_memory_gb", "report_to"};
  Settings out;
  std::vector<std::string> known, foreign;
  for (const auto& row : explained) {
    const json::object& o = row.as_object();
    PLUMB_TRY(const std::string key, GetString(o, "key"));
    PLUMB_TRY(const std::string from, GetString(o, "from"));
    known.push_back(key);
    const json::value* given = config.if_contains(key);
    if (std::ranges::find(ours, key) != ours.end()) continue;
    const json::value value = given ? *given : o.at("default");
    if (key == "resume_from_checkpoint") {  // TRL's checkpoints are not ours
      if (given) foreign.push_back(key);
    } else if (from.starts_with("PEFT") || key == "lora_target_modules" || key == "use_peft") {
      out.lora[key] = value;
    } else if (from == "TRL" || from == "transformers" || key == "shuffle" || key == "save_total_limit") {
      out.trainer[key] = value;
      if (given) out.given.emplace_back(key);
    } else if (given && *given != o.at("default")) {
      foreign.push_back(key);
    }
  }
  for (const auto& item : config)
    if (const std::string key(item.key()); std::ranges::find(known, key) == known.end())
      return Fail(Code::kInvalid, "unknown key \"{}\"{}", key, DidYouMean(key, known));
  if (!foreign.empty())
    return Fail(Code::kUnsupported, "--engine trl has no {}: leave it out, or train without that engine", Join(foreign, ", "));
  return out;
}

// TRL loads Hugging Face folders; anything else is exported first.
Result<std::string> HuggingFaceFolder(const std::string& model, const fs::path& work, const fs::path& given_program) {
  std::error_code ignored;
  if (fs::exists(fs::path(model) / "config.json", ignored)) return fs::absolute(model).string();
  const fs::path folder = work / "base";
  if (fs::exists(folder / "config.json", ignored)) return folder.string();
  fs::path program = given_program;
  if (program.empty()) {
    PLUMB_TRY(program, provider::FindLm());
  }
  const std::string command = fmt::format("{} export --model {} --out {} >{} 2>&1", ShellWord(program.string()), ShellWord(model),
                                          ShellWord(folder.string()), ShellWord((work / "export.log").string()));
  if (std::system(command.c_str()) != 0)
    return Fail(Code::kUnavailable, "{} could not be exported for TRL; see {}", model, (work / "export.log").string());
  return folder.string();
}

// An executable that speaks as plumb-lm does: `… train JOB --config FILE`.
Status WriteLauncher(const fs::path& work, const TrlEngine& engine) {
  PLUMB_CHECK(WriteFileAtomic(work / "train.py", kScript));
  const std::string python = ShellWord(engine.python), script = ShellWord((work / "train.py").string());
  std::string text = "#!/bin/sh\n";
  text += fmt::format("command -v {0} >/dev/null || {{ echo \"no program {1}: name a Python with --python\" >&2; exit 3; }}\n", python, engine.python);
  text += fmt::format("{} {} --check || exit 3\n", python, script);
  text += engine.processes > 1 ? fmt::format("exec {} -m torch.distributed.run --standalone --nproc_per_node {} {} \"$@\"\n", python, engine.processes, script)
                               : fmt::format("exec {} {} \"$@\"\n", python, script);
  PLUMB_CHECK(WriteFileAtomic(work / "launch", text));
  std::error_code error;
  fs::permissions(work / "launch", fs::perms::owner_all, error);
  if (error) return FailAt((work / "launch").string(), Code::kIo, "cannot be made executable: {}", error.message());
  return {};
}

// Errors of a missing TRL, which the launcher tells by exit code 3, without the engine's own words around them.
Error Plain(const Error& error, const fs::path& log) {
  if (error.message.find("exit code 3") == std::string::npos) return error;
  auto text = ReadFile(log);
  const auto lines = text ? plumb::Split(Trim(*text), '\n') : std::vector<std::string_view>{};
  return {Code::kUnavailable, lines.empty() ? error.message : std::string(lines.back()), {}};
}

}  // namespace

Result<json::object> RunTrlJob(const std::string& job, const json::object& config, const TrlEngine& engine,
                               const provider::LmJobOptions& options) {
  if (std::ranges::find(kJobs, job) == kJobs.end())
    return Fail(Code::kUnsupported, "--engine trl runs {}; the rewards of {} are computed in this program", Join(kJobs, ", "), job);
  PLUMB_TRY(const json::array explained, Explained(job, options.program));
  PLUMB_TRY(Settings settings, Translate(config, explained));
  PLUMB_TRY(const std::string model, GetString(config, "model"));
  PLUMB_TRY(const std::string out, GetString(config, "out"));
  const fs::path work = fs::absolute(out) / "trl";
  PLUMB_CHECK(MakeFolder(work));
  PLUMB_CHECK(WriteLauncher(work, engine));
  PLUMB_TRY(const std::string folder, HuggingFaceFolder(model, work, options.program));
  json::object asked = {{"model", folder},
                        {"base_name", model},
                        {"data", config.at("data")},
                        {"out", fs::absolute(out).string()},
                        {"trainer", std::move(settings.trainer)},
                        {"given", std::move(settings.given)},
                        {"lora", std::move(settings.lora)}};
  PLUMB_CHECK(WriteFileAtomic(work / "job.json", ToPrettyJson(asked) + "\n"));
  provider::LmJobOptions launched = options;
  launched.program = work / "launch";
  launched.log = work / "log";
  std::error_code absent;
  fs::remove(launched.log, absent);
  auto done = provider::RunLmJob(job, asked, launched);
  if (!done) return std::unexpected(Plain(done.error(), launched.log));
  return done;
}

}  // namespace plumb::cli
