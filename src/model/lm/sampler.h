// Choosing the next token.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::lm {

struct Sampling {
  double temperature = 1;  // 0: always the most likely token
  int64_t top_k = 0;       // 0: no limit
  double top_p = 1;        // Holtzman et al. 2019: the smallest set of most likely tokens that holds this much
  double min_p = 0;        // Nguyen et al. 2024: at least this share of the most likely token's probability
  uint64_t seed = 0;
  int64_t max_tokens = 256;
  std::vector<std::string> stop;  // the text ends before the first of these
  int64_t logprobs = -1;          // -1: none; n: of the chosen token and of the n most likely
  bool ignore_eos = false;

  // Error: kInvalid, naming the field and its range.
  Status Check() const;
};

// The OpenAI names: temperature, top_k, top_p, min_p, seed, max_tokens (max_completion_tokens), stop, logprobs,
// top_logprobs. What is missing keeps `defaults`' value. Errors: kInvalid.
Result<Sampling> SamplingFromJson(const json::object& request, const Sampling& defaults = {});

// The token at place `step` of a completion: a function of the logits, the settings, the seed and the step only, so
// that a request's text does not depend on what is generated beside it.
int32_t Sample(const float* logits, int64_t vocab, const Sampling& sampling, uint64_t step);

struct TokenLogprob {
  int32_t id = 0;
  float logprob = 0;
};
// The `n` most likely tokens, best first, with their log-probabilities at temperature 1.
std::vector<TokenLogprob> TopLogprobs(const float* logits, int64_t vocab, int64_t n);

}  // namespace plumb::lm
