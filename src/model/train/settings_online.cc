// The keys of jobs that generate and learn from rewards: grpo, rloo, ppo, best-of-n.
#include "model/train/settings_kinds.h"

namespace plumb::train {

void AddOnlineKeys(SettingKeys& k, Job job) {
  using namespace keys;
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
  k["vllm_server_base_url"] =
      Text(&S::vllm_server_base_url, kTrl,
           "completions come from this server (OpenAI's /v1/completions with log-probabilities; "
           "http://…, or unix:/… of plumb-lm); none: sampled here");
  k["rollout_sync"] = OneOf(
      &S::rollout_sync, {"auto", "plumb", "lora", "none"}, kOurs,
      "how that server gets what is learned: plumb: by the adapter's folder in the model's name; lora: vLLM's "
      "/v1/load_lora_adapter; none: it keeps its weights, which is corrected for; auto: plumb, where it is one");
  if (job == Job::kBestOfN) {
    k["num_generations"] = Whole(&S::num_generations, 1, kOurs, "n: completions a prompt");
    return;
  }
  k["monitor_data"] = Texts(&S::monitor_data, kOurs,
                            "held-out prompts to watch on; none: some of the job's own");
  k["monitor_prompts"] = Whole(&S::monitor_prompts, 8, kOurs, "of them, at most");
  k["monitor_every"] = Whole(&S::monitor_every, 1, kOurs, "generations from one check to the next");
  k["monitor_sycophancy"] =
      Text(&S::monitor_sycophancy, kOurs,
           "a suite of questions in a plain wording and with the asker's wrong opinion "
           "(suites/sycophancy): how far the opinion sways the answer is watched");
  k["stop_at_predicted_peak"] =
      Truth(&S::stop_at_predicted_peak, kOurs,
            "raise the alarm where the curve of Gao et al. 2023 predicts the held-out peak");
  k["mask_truncated_completions"] = Truth(&S::mask_truncated_completions, kTrl,
                                          "learn nothing from completions that did not end");
  k["reference"] = OneOf(&S::reference, {"initial", "base"}, kOurs,
                         "what KL is taken against: the adapter it starts from (TRL's), or none");
  k["importance_sampling_correction"] =
      Truth(&S::importance_sampling_correction, kTrl,
            "bf16, or a server: weigh each completion by trainer over sampler probability "
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

}  // namespace plumb::train
