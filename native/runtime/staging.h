// A plan's memory between the host and a device that computes in memory of its own.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/backend.h"
#include "runtime/device_calls.h"

namespace grafo {

// A session's device.
struct DeviceLink {
  const Backend* backend = nullptr;
  const DeviceCalls* calls = nullptr;
  void* instance = nullptr;
};

// Memory of the device, and pinned memory of the host. Whoever frees it knows that no queue uses it any more.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  ~DeviceMemory() { clear(); }
  Status allocate(const DeviceLink& link, size_t bytes);
  void clear();
  uint8_t* at(size_t offset) const { return static_cast<uint8_t*>(memory_) + offset; }
  size_t bytes() const { return bytes_; }

 private:
  DeviceLink link_;
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};
class PinnedMemory {
 public:
  PinnedMemory() = default;
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  ~PinnedMemory() { clear(); }
  Status allocate(const DeviceLink& link, size_t bytes);
  void clear();
  uint8_t* at(size_t offset) const { return static_cast<uint8_t*>(memory_) + offset; }
  size_t bytes() const { return bytes_; }

 private:
  const DeviceCalls* calls_ = nullptr;
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

// A place in a queue.
class OwnMark {
 public:
  OwnMark() = default;
  OwnMark(const OwnMark&) = delete;
  OwnMark& operator=(const OwnMark&) = delete;
  ~OwnMark() {
    if (mark_ != nullptr) link_.calls->destroy_mark(link_.instance, mark_);
  }
  Status make(const DeviceLink& link) {
    if (mark_ != nullptr) return {};
    link_ = link;
    return link.calls->make_mark(link.instance, &mark_);
  }
  Status set(Queue queue) { return link_.calls->set_mark(link_.instance, queue, mark_); }
  Status follow(Queue queue) { return link_.calls->follow(link_.instance, queue, mark_); }
  Status reach() { return link_.calls->reach(link_.instance, mark_); }

 private:
  DeviceLink link_;
  Mark* mark_ = nullptr;
};

// Parts of some steps of a loop, in two halves: one crosses to the other side while the other one is used.
struct Ring {
  // Room for parts of `step_bytes`; larger parts make halves of fewer steps. Keeps what it has where that is enough.
  Status make(const DeviceLink& link, size_t step_bytes);
  uint8_t* on_device(int64_t half, int64_t part) const { return device.at(place(half, part)); }
  uint8_t* on_host(int64_t half, int64_t part) const { return pinned.at(place(half, part)); }
  size_t place(int64_t half, int64_t part) const { return static_cast<size_t>(half * steps + part) * step_bytes; }

  size_t step_bytes = 0;
  int64_t steps = 1;  // of a half
  DeviceMemory device;
  PinnedMemory pinned;
  OwnMark moved[2];  // the half has crossed
  OwnMark used[2];   // the steps are through with it
};

// Feeds and fetches of up to so many bytes go through pinned memory of the plan; larger ones in ordinary memory are the driver's to
// cut into pieces. What is pinned already and larger than a page is copied straight.
constexpr int64_t kStagedBytes = 1 << 20;
constexpr int64_t kStraightBytes = 4 << 10;
// Parts of either memory begin at multiples of this.
constexpr size_t kStagingAlignment = 256;
inline size_t aligned_up(int64_t bytes) {
  return (static_cast<size_t>(bytes) + kStagingAlignment - 1) / kStagingAlignment * kStagingAlignment;
}

struct Staging {
  DeviceLink link;
  DeviceMemory feeds;  // those that are staged first
  std::vector<size_t> feed_at;
  PinnedMemory staged_feeds;  // at the same places
  std::vector<size_t> result_at;
  PinnedMemory results;                         // of fetches that are staged
  std::vector<std::vector<uint8_t>> unstaged;   // fetches that nobody gave memory for
  Ring in, out;                                 // of loops
  OwnMark groups[2];                            // of a loop's steps
  bool cannot_record = false;                   // the driver would not, for the addresses of `tried_for`
  int64_t tried_for = 0;
};

}  // namespace grafo
