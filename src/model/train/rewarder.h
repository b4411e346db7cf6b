// What a completion is worth: a mix of terms declared in one file.
//
//   {"rewards": [
//     {"name": "helpful", "type": "reward_model", "model": "smollm2+runs/rm/adapter", "weight": 1},
//     {"name": "careful", "type": "ensemble", "models": ["…", "…"], "combine": "pessimistic"},
//     {"name": "right",   "type": "answer", "key": "answer", "match": "number"},
//     {"name": "safe",    "type": "guard", "model": "bge-small+policies/guard/encoder", "heads": ["fraud"]},
//     {"name": "brief",   "type": "length", "max": 60, "scale": 60, "weight": 0.2},
//     {"name": "form",    "type": "format", "starts_with": "Answer:", "json": true},
//     {"name": "fresh",   "type": "repetition", "weight": 0.5},
//     {"name": "ends",    "type": "ended"}]}
//
// A term gives each completion a number, or NaN where it has nothing to say (a row without the key);
// the reward is Σ weight · term over those that spoke.
#pragma once

#include <memory>

#include "intent/data/trl.h"

namespace plumb::train {

struct Sampled {
  const data::TrlRow* row = nullptr;
  std::string text;  // the completion, without control tokens
  std::vector<int32_t> ids;
  bool ended = false;
};

class RewardTerm {
 public:
  virtual ~RewardTerm() = default;
  virtual Result<std::vector<double>> Score(const std::vector<Sampled>& sampled) = 0;
};

struct NamedTerm {
  std::string name;
  double weight = 1;
  std::unique_ptr<RewardTerm> term;
};

// Terms that need no model: answer, length, format, repetition, ended. Error: kInvalid; a type that
// is none of these is kNotFound.
Result<std::unique_ptr<RewardTerm>> TextTerm(const json::object& declared);

class Rewarder {
 public:
  explicit Rewarder(std::vector<NamedTerm> terms) : terms_(std::move(terms)) {}
  // Reads the file; models are loaded by `model_term`, which is asked for every type that is no text
  // term. Errors name the term.
  static Result<std::unique_ptr<Rewarder>> Load(
      const fs::path& file,
      const std::function<Result<std::unique_ptr<RewardTerm>>(const json::object&)>& model_term);

  size_t terms() const { return terms_.size(); }
  const std::string& name(size_t term) const { return terms_[term].name; }
  // By term, then by completion.
  Result<std::vector<std::vector<double>>> Score(const std::vector<Sampled>& sampled) const;
  // Σ weight · term of one completion; NaN where no term spoke.
  double Total(const std::vector<std::vector<double>>& scores, size_t completion) const;

 private:
  std::vector<NamedTerm> terms_;
};

}  // namespace plumb::train
