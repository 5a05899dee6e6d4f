// See worker.h.
#include "addon/worker.h"

#include <signal.h>

#include <exception>
#include <new>
#include <system_error>

namespace grafo {

Status Worker::submit(std::unique_ptr<Job>& job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return Status::error(Code::kCancelled, "The session is ending");
  if (queue_.size() >= kMaxQueued) {
    return Status::error(Code::kResourceExhausted, "%zu runs are waiting in this session",
                         queue_.size());
  }
  if (!thread_.joinable()) {
    sigset_t all, before;  // the host's signal handlers belong on the host's threads
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    Status status;
    try {
      thread_ = std::thread([this] { loop(); });
    } catch (const std::system_error&) {
      status = Status::error(Code::kResourceExhausted, "No thread for the session");
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!status.ok()) return status;
  }
  queue_.push_back(std::move(job));
  pending_.fetch_add(1, std::memory_order_relaxed);
  work_.notify_one();
  return {};
}

bool Worker::idle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return queue_.empty() && !busy_;
}

void Worker::wait_idle() {
  // Jobs are submitted on the thread that asks this, so a zero cannot be outdated; it is read after what the last job wrote.
  if (pending_.load(std::memory_order_acquire) == 0) return;
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [this] { return queue_.empty() && !busy_; });
}

void Worker::cancel(const Status& status, bool running) {
  std::deque<std::unique_ptr<Job>> waiting;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting.swap(queue_);
    pending_.fetch_sub(waiting.size(), std::memory_order_release);
    if (running && busy_) target_->cancel();
    if (!busy_) idle_.notify_all();
  }
  for (auto& job : waiting) {
    job->status = status;
    completions_->finished(std::move(job));
  }
}

void Worker::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    work_.notify_one();
  }
  cancel(Status::error(Code::kCancelled, "The session is ending"), true);
  if (thread_.joinable()) thread_.join();
}

void Worker::loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    std::unique_ptr<Job> job = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    target_->arm();
    lock.unlock();
    try {
      job->status = job->execute();
    } catch (const std::bad_alloc&) {
      job->status = Status::error(Code::kResourceExhausted, "Out of memory in a run");
    } catch (const std::exception& error) {
      job->status = Status::error(Code::kInternal, "%s", error.what());
    } catch (...) {
      job->status = Status::error(Code::kInternal, "Unknown error");
    }
    completions_->finished(std::move(job));
    lock.lock();
    busy_ = false;
    pending_.fetch_sub(1, std::memory_order_release);
    if (queue_.empty()) idle_.notify_all();
  }
}

}  // namespace grafo
