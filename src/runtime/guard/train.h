// Making a guard folder from a policy: rows from its examples, the linear tier, and the weights that join the tiers.
//
//   TrainingSet set = BuildTrainingSet(policy, extra)        which text teaches which head what
//   WriteEncoderRows(set, "rows.jsonl")                      → `plumb-lm train classifier`, which writes encoder/
//   GuardRecord r = TrainGuard(policy, set, folder, …)       linear.bin, guard.json, card.md
//
// Only the policy's training split is read here. An eighth of its groups teaches no detector but the joining weights.
// The policy's answers teach "unsafe@output", read with what they answer (reading.h); where they are too few for a head,
// the plain heads, at half weight.
// Everything is a function of its arguments (and the folder it writes); single-threaded and seeded.
#pragma once

#include "runtime/guard/linear_train.h"
#include "runtime/guard/record.h"

namespace plumb::guard {

struct TrainingRow {
  std::string text;
  std::map<std::string, int8_t> labels;  // head → 0 or 1; a head that is not there is not taught
  double weight = 1;
  bool joining = false;  // kept from the detectors, for the joining weights
};

struct TrainingSet {
  // "unsafe", the categories with enough examples, those of answers and documents ("unsafe@output"), and last what the
  // extra rows name beside them ("toxic"): such heads teach the encoder what texts are alike, and nothing asks them.
  std::vector<std::string> heads;
  std::vector<TrainingRow> rows;
};

// The heads that somebody asks.
std::vector<std::string> AskedHeads(const policy::Policy& policy, const TrainingSet& set);

// Fewer violating texts than this in the training split, and a category gets no head.
inline constexpr size_t kFewestPositives = 12;

// `extra` rows: {"text","labels":{HEAD: 0|1},"weight"}, or as in a policy's example files {"clause","violates"|"allows",
// "group"} (rows of their own calibration or test split are left out). Error: kInvalid, naming the row.
Result<TrainingSet> BuildTrainingSet(const policy::Policy& policy, const std::vector<json::object>& extra);

// Rows for the encoder's job: {"text","labels":{…},"weight"}.
Status WriteEncoderRows(const TrainingSet& set, const fs::path& path);

struct TrainOptions {
  LinearSettings linear;
  Classifier* encoder = nullptr;  // the trained encoder of folder/encoder, where there is one
  std::string encoder_base;       // its base model's name
  std::string created;            // RFC 3339
};
// Writes linear.bin, guard.json and card.md into `folder` (encoder/ is there already, or not). No thresholds yet.
Result<GuardRecord> TrainGuard(const policy::Policy& policy, const TrainingSet& set, const fs::path& folder,
                               const TrainOptions& options);

// card.md: what the folder is, what it was made from, what it is worth and what it is not.
std::string RenderCard(const policy::Policy& policy, const GuardRecord& record);

}  // namespace plumb::guard
