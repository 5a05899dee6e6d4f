// Scratch that a step has for each of its threads.
#pragma once
#include <atomic>
#include <cstdint>

namespace grafo::cpu {

// Which of the threads' places in the scratch are free: no more threads than places come at a time.
class Places {
 public:
  static constexpr int64_t kMost = 64;
  explicit Places(int64_t count) : free_(~uint64_t{0} >> (kMost - count)) {}

  int64_t take() {
    for (uint64_t free = free_.load(std::memory_order_relaxed);;)
      if (free == 0)
        free = free_.load(std::memory_order_relaxed);
      else if (free_.compare_exchange_weak(free, free & (free - 1), std::memory_order_acquire))
        return __builtin_ctzll(free);
  }
  void give_back(int64_t place) { free_.fetch_or(uint64_t{1} << place, std::memory_order_release); }

 private:
  std::atomic<uint64_t> free_;
};

}  // namespace grafo::cpu
