// Silence: a detector that must answer and does not is found out, named, and never taken for a pass.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/guard/guard.h"

namespace plumb::guard {

// How long a server waits for one asking of the encoder: longer than a busy machine takes, shorter than clients wait.
inline constexpr std::chrono::milliseconds kServingDeadline{10'000};

// The detectors a guard must hear from about every text; for outputs "refusal" is one of them.
std::vector<std::string> RequiredDetectors(const Guard::Parts& parts, bool output);

// Notes in `verdict` every required detector that did not answer, and returns whether there is one (or was before).
bool FindSilence(const Guard::Parts& parts, bool output, Verdict& verdict);

// The detectors of a verdict that gave no answer, by name.
std::vector<std::string> SilentDetectors(const Verdict& verdict);

// A classifier that answers within a deadline, or says that it did not. While a call that missed its deadline is still
// out, further calls fail at once instead of queueing up behind it.
//
// Safe to use from any thread. The inner classifier must outlive this one and return in the end: the destructor waits.
class DeadlineClassifier final : public Classifier {
 public:
  DeadlineClassifier(Classifier& inner, std::chrono::milliseconds deadline);
  ~DeadlineClassifier() override;
  const std::vector<std::string>& heads() const override { return inner_.heads(); }
  // Errors: kDeadline, kUnavailable (an earlier call hangs), and the inner classifier's.
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) override;

 private:
  struct Call;
  void Work();

  Classifier& inner_;
  const std::chrono::milliseconds deadline_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::deque<std::shared_ptr<Call>> waiting_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0, hanging_ = 0;
  bool stopping_ = false;
};

}  // namespace plumb::guard
