// See staging.h: memory, and how one run's feeds and fetches cross.
#include "runtime/staging.h"

#include <algorithm>
#include <cstring>

#include "runtime/loaded_plan.h"
#include "runtime/pinned.h"

namespace grafo {

Status DeviceMemory::allocate(const DeviceLink& link, size_t bytes) {
  clear();
  if (bytes == 0) return {};
  link_ = link;
  TRY(link.backend->allocate(link.instance, bytes, &memory_));
  bytes_ = bytes;
  return {};
}

void DeviceMemory::clear() {
  if (memory_ != nullptr) link_.backend->release(link_.instance, memory_, bytes_);
  memory_ = nullptr;
  bytes_ = 0;
}

Status PinnedMemory::allocate(const DeviceLink& link, size_t bytes) {
  clear();
  if (bytes == 0) return {};
  calls_ = link.calls;
  TRY(allocate_pinned(*calls_, bytes, &memory_));
  bytes_ = bytes;
  return {};
}

void PinnedMemory::clear() {
  if (memory_ != nullptr) release_pinned(*calls_, memory_);
  memory_ = nullptr;
  bytes_ = 0;
}

Status Ring::make(const DeviceLink& link, size_t bytes) {
  constexpr size_t kHalfBytes = size_t{1} << 20;
  constexpr size_t kMostSteps = 64;
  step_bytes = bytes;
  steps = static_cast<int64_t>(bytes == 0 ? 1 : std::clamp<size_t>(kHalfBytes / bytes, 1, kMostSteps));
  const size_t all = 2 * static_cast<size_t>(steps) * bytes;
  if (device.bytes() < all) TRY(device.allocate(link, all));
  if (pinned.bytes() < all) TRY(pinned.allocate(link, all));
  for (int half = 0; half < 2 && bytes > 0; ++half) {
    TRY(moved[half].make(link));
    TRY(used[half].make(link));
  }
  return {};
}

// Places for all feeds and fetches, once and for all.
Status Session::make_staging(LoadedPlan* plan) {
  plan->staging = std::make_unique<Staging>();
  Staging& staging = *plan->staging;
  staging.link = device_;
  staging.feed_at.assign(plan->feeds.size(), 0);
  size_t at = 0, staged = 0;
  for (const bool large : {false, true}) {
    for (size_t i = 0; i < plan->feeds.size(); ++i) {
      const Port& feed = plan->feeds[i];
      if (feed.dtype == DType::kString || (feed.bytes > kStagedBytes) != large) continue;
      staging.feed_at[i] = at;
      at += aligned_up(feed.bytes);
    }
    if (!large) staged = at;
  }
  TRY(staging.feeds.allocate(device_, at));
  TRY(staging.staged_feeds.allocate(device_, staged));
  staging.result_at.assign(plan->fetches.size(), 0);
  staging.unstaged.resize(plan->fetches.size());
  size_t results = 0;
  for (size_t f = 0; f < plan->fetches.size(); ++f) {
    if (plan->fetches[f].dtype == DType::kString || plan->fetches[f].bytes > kStagedBytes) continue;
    staging.result_at[f] = results;
    results += aligned_up(plan->fetches[f].bytes);
  }
  TRY(staging.results.allocate(device_, results));
  plan->can_capture = backend_.begin_capture != nullptr && plan->blocks.size() == 1;
  for (const ExecStep& step : plan->blocks[0].steps) {
    plan->can_capture = plan->can_capture && step.kind == StepKind::kKernel && step.strings == nullptr &&
                        backend_.can_capture(step.prepared) != 0;
  }
  return {};
}

// Feeds that lie side by side in pinned memory cross together.
Status Session::upload_feeds(LoadedPlan* plan, std::span<const Feed> feeds, std::span<const uint8_t> which) {
  Staging& staging = *plan->staging;
  size_t begin = 0, end = 0;  // what is staged and not yet queued
  const auto queue = [&]() -> Status {
    const size_t from = std::exchange(begin, end);
    if (from == end) return {};
    return device_.calls->copy(instance_, Queue::kCompute, Way::kToDevice, staging.feeds.at(from),
                               staging.staged_feeds.at(from), end - from);
  };
  for (size_t i = 0; i < feeds.size(); ++i) {
    const Port& port = plan->feeds[i];
    if (port.dtype == DType::kString || (!which.empty() && which[i] == 0)) continue;
    const size_t bytes = static_cast<size_t>(port.bytes), at = staging.feed_at[i];
    set_feed(plan, i, bytes == 0 ? nullptr : staging.feeds.at(at));
    if (bytes == 0) continue;
    if (port.bytes > kStraightBytes && is_pinned(feeds[i].data, bytes)) {
      TRY(device_.calls->copy(instance_, Queue::kCompute, Way::kToDevice, staging.feeds.at(at), feeds[i].data, bytes));
    } else if (port.bytes > kStagedBytes) {
      TRY(backend_.copy_from_host(instance_, staging.feeds.at(at), feeds[i].data, bytes));
    } else {
      if (at != end) TRY(queue());
      if (begin == end) begin = at;
      std::memcpy(staging.staged_feeds.at(at), feeds[i].data, bytes);
      end = at + aligned_up(port.bytes);
    }
  }
  return queue();
}

namespace {

const void* device_address(const LoadedPlan& plan, size_t fetch) {
  return plan.base[static_cast<size_t>(plan.fetch_storages[fetch])];
}

bool crosses_straight(const Sink& sink, size_t bytes) {
  return sink.data != nullptr && bytes > kStraightBytes && is_pinned(sink.data, bytes);
}

}  // namespace

Status Session::queue_results(LoadedPlan* plan, std::span<const Sink> sinks) {
  for (size_t f = 0; f < plan->fetches.size(); ++f) {
    const Port& fetch = plan->fetches[f];
    const size_t bytes = static_cast<size_t>(fetch.bytes);
    if (fetch.dtype == DType::kString || bytes == 0) continue;
    void* to = nullptr;
    if (!sinks.empty() && crosses_straight(sinks[f], bytes)) to = sinks[f].data;
    else if (fetch.bytes <= kStagedBytes) to = plan->staging->results.at(plan->staging->result_at[f]);
    else continue;
    TRY(device_.calls->copy(instance_, Queue::kCompute, Way::kToHost, to, device_address(*plan, f), bytes));
  }
  return {};
}

Status Session::deliver_results(LoadedPlan* plan, std::span<const Sink> sinks) {
  for (size_t f = 0; f < plan->fetches.size(); ++f) {
    const Port& fetch = plan->fetches[f];
    const size_t bytes = static_cast<size_t>(fetch.bytes);
    if (fetch.dtype == DType::kString || bytes == 0) continue;
    const Sink sink = sinks.empty() ? Sink{} : sinks[f];
    if (crosses_straight(sink, bytes)) continue;
    const uint8_t* staged = plan->staging->results.at(plan->staging->result_at[f]);
    if (fetch.bytes <= kStagedBytes) {
      if (sink.data != nullptr) std::memcpy(sink.data, staged, bytes);
      continue;
    }
    if (sink.data == nullptr) plan->staging->unstaged[f].resize(bytes);
    void* to = sink.data != nullptr ? sink.data : plan->staging->unstaged[f].data();
    TRY(backend_.copy_to_host(instance_, to, device_address(*plan, f), bytes));
  }
  return {};
}

const void* staged_result(const LoadedPlan& plan, size_t fetch) {
  if (plan.fetches[fetch].bytes > kStagedBytes) return plan.staging->unstaged[fetch].data();
  return plan.staging->results.at(plan.staging->result_at[fetch]);
}

}  // namespace grafo
