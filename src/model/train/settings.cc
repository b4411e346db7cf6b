#include "model/train/settings.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/train/settings_keys.h"

namespace plumb::train {
namespace {

constexpr std::pair<Job, const char*> kJobs[] = {
    {Job::kSft, "sft"},       {Job::kDpo, "dpo"},          {Job::kClassifier, "classifier"},
    {Job::kReward, "reward"}, {Job::kKto, "kto"},          {Job::kOrpo, "orpo"},
    {Job::kCpo, "cpo"},       {Job::kGrpo, "grpo"},        {Job::kRloo, "rloo"},
    {Job::kPpo, "ppo"},       {Job::kBestOfN, "best-of-n"}};

Status CheckLosses(Job job, const TrainSettings& s) {
  const auto only = [&](std::vector<std::string> known) -> Status {
    const std::string named = Join(s.loss_type, ", ");
    if (s.loss_type.size() == 1 && std::ranges::find(known, named) != known.end()) return {};
    return Fail(Code::kInvalid, "\"loss_type\" is {}, must be one of {}{}", named,
                Join(known, ", "), DidYouMean(named, known));
  };
  if (job == Job::kGrpo) return only({"grpo", "bnpo", "dr_grpo", "dapo", "cispo"});
  if (job == Job::kKto) return only({"kto", "apo_zero_unpaired"});
  if (job == Job::kCpo) return only({"sigmoid", "hinge", "ipo", "simpo"});
  return {};
}

// Without adapters there is nothing to scale, to go on from, and no base beside the model.
Status CheckFull(const json::object& config, const TrainSettings& s) {
  if (s.use_peft) return {};
  if (s.load_in_4bit)
    return Fail(Code::kUnsupported, "load_in_4bit keeps the base frozen; training every weight (use_peft false) needs it whole");
  for (const auto& item : config)
    if (const std::string_view key = item.key();
        key.starts_with("lora_") || key == "use_rslora" || key == "adapter_in")
      return Fail(Code::kInvalid, "\"{}\" is of adapters; with use_peft false there are none", key);
  if (!s.preserve.empty() || s.kl_weight > 0)
    return Fail(Code::kUnsupported,
                "preserve and kl_weight hold a model to its base, which training every weight "
                "(use_peft false) does not keep: train an adapter, or mix in rows to imitate");
  if (std::ranges::find(s.loss_type, "kto") != s.loss_type.end())
    return Fail(Code::kUnsupported,
                "the loss kto asks the reference anew in every step, which training every weight "
                "(use_peft false) does not keep: choose another loss_type, or train an adapter");
  return {};
}

// A generation must come out even: whole groups, whole steps.
Status CheckGenerations(Job job, const TrainSettings& s) {
  const int64_t step = s.BatchRows();
  if (s.rewards.empty())
    return Fail(Code::kInvalid, "\"rewards\" is missing: the file that declares them");
  if (!s.reward_clip_range.empty() &&
      (s.reward_clip_range.size() != 2 || s.reward_clip_range[0] >= s.reward_clip_range[1]))
    return Fail(Code::kInvalid, "\"reward_clip_range\" must be two numbers, the lower one first");
  if (job == Job::kBestOfN) return {};
  if (job == Job::kPpo) {
    if (step % s.num_mini_batches != 0)
      return Fail(Code::kInvalid,
                  "\"num_mini_batches\" is {}, must divide the {} completions a generation",
                  s.num_mini_batches, step);
    return {};
  }
  if (s.steps_per_generation % s.gradient_accumulation_steps != 0)
    return Fail(Code::kInvalid,
                "\"steps_per_generation\" is {}, must be a multiple of "
                "gradient_accumulation_steps {}",
                s.steps_per_generation, s.gradient_accumulation_steps);
  if (s.GenerationRows() % s.num_generations != 0)
    return Fail(
        Code::kInvalid,
        "the {} completions of a generation (per_device_train_batch_size × steps_per_generation) "
        "must be whole groups of num_generations {}",
        s.GenerationRows(), s.num_generations);
  return {};
}

}  // namespace

int64_t TrainSettings::GenerationRows() const {
  return steps_per_generation > 0 ? per_device_train_batch_size * steps_per_generation
                                  : BatchRows();
}

double ScheduleFactor(Schedule schedule, double progress, double warmup) {
  if (schedule == Schedule::kConstant) return 1;
  if (progress < warmup) return progress / warmup;
  if (schedule == Schedule::kConstantWithWarmup) return 1;
  const double rest = warmup < 1 ? (progress - warmup) / (1 - warmup) : 1;
  if (schedule == Schedule::kCosine)
    return std::max(0.0, 0.5 * (1 + std::cos(std::numbers::pi * rest)));
  return std::max(0.0, 1 - rest);
}

Result<Job> JobFromName(std::string_view name) {
  for (const auto& [job, known] : kJobs)
    if (name == known) return job;
  return Fail(Code::kInvalid, "no training job '{}': {}{}", name, Join(JobNames(), ", "),
              DidYouMean(name, JobNames()));
}

const char* JobName(Job job) {
  for (const auto& [known, name] : kJobs)
    if (job == known) return name;
  return "?";
}

std::vector<std::string> JobNames() {
  std::vector<std::string> names;
  for (const auto& [job, name] : kJobs) names.push_back(name);
  return names;
}

bool IsOnline(Job job) {
  return job == Job::kGrpo || job == Job::kRloo || job == Job::kPpo || job == Job::kBestOfN;
}

bool Preserves(Job job) {
  return job != Job::kClassifier && job != Job::kReward && job != Job::kBestOfN;
}

bool TrainsFully(Job job) {
  return job == Job::kSft || job == Job::kDpo || job == Job::kOrpo || job == Job::kCpo;
}

Result<TrainSettings> SettingsFromJson(Job job, const json::object& config) {
  TrainSettings settings = DefaultsOf(job);
  const SettingKeys keys = KeysOf(job);
  for (const auto& item : config) {
    const std::string key(item.key());
    auto found = keys.find(key);
    if (found == keys.end()) {
      std::vector<std::string> names;
      for (const auto& [name, known] : keys) names.push_back(name);
      return Fail(Code::kInvalid, "unknown key \"{}\"{}", key, DidYouMean(key, names));
    }
    if (item.value().is_null()) continue;
    if (Status status = found->second.read(item.value(), settings); !status)
      return Fail(Code::kInvalid, "\"{}\" {}", key, status.error().message);
  }
  if (settings.model.empty()) return Fail(Code::kInvalid, "\"model\" is missing");
  if (settings.data.empty())
    return Fail(Code::kInvalid, "\"data\" is missing: a JSONL file, or a list of them");
  if (settings.out.empty()) return Fail(Code::kInvalid, "\"out\" is missing: the folder to write");
  if (!settings.loss_weights.empty() && settings.loss_weights.size() != settings.loss_type.size())
    return Fail(Code::kInvalid, "\"loss_weights\" must have one number for each loss_type");
  PLUMB_CHECK(CheckLosses(job, settings));
  PLUMB_CHECK(CheckFull(config, settings));
  if (IsOnline(job)) PLUMB_CHECK(CheckGenerations(job, settings));
  return settings;
}

json::object SettingsThatMatter(Job job, const TrainSettings& s) {
  json::object o = {{"job", JobName(job)},
                    {"model", s.model},
                    {"learning_rate", s.learning_rate},
                    {"lr_scheduler_type", ScheduleName(s.lr_scheduler_type)},
                    {"warmup_ratio", s.warmup_ratio},
                    {"warmup_steps", s.warmup_steps},
                    {"batch_rows", s.BatchRows()},
                    {"num_train_epochs", s.num_train_epochs},
                    {"max_steps", s.max_steps},
                    {"max_grad_norm", s.max_grad_norm},
                    {"weight_decay", s.weight_decay},
                    {"seed", s.seed},
                    {"bf16", s.bf16},
                    {"shuffle", s.shuffle},
                    {"max_length", s.max_length},
                    {"micro_batch_tokens", s.micro_batch_tokens},
                    {"lora_r", s.lora.r},
                    {"lora_alpha", s.lora.alpha},
                    {"lora_dropout", s.lora.dropout},
                    {"use_rslora", s.lora.rslora},
                    {"kl_weight", s.kl_weight},
                    {"beta", s.beta},
                    {"label_smoothing", s.label_smoothing},
                    {"head_rate", s.head_rate},
                    {"rpo_alpha", s.rpo_alpha}};
  o["lora_target_modules"] = Join(s.lora.target_modules, ",");
  o["lora_layers_to_transform"] = fmt::format("{}", fmt::join(s.lora.layers_to_transform, ","));
  o["loss_type"] = Join(s.loss_type, ",");
  // Keys that came later: written where they say something, so that older checkpoints stay good.
  const TrainSettings defaults = DefaultsOf(job);
  const bool first_jobs = job == Job::kSft || job == Job::kClassifier;
  for (const auto& [name, key] : KeysOf(job)) {
    if (first_jobs && name != "packing" && name != "use_peft" && name != "load_in_4bit" && !name.starts_with("preserve"))
      continue;
    if (o.contains(name) || name == "data" || name == "out" || name == "threads" || name == "max_memory_gb" ||
        name == "max_seconds" || name == "adapter_in" || name.starts_with("save_") ||
        name == "logging_steps" || name == "resume_from_checkpoint" || name == "report_to" ||
        name == "per_device_train_batch_size" || name == "gradient_accumulation_steps" ||
        name.starts_with("adam_") || name == "precompute_ref_log_probs" || name == "reference")
      continue;
    const json::value now = key.show(s);
    if (now != key.show(defaults)) o[name] = now;
  }
  return o;
}

json::array ExplainSettings(Job job) {
  json::array out;
  const TrainSettings defaults = DefaultsOf(job);
  for (const auto& [name, key] : KeysOf(job))
    out.push_back(json::object{
        {"key", name}, {"default", key.show(defaults)}, {"about", key.about}, {"from", key.from}});
  return out;
}

}  // namespace plumb::train
