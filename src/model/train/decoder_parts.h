// What every job on a decoder stands on: tokenizer, template, model, adapters. Private to this room.
#pragma once

#include <optional>

#include "model/lm/chat_template.h"
#include "model/train/examples.h"
#include "model/train/loop.h"
#include "model/train/score_head.h"
#include "model/train/train.h"

namespace plumb::train {

// The tokenizer's side, known before the weights are read.
struct DecoderText {
  fs::path path;
  std::unique_ptr<lm::Tokenizer> tokenizer;
  std::optional<lm::ChatTemplate> chat;

  static Result<DecoderText> Load(const std::string& model);
  RowEncoder Encoder(int64_t max_length) const;
  int32_t Pad() const;  // the token that fills up: the end-of-text token; -1: none
};

struct DecoderParts {
  std::unique_ptr<lm::CausalLm> model;
  Parameters parameters;
  std::optional<ScoreHead> head;  // a score or a value, where the job has one
  std::optional<FullWeights> full;  // where every weight is trained
  std::unique_ptr<Trunk> trunk;

  // Loads, and starts the adapter from settings.adapter_in or anew; takes over the adapter's shape
  // into `settings` first. `head`: the parameter's name, empty for none.
  static Result<std::unique_ptr<DecoderParts>> Load(TrainSettings& settings,
                                                    const std::string& head = "",
                                                    bool head_bias = false);
};

// The adapter to start from: its rank and scale become the run's, so that it goes on where it
// ended.
Status TakeOverAdapter(TrainSettings& settings);
// The adapter's values; a head the file does not have keeps what it holds.
Status LoadValues(const fs::path& folder, Parameters& parameters);

// Runs the loop, saves the product and says so: OUT/adapter, or where every weight is trained
// OUT/model, which `text` names the tokenizer of.
Result<JobResult> Finish(const TrainSettings& settings, const json::object& fixed,
                         Objective& objective, Parameters& parameters, const Surroundings& world);
Result<JobResult> FinishFull(const TrainSettings& settings, const json::object& fixed,
                             Objective& objective, DecoderParts& parts, const DecoderText& text,
                             const Surroundings& world);

// Bytes that this job may take: settings.max_memory_gb, or what is free; 0: unknown.
int64_t MemoryAllowed(const TrainSettings& settings, const Surroundings& world);

// "start", with what was left out and how much memory was foreseen (0: not).
void EmitStart(Job job, const TrainSettings& settings, size_t rows, int64_t skipped,
               const std::vector<std::string>& skipped_where, const Parameters& parameters,
               int64_t foreseen, const Surroundings& world);

}  // namespace plumb::train
