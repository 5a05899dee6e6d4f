// A loop whose steps are queued on a device one behind the other: the host waits for none of them alone. Parts of stepped feeds cross
// ahead of the steps that take them, and results behind.
#include <algorithm>
#include <cstring>

#include "runtime/loaded_plan.h"
#include "runtime/pinned.h"

namespace grafo {
namespace {

// The host is at most two groups ahead of the device.
constexpr int64_t kGroup = kMostQueued / 2;

struct Crossing {
  size_t index;  // of the feed or fetch
  size_t bytes;
  size_t at;  // in a step's part of the ring
};

// One loop, from step `first` on.
class DeviceLoop {
 public:
  DeviceLoop(const DeviceLink& link, LoadedPlan* plan, std::span<const Feed> feeds, std::span<const Sink> sinks,
             const std::atomic<int32_t>& cancelled)
      : link_(link), plan_(*plan), staging_(*plan->staging), feeds_(feeds), sinks_(sinks), cancelled_(cancelled) {}

  // Memory and marks, before anything is queued.
  Status prepare(std::span<const uint8_t> stepped) {
    for (size_t f = 0; f < feeds_.size(); ++f) {
      if (stepped[f] != 0) add(&in_, &in_bytes_, f, plan_.feeds[f].bytes);
    }
    for (size_t f = 0; f < sinks_.size(); ++f) add(&out_, &out_bytes_, f, plan_.fetches[f].bytes);
    TRY(staging_.in.make(link_, in_bytes_));
    TRY(staging_.out.make(link_, out_bytes_));
    for (OwnMark& mark : staging_.groups) TRY(mark.make(link_));
    for (auto& list : drawn_) list.resize(plan_.states.size());
    return {};
  }

  Status run(int64_t first, int64_t n) {
    first_ = judged_ = received_ = first;
    n_ = n;
    Status queued;
    int64_t i = first;
    for (; i < n && queued.ok(); i += queued.ok()) queued = step(i);
    queued_ = i;
    const Status drained = link_.calls->drain(link_.instance);
    TRY(drained);
    // What a device found wrong it found before what failed here.
    for (; judged_ < queued_; ++judged_) TRY(judge(judged_));
    TRY(queued);
    while (!out_.empty() && received_ < n) receive();
    return {};
  }

 private:
  static void add(std::vector<Crossing>* list, size_t* total, size_t index, int64_t bytes) {
    if (bytes == 0) return;
    list->push_back({index, static_cast<size_t>(bytes), *total});
    *total += aligned_up(bytes);
  }

  Status step(int64_t i) {
    if (cancelled_.load(std::memory_order_relaxed) != 0) {
      return Status::error(Code::kCancelled, "The run was cancelled").at(plan_.blocks[0].steps[0].node);
    }
    const int64_t turn = i - first_;
    if (turn % kGroup == 0 && turn >= 2 * kGroup) {
      TRY(staging_.groups[turn / kGroup % 2].reach());
      for (const int64_t end = i - kGroup; judged_ < end; ++judged_) TRY(judge(judged_));
    }
    if (!in_.empty()) TRY(feed(i, turn));
    TRY(link_.backend->launch(link_.instance, plan_.graph, plan_.states.data()));
    for (size_t s = 0; s < plan_.states.size(); ++s) drawn_[turn % kMostQueued][s] = *plan_.states[s];
    TRY(link_.calls->note_faults(link_.instance, static_cast<int32_t>(turn % kMostQueued)));
    if (!out_.empty()) TRY(fetch(i, turn));
    return turn % kGroup == kGroup - 1 ? staging_.groups[turn / kGroup % 2].set(Queue::kCompute) : Status();
  }

  // The first fault ends the loop as it would on the CPU: what came behind it has written nothing, and drawn nothing.
  Status judge(int64_t i) {
    const int64_t turn = i - first_;
    const Status status = link_.calls->verdict(link_.instance, static_cast<int32_t>(turn % kMostQueued));
    if (status.ok()) return status;
    for (size_t s = 0; s < plan_.states.size(); ++s) *plan_.states[s] = drawn_[turn % kMostQueued][s];
    judged_ = queued_ = n_;  // nobody asks for the others
    return status;
  }

