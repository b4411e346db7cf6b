#include "model/train/settings_keys.h"

#include <algorithm>
#include <cmath>

namespace plumb::train {
namespace {

using S = TrainSettings;

// Whose a default is.
constexpr char kTrl[] = "TRL", kHf[] = "transformers",
               kPeft[] = "PEFT (rank and alpha as TRL's ModelConfig)", kOurs[] = "Plumbline",
               kTrlPpo[] = "TRL's PPOConfig (removed from TRL in 2026)";

Status ReadWhole(const json::value& v, int64_t low, int64_t& to) {
  if (!v.is_int64() || v.get_int64() < low)
    return Fail(Code::kInvalid, "must be a whole number, {} or more", low);
  to = v.get_int64();
  return {};
}
Status ReadTexts(const json::value& v, std::vector<std::string>& to) {
  to.clear();
  if (v.is_string()) {
    to.emplace_back(v.get_string());
    return {};
  }
  if (!v.is_array()) return Fail(Code::kInvalid, "must be text or a list of texts");
  for (const auto& item : v.get_array()) {
    if (!item.is_string()) return Fail(Code::kInvalid, "must be text or a list of texts");
    to.emplace_back(item.get_string());
  }
  return {};
}

SettingKey Number(double S::* field, double low, double high, const char* from, const char* about) {
  return {[=](const json::value& v, S& s) -> Status {
            const double x = v.is_number() ? v.to_number<double>() : NAN;
            if (!(x >= low && x <= high))
              return high >= 1e18
                         ? Fail(Code::kInvalid, "must be a number, {} or more", low)
                         : Fail(Code::kInvalid, "must be a number from {} to {}", low, high);
            s.*field = x;
            return {};
          },
          [=](const S& s) { return json::value(s.*field); }, about, from};
}
constexpr double kNoLimit = 1e18;

SettingKey Whole(int64_t S::* field, int64_t low, const char* from, const char* about) {
  return {[=](const json::value& v, S& s) { return ReadWhole(v, low, s.*field); },
          [=](const S& s) { return json::value(s.*field); }, about, from};
}
SettingKey Truth(bool S::* field, const char* from, const char* about) {
  return {[=](const json::value& v, S& s) -> Status {
            if (!v.is_bool()) return Fail(Code::kInvalid, "must be true or false");
            s.*field = v.get_bool();
            return {};
          },
          [=](const S& s) { return json::value(s.*field); }, about, from};
}
SettingKey Text(std::string S::* field, const char* from, const char* about) {
  return {[=](const json::value& v, S& s) -> Status {
            if (!v.is_string()) return Fail(Code::kInvalid, "must be text");
            s.*field = std::string(v.get_string());
            return {};
          },
          [=](const S& s) { return json::value(json::string(s.*field)); }, about, from};
}
SettingKey OneOf(std::string S::* field, std::vector<std::string> choices, const char* from,
                 const char* about) {
  SettingKey key = Text(field, from, about);
  key.read = [=](const json::value& v, S& s) -> Status {
    const std::string name = v.is_string() ? std::string(v.get_string()) : "";
    if (std::ranges::find(choices, name) == choices.end())
      return Fail(Code::kInvalid, "must be {}{}", Join(choices, " or "), DidYouMean(name, choices));
    s.*field = name;
    return {};
  };
  return key;
}
SettingKey Texts(std::vector<std::string> S::* field, const char* from, const char* about) {
  return {
      [=](const json::value& v, S& s) { return ReadTexts(v, s.*field); },
      [=](const S& s) { return json::value(json::array((s.*field).begin(), (s.*field).end())); },
      about, from};
}
SettingKey Numbers(std::vector<double> S::* field, const char* from, const char* about) {
  return {
      [=](const json::value& v, S& s) -> Status {
        if (!v.is_array()) return Fail(Code::kInvalid, "must be a list of numbers");
        (s.*field).clear();
        for (const auto& item : v.get_array()) {
          if (!item.is_number()) return Fail(Code::kInvalid, "must be a list of numbers");
          (s.*field).push_back(item.to_number<double>());
        }
        return {};
      },
      [=](const S& s) { return json::value(json::array((s.*field).begin(), (s.*field).end())); },
      about, from};
}

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

void AddPairs(SettingKeys& k, Job job) {
  k["beta"] = Number(&S::beta, 1e-9, kNoLimit, kTrl, "how strongly it is held to the reference");
  k["label_smoothing"] = Number(&S::label_smoothing, 0, 0.5, kTrl,
                                "share of pairs taken to be labelled the wrong way round");
  k["loss_type"] = Texts(&S::loss_type, kTrl,
                         "one loss or several: sigmoid, robust, hinge, ipo, sigmoid_norm, "
                         "apo_zero, apo_down, exo_pair, "
                         "nca_pair, bco_pair, sppo_hard, discopop, kto, orpo, simpo, sft");
  k["loss_weights"] = Numbers(&S::loss_weights, kTrl, "a weight for each loss_type; none: 1 each");
  k["simpo_gamma"] =
      Number(&S::simpo_gamma, 0, kNoLimit, kTrl, "simpo: the margin asked for (CPOConfig)");
  if (job == Job::kOrpo || job == Job::kCpo) {
    k.erase("loss_weights");
    if (job == Job::kOrpo)
      for (const char* key : {"loss_type", "label_smoothing", "simpo_gamma"}) k.erase(key);
    else
      k["cpo_alpha"] =
          Number(&S::rpo_alpha, 0, kNoLimit, kTrl, "weight of the chosen answers' −log p");
    return;
  }
  k["rpo_alpha"] = Number(&S::rpo_alpha, 0, kNoLimit, kTrl,
                          "weight of the chosen answers' −log p (the loss \"sft\")");
  k["discopop_tau"] = Number(&S::discopop_tau, 1e-9, kNoLimit, kTrl,
                             "discopop: how sharply it turns from logistic to exponential");
  k["dpop_lambda"] = Number(
      &S::dpop_lambda, 0, kNoLimit, kOurs,
      "sigmoid: DPO-Positive (Pal et al. 2024): costs of making the chosen answer less likely");
  k["precompute_ref_log_probs"] = Truth(&S::precompute_ref_log_probs, kTrl,
                                        "compute the reference once, before the first step");
  k["reference"] =
      OneOf(&S::reference, {"initial", "base", "none"}, kOurs,
            "initial: the adapter it starts from (TRL's); base: the model without one; none");
  k["on_chosen_collapse"] = OneOf(&S::on_chosen_collapse, {"log", "stop"}, kOurs,
                                  "what happens when the chosen answers become less likely than "
                                  "chosen_collapse_threshold allows");
  k["chosen_collapse_threshold"] =
      Number(&S::chosen_collapse_threshold, 0, kNoLimit, kOurs,
             "nats a token below the reference, smoothed over ten steps");
}

void AddOnline(SettingKeys& k, Job job) {
  k["rewards"] = Text(&S::rewards, kOurs, "the file that declares the rewards and their weights");
  k["max_completion_length"] =
      Whole(&S::max_completion_length, 1, kTrl, "tokens a completion (ppo: response_length)");
  k["gold_rewards"] = Text(&S::gold_rewards, kOurs,
                           "a file of rewards that are not learned from: the held-out measure of "
                           "over-optimisation (docs/training.md)");
  k["kl_budget"] = Number(&S::kl_budget, 0, kNoLimit, kOurs,
                          "nats a completion from the reference that raise an alarm; 0: none");
  k["on_goodhart"] = OneOf(&S::on_goodhart, {"log", "stop", "fail"}, kOurs,
                           "what an alarm does: stop goes back to the adapter that was best on the "
                           "held-out measure; fail does too and exits with 1");
  k["temperature"] = Number(&S::temperature, 1e-3, 100, kTrl,
                            "of sampling; the log-probabilities are taken at it too");
  k["top_p"] = Number(&S::top_p, 1e-6, 1, kTrl, "nucleus sampling; 1: off");
  k["top_k"] = Whole(&S::top_k, 0, kTrl, "0: off");
  k["min_p"] = Number(&S::min_p, 0, 1, kTrl, "0: off");
  if (job == Job::kBestOfN) {
    k["num_generations"] = Whole(&S::num_generations, 1, kOurs, "n: completions a prompt");
    return;
  }
  k["monitor_data"] = Texts(&S::monitor_data, kOurs,
                            "held-out prompts to watch on; none: some of the job's own");
  k["monitor_prompts"] = Whole(&S::monitor_prompts, 8, kOurs, "of them, at most");
  k["monitor_every"] = Whole(&S::monitor_every, 1, kOurs, "generations from one check to the next");
  k["stop_at_predicted_peak"] =
      Truth(&S::stop_at_predicted_peak, kOurs,
            "raise the alarm where the curve of Gao et al. 2023 predicts the held-out peak");
  k["mask_truncated_completions"] = Truth(&S::mask_truncated_completions, kTrl,
                                          "learn nothing from completions that did not end");
  k["reference"] = OneOf(&S::reference, {"initial", "base"}, kOurs,
                         "what KL is taken against: the adapter it starts from (TRL's), or none");
  k["importance_sampling_correction"] =
      Truth(&S::importance_sampling_correction, kTrl,
            "bf16: weigh each completion by trainer over sampler probability "
            "(vllm_importance_sampling_correction, sequence_mask)");
  k["importance_sampling_clip_max"] = Number(&S::importance_sampling_clip_max, 1, kNoLimit, kTrl,
                                             "completions above this ratio are left out");
  if (job == Job::kPpo) {
    k["num_ppo_epochs"] = Whole(&S::num_ppo_epochs, 1, kTrlPpo, "times through one generation");
    k["num_mini_batches"] = Whole(&S::num_mini_batches, 1, kTrlPpo, "steps a time through");
    k["kl_coef"] = Number(&S::kl_coef, 0, kNoLimit, kTrlPpo, "KL a token is taken off the reward");
    k["kl_estimator"] =
        OneOf(&S::kl_estimator, {"k1", "k3"}, kTrlPpo, "of the KL a token (Schulman)");
    k["kl_target"] = Number(
        &S::kl_target, 0, kNoLimit, kOurs,
        "nats a completion that kl_coef is steered to (Ziegler et al. 2019); 0: kl_coef stays");
    k["kl_horizon"] = Whole(&S::kl_horizon, 1, kOurs, "completions over which kl_coef is steered");
    k["cliprange"] = Number(&S::cliprange, 0, kNoLimit, kTrlPpo, "of the policy's ratio");
    k["cliprange_value"] = Number(&S::cliprange_value, 0, kNoLimit, kTrlPpo, "of a value's change");
    k["vf_coef"] = Number(&S::vf_coef, 0, kNoLimit, kTrlPpo, "weight of the value loss");
    k["gamma"] = Number(&S::gamma, 0, 1, kTrlPpo, "discount");
    k["lam"] = Number(&S::lam, 0, 1, kTrlPpo, "GAE's λ");
    k["missing_eos_penalty"] =
        Number(&S::missing_eos_penalty, 0, kNoLimit, kTrlPpo,
               "taken off the score of a completion that did not end; 0: none");
    k["whiten_rewards"] = Truth(&S::whiten_rewards, kTrlPpo, "scale rewards to unit variance");
    k["whiten_advantages"] =
        Truth(&S::whiten_advantages, kTrlPpo, "advantages to mean 0, variance 1");
    k["head_rate"] = Number(&S::head_rate, 0, kNoLimit, kOurs,
                            "the value head's learning rate, in learning rates");
    return;
  }
  k["num_generations"] = Whole(&S::num_generations, 2, kTrl, "completions a prompt: the group");
  k["beta"] =
      Number(&S::beta, 0, kNoLimit, kTrl, "weight of KL(model ‖ reference); 0: no reference pass");
  k["steps_per_generation"] =
      Whole(&S::steps_per_generation, 0, kTrl,
            "batches one generation is cut into; 0: gradient_accumulation_steps");
  k["num_iterations"] = Whole(&S::num_iterations, 1, kTrl, "times through one generation (μ)");
  k["epsilon"] = Number(&S::epsilon, 0, kNoLimit, kTrl, "clip of the ratio, below (and above)");
  k["epsilon_high"] =
      Number(&S::epsilon_high, 0, kNoLimit, kTrl, "clip above; 0: epsilon (DAPO recommends 0.28)");
  if (job == Job::kRloo) {
    k["normalize_advantages"] =
        Truth(&S::normalize_advantages, kTrl, "over the batch, to mean 0 and variance 1");
    k["reward_clip_range"] = Numbers(&S::reward_clip_range, kTrl, "two numbers; none: no clip");
    return;
  }
  k["loss_type"] =
      Texts(&S::loss_type, kTrl, "grpo, bnpo, dr_grpo, dapo or cispo: how tokens are averaged");
  k["delta"] = Number(&S::delta, 0, kNoLimit, kTrl,
                      "second clip of the ratio, above (INTELLECT-2); 0: none");
  k["scale_rewards"] = OneOf(&S::scale_rewards, {"group", "batch", "none"}, kTrl,
                             "what advantages are divided by the deviation of");
  k["importance_sampling_level"] =
      OneOf(&S::importance_sampling_level, {"token", "sequence"}, kTrl, "sequence: GSPO");
  k["use_bias_correction_kl"] =
      Truth(&S::use_bias_correction_kl, kTrl, "weigh the KL by the ratio too");
}

}  // namespace

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
  if (job == Job::kDpo || job == Job::kOrpo || job == Job::kCpo) AddPairs(k, job);
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
  if (TrainsFully(job))
    k["use_peft"] = Truth(&S::use_peft, kOurs,
                          "false: train every weight, without adapters, and leave a whole model "
                          "(TRL's ModelConfig has false; 28 bytes of memory a weight)");
  if (IsOnline(job)) AddOnline(k, job);
  if (Preserves(job)) {
    k["preserve"] = Texts(&S::preserve, kOurs,
                          "rows whose behaviour must not change: KL to the model as it was is held "
                          "on them, and measured on a fifth that is left out; prompts alone are "
                          "answered by the model as it was");
    k["preserve_weight"] =
        Number(&S::preserve_weight, 0, kNoLimit, kOurs, "of that KL a token; 0: measured only");
    k["preserve_how"] =
        OneOf(&S::preserve_how, {"kl", "replay"}, kOurs,
              "kl: to the model as it was, over the whole vocabulary; replay: −log p of the rows' "
              "own words, as if they were rows to imitate");
    k["preserve_batch_size"] =
        Whole(&S::preserve_batch_size, 1, kOurs, "rows of preserve beside every step");
  }
  return k;
}

