// The engine's one allocator: 64-byte aligned memory counted against a byte budget. It answers nullptr, never aborts.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace grafo {

constexpr size_t kAlignment = 64;

// A limit in bytes that several threads draw from.
class Budget {
 public:
  explicit Budget(int64_t limit) : limit_(limit) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  bool take(int64_t bytes);
  void give(int64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  int64_t limit() const { return limit_; }
  int64_t used() const { return used_.load(std::memory_order_relaxed); }
  int64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  const int64_t limit_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> peak_{0};
};

// Never null for 0 bytes. release takes the same number of bytes.
void* allocate(Budget& budget, size_t bytes);
void release(Budget& budget, void* memory, size_t bytes);

// Page faults are what makes fresh memory slow; 2 MiB pages take 1/512 of them. For memory that is not yet touched.
void ask_huge_pages(void* memory, size_t bytes);

// Bytes a session may use where it is told none: three quarters of the smaller of the machine's memory and its cgroup's limit.
int64_t machine_memory();

// For tests: the nth allocation from now on fails (1 = the next), and all later ones if `forever`. 0 switches it off.
void fail_allocation(int64_t nth, bool forever);
// Whether an allocation may go ahead; counts it. Memory that does not come from allocate() asks this as well.
bool allocation_allowed();

}  // namespace grafo
