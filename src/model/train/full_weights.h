// Fine-tuning of every weight, without adapters: the model's own tensors as parameters.
//
// They are held in float32 and trained so, whatever the compute type; in bfloat16 the products work
// on copies made after every step, and norms and biases stay float32 (torch's autocast computes the
// same way). An optimiser's state takes 16 bytes a weight, and what keeps the last good state 12.
#pragma once

#include "model/lm/causal_lm.h"
#include "model/train/parameters.h"

namespace plumb::train {

class FullWeights {
 public:
  // Adds the model's tensors under Hugging Face's names, in an order in which projections that read
  // the same input stand together; allocates them, copies the values, and puts the parameters in the
  // tensors' place. Where `type` is not float32, embedding and output are copies of that type
  // instead. The model was loaded in float32; it and `parameters` must outlive this.
  FullWeights(lm::CausalLm& model, Parameters& parameters, at::ScalarType type);

  void Refresh();  // after the parameters changed
  Parameters& parameters() const { return parameters_; }
  // The parameter of this name.
  size_t Of(const std::string& name) const { return index_.at(name); }
  size_t embedding() const { return embedding_; }
  size_t output() const { return output_; }  // the embedding's, where tied
  size_t norm() const { return norm_; }

 private:
  lm::CausalLm& model_;
  Parameters& parameters_;
  std::map<std::string, size_t> index_;
  size_t embedding_ = 0, output_ = 0, norm_ = 0;
};

}  // namespace plumb::train
