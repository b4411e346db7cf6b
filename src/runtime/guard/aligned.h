// Tier 3: the model that was aligned with the policy, asked where the tiers before let a request pass with doubts: how likely
// is it to open its answer with the refusal it was taught? What it leans to and what the guard thinks err in different ways,
// so their sum tells more than either: log-odds(unsafe) + weight · ln p(opening).
//
//   PLUMB_TRY(std::unique_ptr<Classifier> aligned, OpenAligned(*record.aligned, "guard/aligned", {}));
//   Guard::Load("guard", policy, {.classifier = &encoder, .aligned = aligned.get()});
//
// A turn of the loop makes this tier (docs/align.md). Its threshold aims at the policy's false alarms and proves nothing:
// those of the tiers before carry the guarantees.
#pragma once

#include <memory>

#include "runtime/guard/encoder.h"
#include "runtime/guard/record.h"

namespace plumb::provider {
class LocalProvider;
}

namespace plumb::guard {

// A classifier of one head, "refuses": p(opening | the text as a user's only message). A text longer than 6,000 bytes is read at
// both its ends. Safe from any thread but the executor's own.
class AlignedModel final : public Classifier {
 public:
  AlignedModel(const std::string& model, std::string opening, EncoderOptions options);
  ~AlignedModel() override;
  const std::vector<std::string>& heads() const override { return heads_; }
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) override;
  provider::LmProcess& process();  // to be asked on its executor's thread

 private:
  const std::vector<std::string> heads_ = {"refuses"};
  const std::string opening_;
  std::unique_ptr<net::IoThread> own_thread_;  // outlives the provider: the child dies with the thread that started it
  std::unique_ptr<provider::LocalProvider> provider_;
};

// The adapter in `folder` on its base. The process is started on first use and ends with the object. Error: kNotFound.
Result<std::unique_ptr<AlignedModel>> OpenAligned(const AlignedIdentity& aligned, const fs::path& folder, EncoderOptions options);

// `unsafe` are log-odds, `refuses` is a logarithm (at most 0).
double JoinedLogit(double weight, double unsafe, double refuses);
bool LeansToRefuse(const AlignedIdentity& aligned, double unsafe, double refuses);

}  // namespace plumb::guard
