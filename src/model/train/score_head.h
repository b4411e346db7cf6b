// One number from a hidden state: the score of a reward model, the value of a state in PPO. A linear
// layer over the final norm, as transformers' …ForSequenceClassification has it with num_labels 1.
#pragma once

#include "model/lm/causal_lm.h"
#include "model/train/parameters.h"

namespace plumb::train {

// PEFT's name of a saved score layer.
inline constexpr char kScoreName[] = "base_model.model.score.weight";

class ScoreHead {
 public:
  // Adds the layer's matrix [1, hidden], and a bias where asked, to `parameters`: before the trunk
  // is created, which allocates them.
  static ScoreHead Add(const lm::CausalLm& model, Parameters& parameters, const std::string& name,
                       double rate, bool bias = false);
  // The weight of N(0, std²); zero leaves every score zero.
  void Initialise(Parameters& parameters, uint64_t seed, double std) const;

  // Scores at `node` of x [nodes, hidden] float32, and what Backward needs.
  struct Pass {
    std::vector<int64_t> node;
    std::vector<double> scores;
    at::Tensor rows, inv, normed;  // [n, hidden], [n], [n, hidden] float32
  };
  Pass Forward(const at::Tensor& x, std::vector<int64_t> node, const Parameters& parameters) const;
  // Adds the gradient of Σ slope · score to the parameters and to dx (like x).
  void Backward(const Pass& pass, const std::vector<double>& slopes, Parameters& parameters,
                at::Tensor& dx) const;
  size_t weight() const { return weight_; }

 private:
  ScoreHead() = default;
  at::Tensor norm_;  // [hidden] float32
  at::ScalarType type_ = at::kFloat;
  float eps_ = 0;
  size_t weight_ = 0, bias_ = 0;
  bool has_bias_ = false;
};

}  // namespace plumb::train
