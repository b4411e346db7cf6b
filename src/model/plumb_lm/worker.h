// The one thread that computes: runs jobs in order, and between them steps the generators.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "model/plumb_lm/models.h"

namespace plumb::lm {

class Worker {
 public:
  using Job = std::function<void(Models&)>;

  explicit Worker(Models models) : models_(std::move(models)), thread_([this] { Run(); }) {}
  // Finishes the job and the step it is in; what waits is dropped.
  ~Worker();

  // May be called from any thread.
  void Post(Job job);
  // Whether anything is queued or being generated. May be called from any thread.
  bool idle() const;

 private:
  void Run();

  Models models_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false, busy_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace plumb::lm
