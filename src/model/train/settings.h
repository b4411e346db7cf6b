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
  LoraOptions lora;
  int64_t micro_batch_tokens =
      1024;  // tokens computed at once; changes speed and memory, not the result

  int64_t threads = 0;  // 0: torch's own choice, every core

  // SFT.
  double kl_weight = 0;  // of KL(base ‖ model) on the completion tokens of rows marked "anchor"
  // DPO.
  double beta = 0.1;
  double label_smoothing = 0;
  std::vector<std::string> loss_type = {"sigmoid"};
  std::vector<double> loss_weights;
  double rpo_alpha = 0;
  bool precompute_ref_log_probs = false;
  std::string reference = "initial";  // "initial": the adapter it starts from; "base": none
  // Classifier.
  std::map<std::string, double> pos_weight;
  double head_rate = 10;  // the heads' learning rate, in learning rates: they start from nothing
  std::vector<std::string> heads;  // empty: those of the data, sorted

  int64_t BatchRows() const { return per_device_train_batch_size * gradient_accumulation_steps; }
};

enum class Job { kSft, kDpo, kClassifier };
Result<Job> JobFromName(std::string_view name);
const char* JobName(Job job);

// Errors: kInvalid, naming the key and what would be right.
Result<TrainSettings> SettingsFromJson(Job job, const json::object& config);
// What must be equal for a checkpoint to be continued.
json::object SettingsThatMatter(Job job, const TrainSettings& settings);

}  // namespace plumb::train
