// One tile of a tape: what those who go over the space in an order of their own call.
#pragma once
#include <atomic>

#include "cpu/fused.h"

namespace grafo::cpu {

// One range's pointers. Inputs are never written through them: only a loop's dst is, and dst is a
// register or an output.
struct Range {
  void* at[kMaxSlots];
  int64_t longest;  // elements of its longest tile
  int64_t
      splatted[kMaxFusedInputs];  // by walk: the offset whose element fills the register, -1 none
  alignas(64) uint8_t scratch[kScratchBytes];
};

// Sets what all tiles of a range have in common; none of them has more than n elements.
void begin_range(const FusedStep& step, void* const* buffers, int64_t n, Range& range);

// Runs what is of scalars alone, which `at` has already, over n elements.
void run_first(const FusedStep& step, void* const* at, int64_t n);

// Runs the tape over elements [start, start + n), n <= step.tile. `failed` is the first instruction
// that refused an element in any tile so far, INT_MAX before: the error must not depend on the
// order of the tiles, so those that come later look for an earlier one still. False where not all
// instructions ran.
bool run_tile(const FusedStep& step, void* const* buffers, int64_t start, int64_t n, Range& range,
              std::atomic<int32_t>& failed);

// The error of what `failed` tells.
Status refusal(const FusedStep& step, const std::atomic<int32_t>& failed);

}  // namespace grafo::cpu
