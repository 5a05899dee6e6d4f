// See thread_pool.h.
#include "base/thread_pool.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace grafo {
namespace {

constexpr uint64_t kRangeMask = 0xffff;  // as "next range": closed, nothing to claim
constexpr uint64_t kOneHelper = uint64_t{1} << 16;
constexpr int kGenerationShift = 24;
constexpr int kRangesPerThread = 4;  // slack for threads that run at different speed
constexpr int kSpins = 2000;         // ~20-50 us: longer than the gap between two steps of a plan

thread_local bool t_inside_body = false;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// ceil(quota / period) of a cgroup, 0 if there is no limit.
int cgroup_cpus() {
  long long quota = -1, period = 0;
  char text[32];
  if (std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "re")) {
    if (std::fscanf(file, "%31s %lld", text, &period) == 2) quota = std::atoll(text);
    std::fclose(file);
  } else if (std::FILE* v1 = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re")) {
    if (std::fscanf(v1, "%lld", &quota) != 1) quota = -1;
    std::fclose(v1);
    if (std::FILE* p = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re")) {
      if (std::fscanf(p, "%lld", &period) != 1) period = 0;
      std::fclose(p);
    }
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::min<long long>((quota + period - 1) / period, 1 << 20));
}

int machine_threads() {
  if (const char* text = std::getenv("GRAFO_THREADS")) {
    char* end = nullptr;
    const long asked = std::strtol(text, &end, 10);
    if (end != text && *end == '\0' && asked >= 1) {
      return static_cast<int>(std::min<long>(asked, ThreadPool::kMaxThreads));
    }
  }
  int count = static_cast<int>(std::max<long>(sysconf(_SC_NPROCESSORS_ONLN), 1));
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = std::max(CPU_COUNT(&set), 1);
#endif
  if (const int group = cgroup_cpus(); group > 0) count = std::min(count, group);
  return std::min(count, ThreadPool::kMaxThreads);
}

}  // namespace

ThreadPool& ThreadPool::get() {
  static ThreadPool* pool = new ThreadPool();
  return *pool;
}

ThreadPool::ThreadPool() : default_threads_(machine_threads()) {
  for (Slot& slot : slots_) slot.ticket.store(kRangeMask);
}

ThreadPool::Stats ThreadPool::stats() const {
  return {jobs_.load(std::memory_order_relaxed), helped_.load(std::memory_order_relaxed),
          workers_.load(std::memory_order_relaxed)};
}

void ThreadPool::start_workers(int count) {
  const std::lock_guard<std::mutex> lock(start_mutex_);
  // The host's signal handlers belong on the host's threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (workers_.load(std::memory_order_relaxed) < count) {
    try {
      std::thread([this] { worker_loop(); }).detach();
    } catch (const std::system_error&) {
      break;  // the caller does the work alone
    }
    workers_.fetch_add(1, std::memory_order_relaxed);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

int ThreadPool::take_slot() {
  uint64_t free = free_.load(std::memory_order_relaxed);
  while (free != 0) {
    const uint64_t bit = free & (~free + 1);
    if (free_.compare_exchange_weak(free, free & ~bit, std::memory_order_acquire)) {
      return std::countr_zero(bit);
    }
  }
  return -1;
}

void ThreadPool::parallel_for(int64_t n, int64_t grain, int threads, Body body, void* arg) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  threads = std::min(threads, kMaxThreads);
  int slot_index = -1;
  if (n > grain && threads > 1 && !t_inside_body) slot_index = take_slot();
  if (slot_index < 0) {
    body(arg, 0, n);
    return;
  }
  if (workers_.load(std::memory_order_relaxed) < threads - 1) start_workers(threads - 1);

  const int64_t pieces = int64_t{threads} * kRangesPerThread;
  const int64_t range = std::max(grain, n / pieces + (n % pieces != 0));
  const int64_t ranges = n / range + (n % range != 0);
  const int helpers = static_cast<int>(std::min<int64_t>(threads, ranges)) - 1;

  Slot& slot = slots_[slot_index];
  slot.done.store(0, std::memory_order_release);
  slot.ranges.store(static_cast<int32_t>(ranges), std::memory_order_release);
  slot.helpers.store(helpers, std::memory_order_release);
  slot.n.store(n, std::memory_order_release);
  slot.range.store(range, std::memory_order_release);
  slot.body.store(body, std::memory_order_release);
  slot.arg.store(arg, std::memory_order_release);
  const uint64_t generation = (slot.ticket.load(std::memory_order_relaxed) >> kGenerationShift) + 1;
  slot.ticket.store(generation << kGenerationShift, std::memory_order_release);

  jobs_.fetch_add(1, std::memory_order_relaxed);
  const uint64_t bit = uint64_t{1} << slot_index;
  ready_.fetch_or(bit);
  wake_.fetch_add(1);
  for (int i = 0; i < helpers; ++i) wake_.notify_one();  // no system call where nobody is parked

  work_on(slot, true);
  ready_.fetch_and(~bit);
  for (int spin = 0; slot.done.load(std::memory_order_acquire) != ranges; ++spin) {
    if (spin < kSpins) {
      relax();
    } else {
      sched_yield();
    }
  }
  slot.ticket.store(((generation + 1) << kGenerationShift) | kRangeMask, std::memory_order_release);
  free_.fetch_or(bit, std::memory_order_release);
}

// Does ranges of the slot's job until none is left; true if it did one. `joined`: the caller's own job, or already
// counted among the helpers.
bool ThreadPool::work_on(Slot& slot, bool joined) {
  const bool helper = !joined;
  bool worked = false;
  uint64_t ticket = slot.ticket.load(std::memory_order_acquire);
  const uint64_t generation = ticket >> kGenerationShift;
  while (ticket >> kGenerationShift == generation) {
    const int64_t next = static_cast<int64_t>(ticket & kRangeMask);
    const int in = static_cast<int>((ticket >> 16) & 0xff);
    if (next >= slot.ranges.load(std::memory_order_acquire)) break;
    if (!joined && in >= slot.helpers.load(std::memory_order_acquire)) break;
    const int64_t n = slot.n.load(std::memory_order_acquire);
    const int64_t range = slot.range.load(std::memory_order_acquire);
    const Body body = slot.body.load(std::memory_order_acquire);
    void* arg = slot.arg.load(std::memory_order_acquire);
    const uint64_t claimed = ticket + 1 + (joined ? 0 : kOneHelper);
    if (!slot.ticket.compare_exchange_weak(ticket, claimed, std::memory_order_acq_rel,
                                           std::memory_order_acquire)) {
      continue;
    }
    joined = true;
    if (!worked && helper) helped_.fetch_add(1, std::memory_order_relaxed);
    worked = true;
    t_inside_body = true;
    body(arg, next * range, std::min(n, (next + 1) * range));
    t_inside_body = false;
    slot.done.fetch_add(1, std::memory_order_release);
    ticket = slot.ticket.load(std::memory_order_acquire);
  }
  return worked;
}

void ThreadPool::worker_loop() {
  for (;;) {
    const int32_t seen = wake_.load(std::memory_order_acquire);
    bool worked = false;
    for (int spin = 0; spin < kSpins && !worked; ++spin) {
      uint64_t ready = ready_.load(std::memory_order_acquire);
      for (; ready != 0; ready &= ready - 1) {
        worked |= work_on(slots_[std::countr_zero(ready)], false);
      }
      relax();
    }
    // Whatever was offered after `seen` was read has changed wake_, so no job is slept through.
    if (!worked) wake_.wait(seen);
  }
}

}  // namespace grafo
