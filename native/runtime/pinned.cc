// See pinned.h.
#include "runtime/pinned.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <new>

namespace grafo {
namespace {

// Of the process; never destroyed, because buffers may outlive everything.
struct Registry {
  std::mutex mutex;
  std::map<uintptr_t, size_t> blocks;
  std::atomic<bool> any{false};
};
Registry& registry() {
  static auto* const all = new Registry();
  return *all;
}

}  // namespace

Status allocate_pinned(const DeviceCalls& calls, size_t bytes, void** memory) {
  Registry& all = registry();
  void* made = nullptr;
  TRY(calls.allocate_pinned(bytes, &made));
  try {
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.blocks.emplace(reinterpret_cast<uintptr_t>(made), bytes);
    all.any.store(true, std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {
    calls.release_pinned(made);
    return Status::error(Code::kResourceExhausted, "Out of memory for pinned memory");
  }
  *memory = made;
  return {};
}

void release_pinned(const DeviceCalls& calls, void* memory) {
  Registry& all = registry();
  {
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.blocks.erase(reinterpret_cast<uintptr_t>(memory));
    all.any.store(!all.blocks.empty(), std::memory_order_relaxed);
  }
  calls.release_pinned(memory);
}

bool is_pinned(const void* data, size_t bytes) {
  Registry& all = registry();
  if (!all.any.load(std::memory_order_relaxed)) return false;
  const auto at = reinterpret_cast<uintptr_t>(data);
  const std::lock_guard<std::mutex> lock(all.mutex);
  auto found = all.blocks.upper_bound(at);
  if (found == all.blocks.begin()) return false;
  --found;
  return at + bytes <= found->first + found->second;
}

}  // namespace grafo