  // Fills a half of the ring when its first part is due; it crosses while the steps of the other half are computed.
  Status feed(int64_t i, int64_t turn) {
    Ring& ring = staging_.in;
    const int64_t part = turn % ring.steps, half = turn / ring.steps % 2;
    const int64_t count = std::min(ring.steps, n_ - i + part);
    if (part == 0) {
      const bool again = turn >= 2 * ring.steps;
      if (again) TRY(ring.moved[half].reach());
      if (again) TRY(ring.used[half].follow(Queue::kUpload));
      const bool straight = count == 1 && in_.size() == 1 && in_[0].bytes > static_cast<size_t>(kStraightBytes) &&
                            is_pinned(part_of(in_[0], i), in_[0].bytes);
      for (int64_t p = 0; p < count && !straight; ++p) {
        for (const Crossing& in : in_) std::memcpy(ring.on_host(half, p) + in.at, part_of(in, i + p), in.bytes);
      }
      const void* from = straight ? part_of(in_[0], i) : ring.on_host(half, 0);
      const size_t bytes = straight ? in_[0].bytes : static_cast<size_t>(count) * ring.step_bytes;
      TRY(link_.calls->copy(link_.instance, Queue::kUpload, Way::kToDevice, ring.on_device(half, 0), from, bytes));
      TRY(ring.moved[half].set(Queue::kUpload));
      TRY(ring.moved[half].follow(Queue::kCompute));
    }
    for (const Crossing& in : in_) {
      TRY(link_.calls->copy(link_.instance, Queue::kCompute, Way::kWithin, staging_.feeds.at(staging_.feed_at[in.index]),
                            ring.on_device(half, part) + in.at, in.bytes));
    }
    return part == count - 1 ? ring.used[half].set(Queue::kCompute) : Status();
  }

  const void* part_of(const Crossing& in, int64_t i) const {
    const Feed& feed = feeds_[in.index];
    const int64_t bytes = static_cast<int64_t>(in.bytes);
    return static_cast<const uint8_t*>(feed.data) + i % (feed.bytes / bytes) * bytes;
  }

  // A step's results are kept beside its memory, which the next step writes; a full half crosses while others are computed.
  Status fetch(int64_t i, int64_t turn) {
    Ring& ring = staging_.out;
    const int64_t part = turn % ring.steps, half = turn / ring.steps % 2;
    if (part == 0 && turn >= 2 * ring.steps) {
      TRY(ring.moved[half].reach());
      for (int64_t p = 0; p < ring.steps; ++p) receive();
    }
    for (const Crossing& out : out_) {
      TRY(link_.calls->copy(link_.instance, Queue::kCompute, Way::kWithin, ring.on_device(half, part) + out.at,
                            plan_.base[static_cast<size_t>(plan_.fetch_storages[out.index])], out.bytes));
    }
    if (part != ring.steps - 1 && i != n_ - 1) return {};
    TRY(ring.used[half].set(Queue::kCompute));
    TRY(ring.used[half].follow(Queue::kDownload));
    TRY(link_.calls->copy(link_.instance, Queue::kDownload, Way::kToHost, ring.on_host(half, 0), ring.on_device(half, 0),
                          static_cast<size_t>(part + 1) * ring.step_bytes));
    return ring.moved[half].set(Queue::kDownload);
  }

  // Hands out the oldest step's results that have crossed.
  void receive() {
    const Ring& ring = staging_.out;
    const int64_t turn = received_ - first_;
    const uint8_t* from = ring.on_host(turn / ring.steps % 2, turn % ring.steps);
    for (const Crossing& out : out_) {
      uint8_t* to = static_cast<uint8_t*>(sinks_[out.index].data) + received_ * static_cast<int64_t>(out.bytes);
      std::memcpy(to, from + out.at, out.bytes);
    }
    ++received_;
  }

  DeviceLink link_;
  LoadedPlan& plan_;
  Staging& staging_;
  std::span<const Feed> feeds_;
  std::span<const Sink> sinks_;
  const std::atomic<int32_t>& cancelled_;
  std::vector<Crossing> in_, out_;
  size_t in_bytes_ = 0, out_bytes_ = 0;
  int64_t first_ = 0, n_ = 0, queued_ = 0, judged_ = 0, received_ = 0;
  std::vector<int64_t> drawn_[kMostQueued];  // the random states as each queued step left them
};

}  // namespace

Status Session::loop_on_device(LoadedPlan* plan, int64_t first, int64_t n, std::span<const Feed> feeds,
                               std::span<const uint8_t> stepped, std::span<const Sink> sinks, bool* done) {
  *done = false;
  DeviceLoop loop(device_, plan, feeds, sinks, cancelled_);
  const Status prepared = loop.prepare(stepped);
  if (prepared.code == Code::kResourceExhausted) return {};  // step by step it needs less
  TRY(prepared);
  *done = true;
  return loop.run(first, n);
}

}  // namespace grafo
