// The thread of a session: runs jobs in order. Made at the first job. Knows nothing of JavaScript.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "base/status.h"

namespace grafo {

class Job {
 public:
  virtual ~Job() = default;
  virtual Status execute() = 0;
  Status status;
};

// Where finished jobs go: called on the worker's thread, or on the caller's for jobs that did not run.
class Completions {
 public:
  virtual ~Completions() = default;
  virtual void finished(std::unique_ptr<Job> job) = 0;
};

class Worker {
 public:
  static constexpr size_t kMaxQueued = 65536;

  // arm and cancel are called with the queue locked, so that a cancel hits the job that it was meant for.
  class Target {
   public:
    virtual ~Target() = default;
    virtual void arm() = 0;
    virtual void cancel() = 0;
  };

  Worker(Completions* completions, Target* target) : completions_(completions), target_(target) {}
  ~Worker() { stop(); }

  // On success the job is moved from.
  Status submit(std::unique_ptr<Job>& job);
  bool idle();
  // Until every job that was submitted has run.
  void wait_idle();
  // Ends what waits with this status; the job that runs is told to stop if `running` says so.
  void cancel(const Status& status, bool running);
  // Cancels all and ends the thread: what it runs ends after its current kernel.
  void stop();

 private:
  void loop();

  Completions* completions_;
  Target* target_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable idle_;
  std::deque<std::unique_ptr<Job>> queue_;
  std::atomic<size_t> pending_{0};  // jobs in the queue, and the one that runs; changed with the queue locked
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace grafo
