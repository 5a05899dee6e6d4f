// The process's one thread pool. The caller of parallel_for always works and waits only for ranges that a worker has
// begun, so a run never depends on a thread that the machine does not schedule.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>

namespace grafo {

class ThreadPool {
 public:
  using Body = void (*)(void* arg, int64_t begin, int64_t end);

  struct Stats {
    int64_t jobs;     // calls that were offered to workers
    int64_t helped;   // (job, worker) pairs where the worker did at least one range
    int32_t workers;  // threads started, without callers
  };

  static constexpr int kMaxThreads = 64;

  // Built at first use and never destroyed: its threads may run while statics are torn down.
  static ThreadPool& get();

  // Threads a session uses unless told otherwise, the caller among them: GRAFO_THREADS, else affinity and cgroup.
  int default_threads() const { return default_threads_; }

  // body(arg, begin, end) over disjoint ranges that cover [0, n), each at least grain long but the last. At most
  // `threads` threads take part. Called inside a body, it runs inline.
  void parallel_for(int64_t n, int64_t grain, int threads, Body body, void* arg);

  Stats stats() const;

 private:
  static constexpr int kSlots = 64;  // jobs at a time; further ones run inline

  // A job in flight. A worker may look at a slot while it is refilled, so all is atomic, and what it read counts only
  // if its claim on `ticket` succeeds: the ticket's generation changes before and after each refill.
  struct alignas(64) Slot {
    std::atomic<uint64_t> ticket;  // generation (40 bits), helpers joined (8), next range (16)
    std::atomic<int32_t> done{0};
    std::atomic<int32_t> ranges{0};
    std::atomic<int32_t> helpers{0};  // how many may join
    std::atomic<int64_t> n{0};
    std::atomic<int64_t> range{0};
    std::atomic<Body> body{nullptr};
    std::atomic<void*> arg{nullptr};
  };

  ThreadPool();
  void start_workers(int count);
  void worker_loop();
  bool work_on(Slot& slot, bool joined);
  int take_slot();

  int default_threads_;
  Slot slots_[kSlots];
  std::atomic<uint64_t> free_{~uint64_t{0}};
  std::atomic<uint64_t> ready_{0};
  std::atomic<int32_t> wake_{0};
  std::atomic<int32_t> workers_{0};
  std::atomic<int64_t> jobs_{0};
  std::atomic<int64_t> helped_{0};
  std::mutex start_mutex_;
};

}  // namespace grafo
