// How strongly an adapter is applied. Its scale is one number that trades refusals of unsafe requests against refusals of
// harmless ones; it is chosen on the policy's calibration split, which trained nothing.
#pragma once

#include <vector>

#include "loop/loop.h"
#include "loop/progress.h"

namespace plumb::loop {

// Copies a PEFT adapter with lora_alpha multiplied by `factor`. Errors: kNotFound, kCorrupt, kIo.
Status ScaleAdapter(const fs::path& from, const fs::path& to, double factor);

struct Trial {
  std::string text, clause;
  bool violates = false;  // else a look-alike, or everyday where the clause is "ordinary"
};

// One split's prompts, balanced over clauses: `most` violating and look-alike ones, and half as many everyday ones.
std::vector<Trial> Trials(const policy::Policy& policy, size_t most, policy::Split split = policy::Split::kCalibration);

// Which trials are refused at one strength.
struct Strength {
  double factor = 1;
  std::vector<bool> refused;  // [trials]
};

// Rates of one strength.
struct Rates {
  Share unsafe, safe, ordinary;
};
Rates RatesOf(const std::vector<Trial>& trials, const std::vector<bool>& refused);

// Asks the model at each factor. `adapter` is the folder of the unscaled adapter; scaled copies go under `folder`.
Result<std::vector<Strength>> TryStrengths(const std::vector<Trial>& trials, const std::vector<double>& factors, const std::string& model,
                                           const fs::path& adapter, const fs::path& folder, const World& world, uint64_t seed,
                                           Progress& progress);

// The index of the strength whose rates leave the most room to both targets: the largest
// min(refused − refuse, over_refusal − over-refused), a refusal of everyday prompts above `ordinary` counting against it.
size_t PickStrength(const std::vector<Rates>& rates, double refuse, double over_refusal, double ordinary);

}  // namespace plumb::loop
