// The keys that every job has, and which job has which.
#include "model/train/settings_keys.h"

#include "model/train/settings_kinds.h"

namespace plumb::train {

namespace keys {
namespace {

Status ReadSchedule(const json::value& v, S& s) {
  const std::string name = v.is_string() ? std::string(v.get_string()) : "";
  for (Schedule schedule :
       {Schedule::kLinear, Schedule::kCosine, Schedule::kConstant, Schedule::kConstantWithWarmup})
    if (name == ScheduleName(schedule)) {
      s.lr_scheduler_type = schedule;
      return {};
    }
  return Fail(Code::kInvalid, "must be linear, cosine, constant or constant_with_warmup");
}

Status ReadTargets(const json::value& v, S& s) {
  PLUMB_CHECK(ReadTexts(v, s.lora.target_modules));
  if (s.lora.target_modules == std::vector<std::string>{"all-linear"})
    s.lora.target_modules.clear();
  else if (s.lora.target_modules.empty())
    return Fail(Code::kInvalid, "must be \"all-linear\" or a list of layers");
  return {};
}

Status ReadLayers(const json::value& v, S& s) {
  if (!v.is_array()) return Fail(Code::kInvalid, "must be a list of layer indices");
  s.lora.layers_to_transform.clear();
  for (const auto& item : v.get_array()) {
    int64_t layer = 0;
    PLUMB_CHECK(ReadWhole(item, 0, layer));
    s.lora.layers_to_transform.push_back(layer);
  }
  return {};
}

Status ReadPosWeight(const json::value& v, S& s) {
  if (!v.is_object()) return Fail(Code::kInvalid, "must be an object: head to number");
  for (const auto& item : v.get_object()) {
    if (!item.value().is_number() || item.value().to_number<double>() <= 0)
      return Fail(Code::kInvalid, "[\"{}\"] must be a number above 0",
                  std::string_view(item.key()));
    s.pos_weight[std::string(item.key())] = item.value().to_number<double>();
  }
  return {};
}

Status ReadResume(const json::value& v, S& s) {
  if (v.is_bool()) {
    s.resume_from_checkpoint = v.get_bool() ? "latest" : "";
    return {};
  }
  if (!v.is_string())
    return Fail(Code::kInvalid, "must be a folder, or true for the newest checkpoint");
  s.resume_from_checkpoint = std::string(v.get_string());
  return {};
}

SettingKey LoraAlpha() {
  return {[](const json::value& v, S& s) -> Status {
            if (!v.is_number()) return Fail(Code::kInvalid, "must be a number");
            s.lora.alpha = v.to_number<double>();
            return {};
          },
          [](const S& s) { return json::value(s.lora.alpha); },
          "the adapter is scaled by lora_alpha / lora_r", kPeft};
}
SettingKey LoraDropout() {
  return {[](const json::value& v, S& s) -> Status {
            const double p = v.is_number() ? v.to_number<double>() : -1;
            if (!(p >= 0 && p < 1))
              return Fail(Code::kInvalid, "must be a number from 0 to below 1");
            s.lora.dropout = p;
            return {};
          },
          [](const S& s) { return json::value(s.lora.dropout); },
          "of the adapter's inputs (TRL's ModelConfig has 0.05; the trainers' disable_dropout "
          "turns it off for preferences)",
          kPeft};
}
SettingKey RsLora() {
  return {[](const json::value& v, S& s) -> Status {
            if (!v.is_bool()) return Fail(Code::kInvalid, "must be true or false");
            s.lora.rslora = v.get_bool();
            return {};
          },
          [](const S& s) { return json::value(s.lora.rslora); },
          "scale by lora_alpha / √lora_r instead", kPeft};
}

void AddCommon(SettingKeys& k) {
  k["model"] = Text(&S::model, kOurs, "smollm2, minilm, a Hugging Face folder or a .gguf");
  k["data"] = Texts(&S::data, kOurs, "JSONL files in one of TRL's shapes");
  k["out"] = Text(&S::out, kOurs, "folder to write: adapter/, metrics.jsonl, checkpoint-N/");
  k["adapter_in"] = Text(&S::adapter_in, kOurs, "adapter to go on from; none: a new one");
  k["max_seconds"] = Number(&S::max_seconds, 0, kNoLimit, kOurs,
                            "wall-clock budget; the learning rate comes down in time; 0: none");
  k["learning_rate"] = Number(&S::learning_rate, 0, kNoLimit, kTrl, "AdamW's peak learning rate");
  k["lr_scheduler_type"] = {
      ReadSchedule, [](const S& s) { return json::value(ScheduleName(s.lr_scheduler_type)); },
      "linear, cosine, constant or constant_with_warmup", kHf};
  k["warmup_ratio"] = Number(&S::warmup_ratio, 0, 1, kHf, "part of the steps that warm up");
  k["warmup_steps"] =
      Number(&S::warmup_steps, 0, kNoLimit, kHf, "steps that warm up; below 1: a ratio");
  k["per_device_train_batch_size"] =
      Whole(&S::per_device_train_batch_size, 1, kHf,
            "rows a batch (completions, where the job generates; 32 for classifier)");
  k["gradient_accumulation_steps"] =
      Whole(&S::gradient_accumulation_steps, 1, kHf, "batches a step");
  k["num_train_epochs"] = Number(&S::num_train_epochs, 0, kNoLimit, kHf, "times through the rows");
  k["max_steps"] = Whole(&S::max_steps, -1, kHf, "steps in all; -1: by num_train_epochs");
  k["max_grad_norm"] =
      Number(&S::max_grad_norm, 0, kNoLimit, kHf, "gradients are clipped to this norm; 0: not");
  k["weight_decay"] = Number(&S::weight_decay, 0, kNoLimit, kHf, "AdamW's");
  k["adam_beta1"] = Number(&S::adam_beta1, 0, 1, kHf, "AdamW's");
  k["adam_beta2"] = Number(&S::adam_beta2, 0, 1, kHf, "AdamW's");
  k["adam_epsilon"] =
      Number(&S::adam_epsilon, 0, kNoLimit, kHf, "AdamW's (ppo: 1e-5, as OpenAI's)");
  k["seed"] = Whole(&S::seed, 0, kHf, "of the order of rows, the new weights and the sampling");
  k["bf16"] =
      Truth(&S::bf16, kTrl, "compute in bfloat16; sums and the residual stream stay float32");
  k["shuffle"] = Truth(&S::shuffle, kOurs,
                       "false: rows in their order (TRL: train_sampling_strategy sequential)");
  k["max_length"] =
      Whole(&S::max_length, 2, kTrl, "tokens a row; what is longer is cut off at its end");
  k["logging_steps"] = Whole(&S::logging_steps, 1, kTrl, "steps a line of metrics.jsonl");
  k["save_steps"] = Whole(&S::save_steps, 0, kHf, "steps between checkpoints; 0: none on the way");
  k["save_total_limit"] = Whole(&S::save_total_limit, 0, kOurs, "checkpoints kept; 0: all");
  k["resume_from_checkpoint"] = {
      ReadResume, [](const S& s) { return json::value(json::string(s.resume_from_checkpoint)); },
      "a checkpoint's folder, or true or \"latest\"", kHf};
  k["report_to"] = OneOf(&S::report_to, {"none", "tensorboard"}, kHf,
                         "tensorboard: event files in out/tensorboard");
  k["threads"] = Whole(&S::threads, 0, kOurs, "0: every core");
  k["max_memory_gb"] =
      Number(&S::max_memory_gb, 0, kNoLimit, kOurs,
             "GB that the job may take: one that needs more is refused before its first step; 0: "
             "what is free");
  k["micro_batch_tokens"] = Whole(&S::micro_batch_tokens, 1, kOurs,
                                  "tokens computed at once: speed and memory, not the result");
  k["lora_r"] = {[](const json::value& v, S& s) { return ReadWhole(v, 1, s.lora.r); },
                 [](const S& s) { return json::value(s.lora.r); }, "the adapter's rank", kPeft};
  k["lora_alpha"] = LoraAlpha();
  k["lora_dropout"] = LoraDropout();
  k["lora_target_modules"] = {
      ReadTargets,
      [](const S& s) {
        if (s.lora.target_modules.empty()) return json::value("all-linear");
        return json::value(json::array(s.lora.target_modules.begin(), s.lora.target_modules.end()));
      },
      "last parts of module names, or all-linear", kOurs};
  k["use_rslora"] = RsLora();
}

}  // namespace
}  // namespace keys

const char* ScheduleName(Schedule schedule) {
  switch (schedule) {
    case Schedule::kLinear:
      return "linear";
    case Schedule::kCosine:
      return "cosine";
    case Schedule::kConstant:
      return "constant";
    case Schedule::kConstantWithWarmup:
      return "constant_with_warmup";
  }
  return "?";
}

SettingKeys KeysOf(Job job) {
  using namespace keys;
  SettingKeys k;
  AddCommon(k);
  if (job != Job::kClassifier)
    k["lora_layers_to_transform"] = {
        ReadLayers,
        [](const S& s) {
          return json::value(
              json::array(s.lora.layers_to_transform.begin(), s.lora.layers_to_transform.end()));
        },
        "indices of the layers that get adapters; none: all", kPeft};
  if (job == Job::kSft)
    k["packing"] = Truth(&S::packing, kTrl,
                         "a batch's rows are blocks of up to max_length tokens, each filled with whole "
                         "rows (best fit, decreasing); a row never sees its neighbours");
  if (job == Job::kSft)
    k["kl_weight"] =
        Number(&S::kl_weight, 0, kNoLimit, kOurs, "of KL(base ‖ model) on rows marked \"anchor\"");
  if (job == Job::kDpo || job == Job::kOrpo || job == Job::kCpo) AddPreferenceKeys(k, job);
  if (job == Job::kKto) {
    k["beta"] = Number(&S::beta, 1e-9, kNoLimit, kTrl, "how strongly it is held to the reference");
    k["loss_type"] = Texts(&S::loss_type, kTrl, "kto or apo_zero_unpaired");
    k["desirable_weight"] = Number(&S::desirable_weight, 0, kNoLimit, kTrl, "of good answers");
    k["undesirable_weight"] = Number(&S::undesirable_weight, 0, kNoLimit, kTrl, "of bad answers");
    k["reference"] = OneOf(&S::reference, {"initial", "base"}, kOurs,
                           "initial: the adapter it starts from (TRL's)");
  }
  if (job == Job::kReward) {
    k["center_rewards_coefficient"] =
        Number(&S::center_rewards_coefficient, 0, kNoLimit, kTrl,
               "of (chosen + rejected)², which holds rewards around 0 (TRL recommends 0.01)");
    k["head_rate"] = Number(&S::head_rate, 0, kNoLimit, kOurs,
                            "the score head's learning rate, in learning rates");
  }
  if (job == Job::kClassifier) {
    k["label_smoothing"] = Number(&S::label_smoothing, 0, 1, kOurs, "of the labels");
    k["pos_weight"] = {ReadPosWeight, [](const S&) { return json::value(json::object()); },
                       "{head: weight of its positive rows}", kOurs};
    k["head_rate"] =
        Number(&S::head_rate, 0, kNoLimit, kOurs, "the heads' learning rate, in learning rates");
    k["heads"] = Texts(&S::heads, kOurs, "none: those of the data");
  }
  if (job != Job::kClassifier)
    k["load_in_4bit"] = Truth(&S::load_in_4bit, kTrl,
                              "the base's projections stay in blocks of about 4 bits a weight, as a GGUF stores them or as "
                              "Q4_0, and are expanded as they are used: less memory, slower");
  if (TrainsFully(job))
    k["use_peft"] = Truth(&S::use_peft, kOurs,
                          "false: train every weight, without adapters, and leave a whole model "
                          "(TRL's ModelConfig has false; 28 bytes of memory a weight)");
  if (IsOnline(job)) AddOnlineKeys(k, job);
  if (Preserves(job)) {
    k["preserve"] = Texts(&S::preserve, kOurs,
                          "rows whose behaviour must not change: KL to the model as it was is held "
                          "on them, and measured on a fifth that is left out; prompts alone are "
                          "answered by the model as it was");
    k["preserve_weight"] =
        Number(&S::preserve_weight, 0, kNoLimit, kOurs, "of that KL a token; 0: measured only");
    k["preserve_how"] =
        OneOf(&S::preserve_how, {"kl", "replay", "projection"}, kOurs,
              "kl: to the model as it was, over the whole vocabulary; replay: −log p of the rows' "
              "own words, as if they were rows to imitate; projection: what is learned neither reads "
              "nor writes the direction that tells the rows marked \"harmful\" from the others");
    k["preserve_batch_size"] =
        Whole(&S::preserve_batch_size, 1, kOurs, "rows of preserve beside every step");
  }
  return k;
}

}  // namespace plumb::train
