// See memory.h.
#include "base/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/shape.h"

namespace grafo {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

std::atomic<int64_t> g_fail_nth{0};
std::atomic<bool> g_fail_forever{false};

// What an allocation really takes: rounded up, at least one line. False if that overflows.
bool padded_size(size_t bytes, size_t* padded) {
  if (bytes > static_cast<size_t>(std::numeric_limits<int64_t>::max()) - kHugePage) return false;
  *padded = (std::max<size_t>(bytes, 1) + kAlignment - 1) & ~(kAlignment - 1);
  return true;
}

int64_t read_number(const char* path) {
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return -1;
  long long value = -1;
  if (std::fscanf(file, "%lld", &value) != 1) value = -1;
  std::fclose(file);
  return value;
}

}  // namespace

bool Budget::take(int64_t bytes) {
  int64_t used = used_.load(std::memory_order_relaxed);
  int64_t next;
  do {
    if (!checked_add(used, bytes, &next) || next > limit_) return false;
  } while (!used_.compare_exchange_weak(used, next, std::memory_order_relaxed));
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < next &&
         !peak_.compare_exchange_weak(peak, next, std::memory_order_relaxed)) {
  }
  return true;
}

void fail_allocation(int64_t nth, bool forever) {
  g_fail_forever.store(forever);
  g_fail_nth.store(nth);
}

bool allocation_allowed() {
  int64_t nth = g_fail_nth.load(std::memory_order_relaxed);
  if (nth == 0) return true;
  for (;;) {
    if (nth == 0) return true;
    if (nth == 1 && g_fail_forever.load()) return false;
    if (g_fail_nth.compare_exchange_weak(nth, nth - 1)) return nth != 1;
  }
}

void* allocate(Budget& budget, size_t bytes) {
  size_t padded;
  if (!padded_size(bytes, &padded) || !allocation_allowed()) return nullptr;
  if (!budget.take(static_cast<int64_t>(padded))) return nullptr;
  void* memory = nullptr;
  const bool huge = padded >= 2 * kHugePage;
  if (posix_memalign(&memory, huge ? kHugePage : kAlignment, padded) != 0) {
    budget.give(static_cast<int64_t>(padded));
    return nullptr;
  }
  ask_huge_pages(memory, padded);
  return memory;
}

void ask_huge_pages(void* memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (begin + kHugePage - 1) & ~(kHugePage - 1), end = (begin + bytes) & ~(kHugePage - 1);
  if (first < end) (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#else
  (void)memory, (void)bytes;
#endif
}

void release(Budget& budget, void* memory, size_t bytes) {
  size_t padded;
  if (memory == nullptr || !padded_size(bytes, &padded)) return;
  std::free(memory);
  budget.give(static_cast<int64_t>(padded));
}

int64_t machine_memory() {
  int64_t limit = std::numeric_limits<int64_t>::max();
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  int64_t bytes;
  if (pages > 0 && page > 0 && checked_mul(pages, page, &bytes)) limit = bytes;
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const int64_t group = read_number(path);
    if (group > 0) limit = std::min(limit, group);
  }
  // The rest is for the host: its heap holds the feeds and the results of runs.
  return limit / 4 * 3;
}

}  // namespace grafo
