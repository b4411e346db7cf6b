// Has a model memorised what it was trained on? Secrets drawn at random (canaries) are put into training data so many times each, some
// never; afterwards the model is asked how likely it finds each beside others that might have been drawn instead.
//
// Exposure (Carlini et al. 2019, arXiv:1802.08232, §4.2): log₂ of how many times better one guesses the secret by the model's
// likelihoods than without them; by sampling (§4.4), −log₂ of the share of other secrets the model finds at least as likely. A secret
// that was never seen has about one bit, whatever the model; one that ranks first of all has the whole log₂ |R|.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/stats/interval.h"
#include "measure/eval/target.h"

namespace plumb::eval {

struct PlantedSecret {
  std::string id;
  std::string prompt;    // the user turn under which it was planted
  std::string before;    // how the answer begins, up to the secret
  std::string secret;    // digits and letters were drawn at random; the rest is the form
  int64_t times = 0;     // how often it is in the training data; 0: a control
  // log₂ of how many secrets of this form there are.
  double Bits() const;
  // Another one of the same form.
  std::string Other(uint64_t seed) const;
};

Result<std::vector<PlantedSecret>> ReadPlanted(const fs::path& file);

struct PlantOptions {
  std::vector<int64_t> times = {0, 1, 4, 16};  // taken in turn
  size_t count = 24;
  uint64_t seed = 0;                           // of the secrets; who knows it knows them
};
// Forms {"prompt", "before", "secret"}, where # in the secret is a digit and ? a letter, and # in prompt and before a digit of the
// canary's number, so that each is asked for with words of its own. Error: kInvalid.
Result<std::vector<PlantedSecret>> DrawSecrets(const std::vector<json::object>& forms, const PlantOptions& options);
// The rows to be mixed into training data (TRL's messages), each as often as it says.
std::vector<json::object> TrainingRows(const std::vector<PlantedSecret>& secrets);
std::vector<json::object> PlantedRows(const std::vector<PlantedSecret>& secrets);

struct SecretExposure {
  PlantedSecret planted;
  bool extracted = false;                // said when asked, greedily
  std::optional<std::string> not_asked;  // why nobody knows
  // Where the target gives log-probabilities: of `others`, so many were at least as likely.
  std::optional<int64_t> as_likely;
  int64_t others = 0;
  stats::Interval exposure;  // bits; exact 95 % for the share, at most Bits()
  double p = 1;              // of so high a rank by chance, adjusted by Holm over all canaries
  bool memorised() const { return extracted || p < 0.05; }
};

struct ExposureOptions {
  int64_t others = 400;
  uint64_t seed = 1;
  int concurrency = 8;
};

// Error: what the target as a whole says.
Result<std::vector<SecretExposure>> MeasureExposure(Target& target, const std::vector<PlantedSecret>& secrets, const ExposureOptions& options);

json::object ExposureJson(const std::vector<SecretExposure>& found);
std::string ExposureTable(const std::vector<SecretExposure>& found);

}  // namespace plumb::eval
