// model/train: adapters taught. LoRA on decoders (supervised, preferences, reward models, learning
// from rewards) and on encoders (the guard's classifier); small decoders also without, every weight.
//
//   train.h       RunJob: a job from its settings to its adapter
//   settings.h    the keys of a job's configuration
//   rows.h        rows checked; examples.h rows as tokens
//   trunk.h       the decoder's forward and backward pass; encoder_trunk.h the encoder's
//   full_weights.h  a decoder's own tensors as what is trained
//   head.h        the vocabulary: losses and gradients
//   sft.h dpo.h kto.h reward.h online.h classifier_objective.h   what is learned
//   dpo_loss.h policy_loss.h advantages.h   its arithmetic, without torch
//   rollout.h     completions sampled here; rewarder.h what they are worth
//   reward_model.h  a reward model at work; best_of_n.h choosing
//   goodhart.h    over-optimisation seen as it begins; goodhart_watch.h its measurements
//   preserve.h    rows whose behaviour must not change; divergence.h how far an adapter went
//   loop.h        the optimiser's loop; checkpoint.h its state on disk
//   kernels.h     the arithmetic between matrix products
//
//   PLUMB_TRY(json::value config, ReadJson("sft.json"));     // {"model": "smollm2", "data":
//   "rows.jsonl", "out": "run"} PLUMB_TRY(train::JobResult result, train::RunJob(train::Job::kSft,
//   config.as_object(), surroundings));
//   // run/adapter/ is a PEFT folder; run/metrics.jsonl has TRL's names
//
// A job runs in one thread and uses torch's. The same settings, data, seed and number of threads
// give the same adapter to the last bit, interrupted and resumed or not (unless max_seconds shapes
// the schedule). Errors are values.
#pragma once

#include "model/train/loop.h"

namespace plumb::train {

struct JobResult {
  LoopResult loop;
  fs::path adapter;  // empty where the job was interrupted: then there is a checkpoint
  fs::path model;    // in its place where every weight was trained: a Hugging Face folder
};

// Emits "start", "progress", "checkpoint", "interrupted", "stopped" (the objective asked for it: "why")
// and "done" events; with {"explain": true} one event "explain" with every key, its default and whose
// it is, and nothing else. Errors: kInvalid, kNotFound, kCorrupt, kUnsupported, kIo.
Result<JobResult> RunJob(Job job, const json::object& config, const Surroundings& world);

// `plumb-lm train JOB --config FILE`: events as JSON lines on standard output, errors in one line
// on standard error; SIGINT and SIGTERM save a checkpoint and end with 0. Returns the exit code.
int TrainCommand(const std::string& job, const fs::path& config);

}  // namespace plumb::train
