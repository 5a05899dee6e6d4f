// Proves that arena storages which are live at the same time do not overlap. Blocks are laid out on one line where they
// are called; what a line cannot say (loops, a block with two callers) is answered by "live throughout".
#include <algorithm>
#include <map>

#include "plan/plan.h"

namespace grafo {
namespace {

struct Interval {
  int64_t first = -1;
  int64_t last = -1;
};

struct Loop {
  int64_t first;
  int64_t last;
};

class Layout {
 public:
  explicit Layout(const Plan& plan)
      : plan_(plan),
        live_(plan.storages.size()),
        defined_(plan.storages.size(), 0),
        callers_(plan.blocks.size(), 0),
        placed_(plan.blocks.size(), 0) {
    for (const PlanBlock& block : plan.blocks) {
      for (const PlanStep& step : block.steps) {
        for (const int32_t inner : step_blocks(step)) ++callers_[static_cast<size_t>(inner)];
      }
    }
  }

  void place() {
    place_block(0, 0);
    for (const PlanPort& fetch : plan_.fetches) touch(fetch.value, time_, false, 0);
    // Blocks with several callers, and what they call, did not get a place.
    for (size_t b = 1; b < plan_.blocks.size(); ++b) {
      if (placed_[b] != 0 || callers_[b] == 0) continue;
      for (const PlanStep& step : plan_.blocks[b].steps) touch_throughout(step);
    }
    extend_over_loops();
  }

  const std::vector<Interval>& live() const { return live_; }

 private:
  // `conditional`: nested in an If, so a definition here may not happen.
  void touch(int32_t value, int64_t time, bool defines, int conditional) {
    const size_t s = static_cast<size_t>(plan_.values[static_cast<size_t>(value)].storage);
    Interval& interval = live_[s];
    if (interval.first < 0) {
      interval = {time, time};
      defined_[s] = defines && conditional == 0;
    } else {
      interval.last = std::max(interval.last, time);
    }
  }

  void touch_throughout(const PlanStep& step) {
    for (const auto operands : {step.inputs, step.outputs}) {
      for (const int32_t value : operands) {
        touch(value, 0, false, 1);
        live_[static_cast<size_t>(plan_.values[static_cast<size_t>(value)].storage)] = {0, time_};
      }
    }
    if (step.kind == StepKind::kWhile) {
      const int32_t value = step.attrs[2];
      live_[static_cast<size_t>(plan_.values[static_cast<size_t>(value)].storage)] = {0, time_};
    }
  }

  // Nesting is at most 64 deep (verify_nesting), and each block is placed at most once.
  void place_block(size_t block, int conditional) {
    placed_[block] = 1;
    for (const PlanStep& step : plan_.blocks[block].steps) {
      const int64_t start = time_++;
      for (const int32_t value : step.inputs) touch(value, start, false, conditional);
      for (const int32_t value : step.outputs) touch(value, start, true, conditional);
      if (step.kind == StepKind::kKernel) continue;
      for (const int32_t inner : step_blocks(step)) {
        const size_t b = static_cast<size_t>(inner);
        if (callers_[b] == 1) place_block(b, conditional + (step.kind == StepKind::kIf));
      }
      if (step.kind == StepKind::kWhile) {
        const int64_t end = time_++;
        touch(step.attrs[2], end, false, conditional);
        loops_.push_back({start, end});
      }
    }
  }

  // A storage that only lives inside one round of a loop begins there with a definition. Any other that is touched in
  // the loop carries something from round to round, so the whole loop is its life. Inner loops come first in loops_.
  void extend_over_loops() {
    for (const Loop& loop : loops_) {
      for (size_t s = 0; s < live_.size(); ++s) {
        Interval& interval = live_[s];
        if (interval.first < 0 || interval.last < loop.first || interval.first > loop.last) continue;
        const bool local = interval.first > loop.first && interval.last < loop.last;
        if (local && defined_[s] != 0) continue;
        interval.first = std::min(interval.first, loop.first);
        interval.last = std::max(interval.last, loop.last);
      }
    }
  }

  const Plan& plan_;
  std::vector<Interval> live_;
  std::vector<uint8_t> defined_;
  std::vector<int64_t> callers_;
  std::vector<uint8_t> placed_;
  std::vector<Loop> loops_;
  int64_t time_ = 0;
};

}  // namespace

Status verify_liveness(const Plan& plan) {
  Layout layout(plan);
  layout.place();
  const std::vector<Interval>& live = layout.live();

  struct Event {
    int64_t time;
    bool ends;
    size_t storage;
  };
  std::vector<Event> events;
  for (size_t s = 0; s < live.size(); ++s) {
    const PlanStorage& storage = plan.storages[s];
    if (storage.kind != StorageKind::kArena || storage.bytes == 0 || live[s].first < 0) continue;
    events.push_back({live[s].first, false, s});
    events.push_back({live[s].last, true, s});
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return a.time != b.time ? a.time < b.time : a.ends < b.ends;
  });

  std::map<int64_t, size_t> active;  // by offset
  for (const Event& event : events) {
    const PlanStorage& storage = plan.storages[event.storage];
    if (event.ends) {
      active.erase(storage.offset);
      continue;
    }
    const auto next = active.lower_bound(storage.offset);
    size_t clash = event.storage;
    if (next != active.end() && next->first < storage.offset + storage.bytes) clash = next->second;
    if (next != active.begin()) {
      const PlanStorage& before = plan.storages[std::prev(next)->second];
      if (before.offset + before.bytes > storage.offset) clash = std::prev(next)->second;
    }
    if (clash != event.storage) {
      return Status::error(Code::kInternal, "Plan: storages %zu and %zu overlap at step %lld",
                           clash, event.storage, static_cast<long long>(event.time));
    }
    active.emplace(storage.offset, event.storage);
  }
  return {};
}

}  // namespace grafo
