// What a training job is told: TRL's argument names where TRL has one, in one JSON object. Unknown
// keys are errors.
#pragma once

#include <optional>

#include "model/train/trunk.h"

namespace plumb::train {

enum class Schedule { kLinear, kCosine, kConstant, kConstantWithWarmup };

// The fraction of the peak learning rate at `progress` in [0, 1] with warm-up over the first
// `warmup` of it.
double ScheduleFactor(Schedule schedule, double progress, double warmup);

struct TrainSettings {
  // Ours: files.
  std::string model;              // "smollm2", "minilm", a folder, a .gguf
  std::vector<std::string> data;  // JSONL files
  std::string out;                // folder: adapter/, metrics.jsonl, checkpoint-N/
  std::string adapter_in;         // adapter to start from; empty: a new one
  double max_seconds = 0;         // wall-clock budget for the whole job; 0: none

  // TRL's and transformers' TrainingArguments.
  double learning_rate = 2e-5;
  Schedule lr_scheduler_type = Schedule::kLinear;
  double warmup_ratio = 0;
  double warmup_steps = 0;  // below 1: a ratio
  int64_t per_device_train_batch_size = 8;
  int64_t gradient_accumulation_steps = 1;
  double num_train_epochs = 3;
  int64_t max_steps = -1;
  double max_grad_norm = 1;
  double weight_decay = 0, adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  int64_t seed = 42;
  bool bf16 = true;
  bool shuffle = true;  // false: train_sampling_strategy "sequential"
  int64_t max_length = 1024;
  int64_t logging_steps = 10;
  int64_t save_steps = 500;  // 0: no checkpoints on the way
  int64_t save_total_limit = 2;
  std::string resume_from_checkpoint;  // a folder; "latest": the newest in `out`
  bool load_in_4bit = false;  // the base's projections stay in blocks of about 4 bits a weight (adapters only)
  bool use_peft = true;  // false: every weight is trained, without adapters (sft, dpo, orpo, cpo)
  LoraOptions lora;
  int64_t micro_batch_tokens =
      1024;  // tokens computed at once; changes speed and memory, not the result

  int64_t threads = 0;  // 0: torch's own choice, every core
  double max_memory_gb = 0;  // what a job may take; 0: what is free when it begins

  std::string report_to = "none";  // "tensorboard": out/tensorboard/events.out.tfevents.*

  // Rows whose behaviour must not change (preserve.h).
  std::vector<std::string> preserve;
  double preserve_weight = 1;
  int64_t preserve_batch_size = 8;
  std::string preserve_how = "kl";  // "replay", "projection"

  // SFT.
  bool packing = false;
  double kl_weight = 0;  // of KL(base ‖ model) on the completion tokens of rows marked "anchor"
  // Preferences (dpo, orpo, cpo, kto).
  double beta = 0.1;
  double label_smoothing = 0;
  std::vector<std::string> loss_type = {"sigmoid"};
  std::vector<double> loss_weights;
  double rpo_alpha = 0;        // of the chosen answers' −log p; cpo's cpo_alpha
  bool nll_on_prompt = false;  // and of their prompts': orpo
  double simpo_gamma = 0.5, discopop_tau = 0.05, dpop_lambda = 0;
  bool precompute_ref_log_probs = false;
  std::string reference = "initial";  // the adapter it starts from; "base": no adapter; "none"
  std::string on_chosen_collapse = "log";  // or "stop"
  double chosen_collapse_threshold = 1;    // nats a token
  double desirable_weight = 1, undesirable_weight = 1;  // kto
  // Reward model.
  double center_rewards_coefficient = 0;
  // Classifier.
  std::map<std::string, double> pos_weight;
  double head_rate = 10;  // the heads' learning rate, in learning rates: they start from nothing
  std::vector<std::string> heads;  // empty: those of the data, sorted

  // Learning from rewards (grpo, rloo, ppo, best-of-n).
  std::string rewards;  // a file that declares them (reward_mix.h)
  int64_t num_generations = 8;
  int64_t max_completion_length = 512;
  int64_t steps_per_generation = 0;  // in batches of per_device_train_batch_size; 0: one step
  int64_t num_iterations = 1;
  double temperature = 1, top_p = 1, min_p = 0;
  int64_t top_k = 0;
  double epsilon = 0.2, epsilon_high = 0;  // epsilon_high 0: epsilon
  double delta = 0;                        // 0: no second clip
  std::string scale_rewards = "group";     // "batch", "none"
  std::string importance_sampling_level = "token";  // "sequence"
  bool use_bias_correction_kl = true;
  bool mask_truncated_completions = false;
  bool normalize_advantages = false;              // rloo
  std::vector<double> reward_clip_range;          // rloo: empty or two numbers
  bool importance_sampling_correction = true;     // where the sampler computes less exactly
  double importance_sampling_clip_max = 3;
  std::string vllm_server_base_url;  // completions come from there; empty: sampled here
  std::string rollout_sync = "auto";  // "plumb", "lora", "none"
  // What watches for over-optimisation (goodhart.h).
  std::string gold_rewards;               // a file of rewards that are not learned from
  std::vector<std::string> monitor_data;  // prompts; empty: some of the job's own
  int64_t monitor_prompts = 64;
  int64_t monitor_every = 10;    // generations
  std::string monitor_sycophancy;  // a suite: the same questions plain and with the asker's wrong opinion
  double kl_budget = 0;          // nats a completion; 0: none
  std::string on_goodhart = "log";  // "stop", "fail"
  bool stop_at_predicted_peak = false;
  // PPO.
  int64_t num_ppo_epochs = 4, num_mini_batches = 1;
  double kl_coef = 0.05;
  std::string kl_estimator = "k1";  // "k3"
  double kl_target = 0;             // 0: kl_coef stays
  int64_t kl_horizon = 10000;
  double cliprange = 0.2, cliprange_value = 0.2, vf_coef = 0.1, gamma = 1, lam = 0.95;
  double missing_eos_penalty = 0;
  bool whiten_rewards = false, whiten_advantages = true;

  int64_t BatchRows() const { return per_device_train_batch_size * gradient_accumulation_steps; }
  // Completions generated together.
  int64_t GenerationRows() const;
  // Something is to be watched while learning from rewards.
  bool Monitors() const {
    return !gold_rewards.empty() || !monitor_data.empty() || kl_budget > 0 || !monitor_sycophancy.empty();
  }
};

enum class Job {
  kSft,
  kDpo,
  kClassifier,
  kReward,
  kKto,
  kOrpo,
  kCpo,
  kGrpo,
  kRloo,
  kPpo,
  kBestOfN
};
Result<Job> JobFromName(std::string_view name);
const char* JobName(Job job);
std::vector<std::string> JobNames();
// It generates, and learns from rewards.
bool IsOnline(Job job);
// It teaches a decoder to speak, and can be told what must stay as it is.
bool Preserves(Job job);
// It can train every weight.
bool TrainsFully(Job job);

// Errors: kInvalid, naming the key and what would be right.
Result<TrainSettings> SettingsFromJson(Job job, const json::object& config);
// What must be equal for a checkpoint to be continued.
json::object SettingsThatMatter(Job job, const TrainSettings& settings);
// Every key of a job: [{"key", "default", "about", "from"}…], `from` saying whose default it is.
json::array ExplainSettings(Job job);

}  // namespace plumb::train
