#include "runtime/guard/silence.h"

#include <algorithm>
#include <optional>

#include "runtime/guard/cascade.h"

namespace plumb::guard {
namespace {

// Calls under way at a time; more wait, and their deadline runs.
constexpr size_t kMostThreads = 32;

}  // namespace

std::vector<std::string> RequiredDetectors(const Guard::Parts& parts, bool output) {
  std::vector<std::string> required;
  if (parts.patterns) required.emplace_back("patterns");
  if (!parts.record.linear_sha256.empty()) required.emplace_back("linear");
  if (parts.record.encoder && parts.options.require_encoder) required.emplace_back("encoder");
  if (output) required.emplace_back("refusal");
  return required;
}

bool FindSilence(const Guard::Parts& parts, bool output, Verdict& verdict) {
  for (const std::string& name : RequiredDetectors(parts, output)) {
    DetectorReport& report = verdict.detectors[name];  // not_run where nothing was recorded
    if (report.status == DetectorStatus::kOk) continue;
    if (report.note.empty()) report.note = "gave no answer";
    verdict.failed = true;
  }
  return verdict.failed;
}

std::vector<std::string> SilentDetectors(const Verdict& verdict) {
  std::vector<std::string> out;
  for (const auto& [name, report] : verdict.detectors)
    if (report.status != DetectorStatus::kOk) out.push_back(name);
  return out;
}

struct DeadlineClassifier::Call {
  std::vector<std::string> texts;
  std::optional<Result<std::vector<std::vector<float>>>> answer;
  bool begun = false, given_up = false;
};

DeadlineClassifier::DeadlineClassifier(Classifier& inner, std::chrono::milliseconds deadline) : inner_(inner), deadline_(deadline) {}

DeadlineClassifier::~DeadlineClassifier() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<std::vector<std::vector<float>>> DeadlineClassifier::Classify(const std::vector<std::string>& texts) {
  std::unique_lock lock(mutex_);
  if (hanging_ > 0) return Fail(Code::kUnavailable, "the model has not answered an earlier check for more than {} ms", deadline_.count());
  const auto call = std::make_shared<Call>();
  call->texts = texts;
  waiting_.push_back(call);
  if (idle_ < waiting_.size() && threads_.size() < kMostThreads) threads_.emplace_back([this] { Work(); });
  wake_.notify_one();
  if (done_.wait_for(lock, deadline_, [&] { return call->answer.has_value(); })) return std::move(*call->answer);
  call->given_up = true;
  if (call->begun) {
    ++hanging_;
  } else {
    std::erase(waiting_, call);
  }
  return Fail(Code::kDeadline, "the model gave no answer within {} ms", deadline_.count());
}

void DeadlineClassifier::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) return;
    const std::shared_ptr<Call> call = std::move(waiting_.front());
    waiting_.pop_front();
    call->begun = true;
    lock.unlock();
    auto answer = inner_.Classify(call->texts);
    lock.lock();
    if (call->given_up) --hanging_;
    call->answer = std::move(answer);
    done_.notify_all();
  }
}

}  // namespace plumb::guard
