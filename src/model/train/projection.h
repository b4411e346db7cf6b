// The direction in which a model tells harmful prompts from harmless ones, and what keeps an adapter off it.
//
// Arditi et al. 2024: refusal is carried by one direction of the residual stream, the difference between the means of its
// activations on harmful and on harmless prompts at the prompt's last token. Here it is taken layer by layer, from the model as it
// is before the first step, where projections read (after the norm) and where they write (the stream itself). What an adapter
// learns is then projected off it: q, k, v, gate and up answer to the direction, o and down write along it, exactly as before.
//
// For y = B A x, with B₀ A₀ before the first step and d the direction: a reader keeps B A d = B₀ A₀ d by (A − A₀) d = 0 and
// (B − B₀) A₀ d = 0; a writer keeps dᵀ B A = dᵀ B₀ A₀ by dᵀ (B − B₀) = 0 and (dᵀ B₀) (A − A₀) = 0.
#pragma once

#include "model/train/examples.h"
#include "model/train/trunk.h"

namespace plumb::train {

// Unit vectors [hidden], float32; undefined in layers without adapters.
struct RefusalDirections {
  struct Layer {
    at::Tensor attention_in, attention_out, mlp_in, mlp_out;
  };
  std::vector<Layer> layers;
};

// A row's prompt is what stands before the first token to learn. `harmful` is by row; both kinds must be there. `adapters` false: of
// the base. Error: kInvalid (a kind is missing).
Result<RefusalDirections> FindRefusalDirections(Trunk& trunk, const std::vector<const TokenRow*>& rows,
                                                const std::vector<uint8_t>& harmful, bool adapters, int64_t micro_batch_tokens);

class Projection {
 public:
  // `parameters` as they are before the first step.
  Projection(const RefusalDirections& directions, const Parameters& parameters);
  // Takes out of every adapter what it learned along its direction.
  void Apply(Parameters& parameters) const;

 private:
  struct Pair {
    size_t a = 0, b = 0;
    at::Tensor direction;       // [in] of a reader, [out] of a writer
    at::Tensor through;         // A₀ d or B₀ᵀ d over its length [rank]; undefined where that is 0
    bool writes = false;
  };
  std::vector<Pair> pairs_;
  at::Tensor was_;  // every value before the first step
};

}  // namespace plumb::train
