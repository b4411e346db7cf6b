#include "model/plumb_lm/worker.h"

namespace plumb::lm {

Worker::~Worker() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Worker::Post(Job job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

bool Worker::idle() const {
  std::lock_guard lock(mutex_);
  return jobs_.empty() && !busy_;
}

void Worker::Run() {
  bool generating = false;
  for (;;) {
    std::deque<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      busy_ = generating;
      wake_.wait(lock, [&] { return stopping_ || generating || !jobs_.empty(); });
      if (stopping_) return;
      jobs.swap(jobs_);
      busy_ = true;
    }
    for (Job& job : jobs) job(models_);
    generating = models_.Step();
  }
}

}  // namespace plumb::lm
