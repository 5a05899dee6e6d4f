// Fetches that steps compute in the caller's memory, so that nothing is copied when the run is over.
#include "runtime/loaded_plan.h"

namespace grafo {
namespace {

// Below this a copy costs less than changing the addresses of buffers from run to run.
constexpr int64_t kDirectBytes = 1024;

bool overlap(const void* a, int64_t a_bytes, const void* b, int64_t b_bytes) {
  const auto first = reinterpret_cast<uintptr_t>(a), second = reinterpret_cast<uintptr_t>(b);
  return a != nullptr && b != nullptr && first < second + static_cast<uint64_t>(b_bytes) &&
         second < first + static_cast<uint64_t>(a_bytes);
}

size_t storage_of(const LoadedPlan& plan, size_t fetch) {
  return static_cast<size_t>(plan.fetch_storages[fetch]);
}

}  // namespace

void find_direct_fetches(LoadedPlan* plan) {
  plan->spared.resize(plan->fetches.size());
  for (size_t f = 0; f < plan->fetches.size(); ++f) {
    const PlanStorage& storage = plan->plan.storages[storage_of(*plan, f)];
    if (storage.kind == StorageKind::kFeed && !storage.strings) plan->fed_fetches.push_back(static_cast<int32_t>(f));
  }
  std::vector<int32_t> fetch_of(plan->plan.storages.size(), -1);
  for (size_t f = 0; f < plan->fetches.size(); ++f) {
    const Port& port = plan->fetches[f];
    const PlanStorage& storage = plan->plan.storages[storage_of(*plan, f)];
    // Every value over the storage must lie within the sink.
    const bool whole = storage.kind == StorageKind::kArena && storage.bytes == port.bytes;
    if (whole && !port.dynamic && port.bytes >= kDirectBytes && fetch_of[storage_of(*plan, f)] < 0) {
      fetch_of[storage_of(*plan, f)] = static_cast<int32_t>(f);
    }
  }
  for (size_t i = 0; i < plan->buffer_storages.size(); ++i) {
    const int32_t fetch = fetch_of[static_cast<size_t>(plan->buffer_storages[i])];
    if (fetch >= 0) plan->fetch_buffers[static_cast<size_t>(fetch)].push_back(static_cast<int32_t>(i));
  }
}

void choose_direct(LoadedPlan* plan, std::span<const Feed> feeds, std::span<const Sink> sinks, int64_t times) {
  for (size_t f = 0; f < plan->fetches.size(); ++f) {
    plan->in_sinks[f] = 0;
    if (sinks.empty() || sinks[f].data == nullptr || !sinks[f].direct || plan->fetch_buffers[f].empty()) continue;
    const int64_t bytes = plan->fetches[f].bytes * times;
    bool alone = true;
    for (const Feed& feed : feeds) alone &= !overlap(sinks[f].data, bytes, feed.data, feed.bytes);
    for (size_t other = 0; other < sinks.size(); ++other) {
      alone &= other == f || !overlap(sinks[f].data, bytes, sinks[other].data, plan->fetches[other].bytes * times);
    }
    plan->in_sinks[f] = alone;
  }
}

void spare_fed_fetches(LoadedPlan* plan, std::span<const Sink> sinks) {
  for (const int32_t fetch : plan->fed_fetches) {
    const auto f = static_cast<size_t>(fetch);
    std::vector<uint8_t>().swap(plan->spared[f]);
    const auto* const data = static_cast<const uint8_t*>(plan->base[storage_of(*plan, f)]);
    const int64_t bytes = plan->fetches[f].bytes;
    bool lost = false;
    for (size_t s = 0; s < sinks.size(); ++s) {
      const bool is_itself = s == f && sinks[s].data == data;
      lost |= !is_itself && bytes > 0 && overlap(data, bytes, sinks[s].data, plan->fetches[s].bytes);
    }
    if (lost) plan->spared[f].assign(data, data + bytes);
  }
}

const void* result_of(const LoadedPlan& plan, size_t fetch) {
  if (!plan.spared.empty() && !plan.spared[fetch].empty()) return plan.spared[fetch].data();
  return plan.base[storage_of(plan, fetch)];
}

void set_fetch(LoadedPlan* plan, size_t fetch, void* memory) {
  const std::vector<int32_t>& buffers = plan->fetch_buffers[fetch];
  if (buffers.empty()) return;
  const size_t s = storage_of(*plan, fetch);
  if (memory == nullptr) memory = static_cast<unsigned char*>(plan->arena) + plan->plan.storages[s].offset;
  if (plan->base[s] == memory) return;
  plan->base[s] = memory;
  for (const int32_t buffer : buffers) plan->buffers[static_cast<size_t>(buffer)] = memory;
}

}  // namespace grafo
