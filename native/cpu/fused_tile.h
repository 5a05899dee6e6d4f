// One tile of a tape: what those who go over the space in an order of their own call.
#pragma once
#include <atomic>

#include "cpu/fused.h"

namespace grafo::cpu {

constexpr int kMaxBlockRuns = 32;

// What a thread's next block of rows is in memory, on its way to the second cache: each instruction of each tile of this one asks for a
// few of its lines, so that memory works all the while.
struct BlockFetch {
  struct Run {
    const char* at;
    const char* end;
  };
  Run runs[kMaxBlockRuns];
  int count = 0;
  int64_t lines = 0;  // for each instruction

  void some() {
    for (int64_t left = lines; left > 0 && count > 0; --left) {
      Run& run = runs[count - 1];
      __builtin_prefetch(run.at, 0, 2);
      run.at += 64;
      if (run.at >= run.end) --count;
    }
  }
};

// One range's pointers. Inputs are never written through them: only a loop's dst is, and dst is a
// register or an output.
struct Range {
  void* at[kMaxSlots];
  int64_t longest;  // elements of its longest tile
  BlockFetch* fetch;
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

// What FusedRows does with a part that refuses nothing: its space is a block, of whose rows the first are run here and now.
// The elements before `size` of a tape without reductions.
void run_elements(const FusedStep& step, const RunContext& context, void* const* buffers, int64_t size, BlockFetch& fetch);
// The first `outputs` rows of one that reduces rows.
void run_outputs(const FusedStep& step, const RunContext& context, void* const* buffers, int64_t outputs, BlockFetch& fetch);
// Of one that reduces columns: trees for a while (column_trees of them; column_bytes of memory for `levels`), and the next rows for them.
int64_t column_trees(const FusedStep& step);
int64_t column_bytes(const FusedStep& step);
void plant_columns(const FusedStep& step, char* levels, ColumnTree* trees);
void add_to_columns(const FusedStep& step, const RunContext& context, void* const* buffers, int64_t rows, ColumnTree* trees,
                    BlockFetch& fetch);
// The accumulators of reduction r's columns, one after the other, in `sums`.
void end_columns(const FusedStep& step, size_t r, ColumnTree* trees, char* sums);

}  // namespace grafo::cpu
