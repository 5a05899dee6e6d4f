// Runs a prepared tape: for each tile sets the slots that move, then calls the loops one after
// another.
#include <algorithm>
#include <atomic>
#include <climits>

#include "cpu/broadcast_rows.h"
#include "cpu/fused_splat.h"
#include "cpu/fused_tile.h"

namespace grafo::cpu {
namespace {

// Returns where the tile's elements are: in the input itself where they lie in one run of it, else
// in scratch.
const void* broadcast(const FusedStep& step, const Slot& slot, const void* input, void* scratch,
                      int64_t* splatted, int64_t start, int64_t n, int64_t longest) {
  const Walk& walk = step.walks[static_cast<size_t>(slot.walk)];
  int64_t first[kMaxRank];
  int64_t offset = 0, rest = start;
  for (int g = walk.groups - 1; g >= 0; --g) {
    first[g] = rest % walk.extent[g];
    rest /= walk.extent[g];
    offset += first[g] * walk.stride[g];
  }
  const int last = walk.groups - 1;
  if (walk.extent[last] - first[last] >= n) {  // one run
    const auto* from = static_cast<const uint8_t*>(input) + offset * slot.item;
    if (walk.stride[last] != 0 || slot.point) return from;
    if (*splatted != offset) {
      splat_item(slot.item, scratch, from, longest);
      *splatted = offset;
    }
    return scratch;
  }
  *splatted = -1;
  offset -= first[last] * walk.stride[last];
#define GRAFO_FILL(T) \
  fill_rows(static_cast<T*>(scratch), static_cast<const T*>(input), walk, first, offset, n)
  GRAFO_BY_ITEM(slot.item, GRAFO_FILL)
#undef GRAFO_FILL
  return scratch;
}

}  // namespace

constexpr int64_t kWorthAsking = 4;  // instructions

void fetch_next_tiles(FusedStep& step) {
  const auto count = static_cast<int64_t>(step.instructions.size());
  // Few instructions are soon done with a tile: to ask for the next takes longer than to wait for it (Zen 5: 5 to 20 %). So it does where
  // the last cache has it.
  if (count < kWorthAsking || (step.streams && step.cheap)) return;
  int64_t bytes = 0;
  for (size_t s = 0; s < step.slots.size(); ++s) {
    const Slot& slot = step.slots[s];
    if (slot.kind != SlotKind::kBuffer || slot.streams || slot.in_place) continue;
    bytes += step.size * slot.item;
    const int64_t lines = (step.tile * slot.item + 63) / 64;
    step.ahead.push_back({static_cast<int16_t>(s), (lines + count - 1) / count * 64});
  }
  if (bytes <= kPastCaches) step.ahead.clear();
}

void run_first(const FusedStep& step, void* const* at, int64_t n) {
  for (const Instruction& instruction : step.first)
    instruction.loop(at[instruction.dst], at[instruction.a], at[instruction.b], at[instruction.c], n);
}

void begin_range(const FusedStep& step, void* const* buffers, int64_t n, Range& range) {
  range.longest = std::min<int64_t>(n, step.tile);
  range.fetch = nullptr;
  for (int16_t s : step.once) {
    const Slot& slot = step.slots[static_cast<size_t>(s)];
    uint8_t* scratch = range.scratch + slot.scratch;
    range.at[s] = scratch;
    if (slot.point) {
      range.at[s] = buffers[slot.buffer];
    } else if (slot.kind == SlotKind::kScalar) {
      splat_item(slot.item, scratch, buffers[slot.buffer], range.longest);
    } else if (slot.kind == SlotKind::kPeriodic) {
      const int64_t count = range.longest + slot.period;
#define GRAFO_REPEAT(T) \
  repeat(reinterpret_cast<T*>(scratch), static_cast<const T*>(buffers[slot.buffer]), slot.period, count)
      GRAFO_BY_ITEM(slot.item, GRAFO_REPEAT)
#undef GRAFO_REPEAT
    }
  }
  for (size_t w = 0; w < step.walks.size(); ++w) range.splatted[w] = -1;
  run_first(step, range.at, range.longest);
}

namespace {

void begin_tile(const FusedStep& step, void* const* buffers, int64_t start, int64_t n,
                Range& range) {
  for (int16_t s : step.each) {
    const Slot& slot = step.slots[static_cast<size_t>(s)];
    switch (slot.kind) {
      case SlotKind::kBuffer:
        range.at[s] = static_cast<uint8_t*>(buffers[slot.buffer]) + start * slot.item;
        break;
      case SlotKind::kPeriodic:
        range.at[s] = range.scratch + slot.scratch + start % slot.period * slot.item;
        break;
      default:
        range.at[s] = const_cast<void*>(
            broadcast(step, slot, buffers[slot.buffer], range.scratch + slot.scratch,
                      &range.splatted[slot.walk], start, n, range.longest));
    }
  }
}

// The machine fetches along a run by itself, but a tape leaves one for the next at every tile: its instructions fetch the next tile's
// lines, each its share, so that memory works while they compute. What is asked for may lie past the array's end.
void fetch_share(const FusedStep& step, const Range& range, int64_t n, int32_t instruction) {
  // To a compiler what only fetches does nothing, and its call may go.
  asm volatile("");
  for (const Ahead& ahead : step.ahead) {
    const int64_t bytes = n * step.slots[static_cast<size_t>(ahead.slot)].item;
    const auto next = reinterpret_cast<uintptr_t>(range.at[ahead.slot]) + static_cast<uintptr_t>(bytes);
    const int64_t first = instruction * ahead.share, last = std::min(bytes, first + ahead.share);
    for (int64_t at = first; at < last; at += 64)
      __builtin_prefetch(reinterpret_cast<const void*>(next + static_cast<uintptr_t>(at)));
  }
}

}  // namespace

bool run_tile(const FusedStep& step, void* const* buffers, int64_t start, int64_t n, Range& range,
              std::atomic<int32_t>& failed) {
  const auto count = static_cast<int32_t>(step.instructions.size());
  int32_t limit = count;
  if (step.checks != 0) limit = std::min(limit, failed.load(std::memory_order_relaxed));
  begin_tile(step, buffers, start, n, range);
  if (range.fetch != nullptr) range.fetch->some();
  for (int32_t i = 0; i < limit; ++i) {
    const Instruction& instruction = step.instructions[static_cast<size_t>(i)];
    if (instruction.check && !instruction.check(range.at[instruction.b], n)) {
      int32_t before = failed.load(std::memory_order_relaxed);
      while (i < before && !failed.compare_exchange_weak(before, i, std::memory_order_relaxed)) {
      }
      return false;
    }
    if (!step.ahead.empty()) fetch_share(step, range, n, i);
    if (range.fetch != nullptr) range.fetch->some();
    instruction.loop(range.at[instruction.dst], range.at[instruction.a], range.at[instruction.b],
                     range.at[instruction.c], n);
  }
  return limit == count;
}

Status refusal(const FusedStep& step, const std::atomic<int32_t>& failed) {
  const int32_t refused = failed.load(std::memory_order_relaxed);
  if (refused == INT_MAX) return Status();
  const Instruction& instruction = step.instructions[static_cast<size_t>(refused)];
  return Status::error(Code::kInvalidArgument, "%s", instruction.refusal).at(instruction.node);
}

namespace {

// Runs the elements [begin, end), tile by tile from `begin`.
void run_tiles(const FusedStep& step, const RunContext& context, void* const* buffers,
               int64_t begin, int64_t end, std::atomic<int32_t>& failed, BlockFetch* fetch = nullptr) {
  Range range;
  begin_range(step, buffers, end - begin, range);
  range.fetch = fetch;
  for (int64_t start = begin; start < end; start += step.tile) {
    if (start != begin && is_cancelled(context)) break;
    run_tile(step, buffers, start, std::min<int64_t>(step.tile, end - start), range, failed);
  }
  if (step.streams) end_stream();
}

}  // namespace

void run_elements(const FusedStep& step, const RunContext& context, void* const* buffers, int64_t size, BlockFetch& fetch) {
  std::atomic<int32_t> failed{INT_MAX};
  run_tiles(step, context, buffers, 0, size, failed, &fetch);
}

Status run_fused(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const FusedStep&>(base);
  if (!step.reductions.empty()) return run_fused_reductions(step, context, buffers);
  if (step.size == 0) return Status();
  std::atomic<int32_t> failed{INT_MAX};
  const int64_t tiles = (step.size + step.tile - 1) / step.tile;
  parallel_for(context, tiles, step.grain, [&](int64_t begin, int64_t end) {
    run_tiles(step, context, buffers, begin * step.tile, std::min(end * step.tile, step.size), failed);
  });
  TRY(refusal(step, failed));
  if (tiles > 1 && is_cancelled(context)) return cancelled();
  return Status();
}

}  // namespace grafo::cpu