TrainSettings DefaultsOf(Job job) {
  TrainSettings s;
  switch (job) {
    case Job::kSft:
      break;
    case Job::kDpo:
      s.learning_rate = 1e-6;
      break;
    case Job::kOrpo:
      s.learning_rate = 1e-6;
      s.loss_type = {"orpo"};
      s.rpo_alpha = 1;
      s.nll_on_prompt = true;
      s.reference = "none";
      break;
    case Job::kCpo:
      s.learning_rate = 1e-6;
      s.rpo_alpha = 1;
      s.reference = "none";
      break;
    case Job::kKto:
      s.learning_rate = 1e-6;
      s.loss_type = {"kto"};
      break;
    case Job::kReward:
      s.learning_rate = 1e-4;
      s.head_rate = 1;
      break;
    case Job::kClassifier:
      s.learning_rate = 2e-4;
      s.per_device_train_batch_size = 32;
      s.max_length = 256;
      s.micro_batch_tokens = 2048;
      break;
    case Job::kGrpo:
      s.learning_rate = 1e-6;
      s.beta = 0;
      s.loss_type = {"dapo"};
      break;
    case Job::kRloo:
      s.learning_rate = 1e-6;
      s.beta = 0.05;
      s.num_generations = 2;
      break;
    case Job::kPpo:
      s.learning_rate = 3e-6;
      s.adam_epsilon = 1e-5;
      s.num_generations = 1;
      s.max_completion_length = 53;
      s.temperature = 0.7;
      s.head_rate = 10;
      break;
    case Job::kBestOfN:
      break;
  }
  return s;
}

}  // namespace plumb::train
