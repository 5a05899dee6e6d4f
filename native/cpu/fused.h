// A prepared tape: instructions over slots, where a slot is a pointer that each tile sets anew or
// finds unchanged.
#pragma once
#include <vector>

#include "cpu/fused_table.h"
#include "cpu/prepared.h"
#include "cpu/reduce.h"

namespace grafo::cpu {

constexpr int kMaxFusedInputs = 24;
constexpr int kMaxFusedOutputs = 8;
constexpr int kMaxFusedInstructions = 4096;
constexpr int kScratchBytes = 64 << 10;  // of a thread's stack
constexpr int kMaxTile = 512;
constexpr int kMinTile = 64;
constexpr int kMaxRegisters = kScratchBytes / (kMinTile * 8);
constexpr int kMaxSlots = kMaxRegisters + kMaxFusedInputs + kMaxFusedOutputs;

enum class SlotKind : uint8_t {
  kBuffer,     // the tile's part of an input or output
  kRegister,   // scratch
  kScalar,     // scratch, filled once with the one element (or that element itself: a point)
  kPeriodic,   // scratch, filled once with the repeated input; a tile starts somewhere in its first
               // period
  kBroadcast,  // scratch, filled for each tile (or the input itself where the tile lies in one run)
};

struct Slot {
  SlotKind kind;
  uint8_t item;      // bytes of an element
  int16_t buffer;    // kBuffer, kScalar, kPeriodic, kBroadcast
  int32_t scratch;   // byte offset, all but kBuffer
  int32_t walk = 0;  // kBroadcast: position in FusedStep::walks
  bool point = false;  // kScalar, kBroadcast: its loops take the one element of a tile where it lies
  bool streams = false;  // kBuffer: what is stored there goes past the caches
  bool in_place = false;  // kBuffer: of an output that lies over an input
  int64_t period = 0;
};

// How a broadcast input is walked: the iteration space's dims merged into alternating kept (stride
// > 0) and repeated ones (stride 0), the innermost last.
struct Walk {
  int groups = 0;
  int64_t extent[kMaxRank];
  int64_t stride[kMaxRank];
};

struct Instruction {
  Loop loop;
  Check check;
  int16_t dst, a, b, c;  // slots; those a loop does not have are 0 and not followed
  int32_t node;
  const char* refusal;
};

// An output that is not stored element by element: a Reduce of what a tile left in a slot.
struct FusedReduction : ReduceShape {
  int32_t output = 0;
  int32_t buffer = 0;
  int16_t slot = 0;
};

// How a tape with reductions is cut into units of work, by the space and the tape alone. A tile is
// `rows` rows, or where that is 0 a part of one.
//   by rows   each `length` elements of the space are one output; a unit is a tile of whole rows,
//             or `chunk` elements of one row
//   else      `length` elements at distance `count` are one output; a unit is `chunk` rows of a
//             strip of `width` columns, row by row, each in pieces of `piece` columns
struct ReduceCut {
  bool by_rows = true;
  int64_t length = 1;  // elements of an output
  int64_t count = 0;   // outputs
  int64_t rows = 0;
  int64_t chunk = 1;
  int64_t chunks = 1;
  int64_t width = 0;
  int64_t strips = 1;
  int64_t piece = 0;
  int64_t levels = 0;  // of a ColumnTree
  int64_t units = 0;
  int64_t grain = 1;
};

// A slot whose part in the next tile is fetched while this one is computed, so many bytes by each instruction.
struct Ahead {
  int16_t slot;
  int64_t share;
};

struct FusedStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t size = 0;
  int32_t tile = kMaxTile;
  int64_t cost = 1;    // simple operations per element
  int64_t grain = 1;   // tiles
  bool even_tiles = false;  // tiles lie where this tape's own cuts them
  int64_t tile_run = 0;     // each then lies in a run of so many elements, which begins at a multiple of it; 0: not known
  bool streams = false;  // a result is stored past the caches
  bool cheap = false;    // memory decides how long it takes
  bool in_block = false;  // a part of FusedRows: its space is a block, of which the first rows are run by one thread
  uint32_t far_outputs = 0;  // of a part: by bit, those that would not stay in the caches
  int32_t checks = 0;  // instructions before this one include every one with a check
  std::vector<Instruction> instructions;
  std::vector<Instruction> first;  // of scalars alone: run once for a range, over a whole tile
  std::vector<Slot> slots;
  std::vector<int16_t> once;  // slots set at the start of a range
  std::vector<int16_t> each;  // slots set for each tile
  std::vector<Ahead> ahead;
  std::vector<Walk> walks;
  std::vector<FusedReduction> reductions;  // all of one form and length
  ReduceCut cut;
};

// Verifies the tape that `desc` says and prepares it (fused.cc).
Status build_tape(const StepDesc& desc, FusedStep& step);
Status run_fused(const PreparedStep& step, RunContext& context, void* const* buffers);

// For tiles that follow each other in memory: has what is large fetched a tile ahead (fused_run.cc).
void fetch_next_tiles(FusedStep& step);

// The reductions of a tape (fused_reduce.cc): reads the words about them, says how large a tile
// would take a row that is not worth cutting (0: there is none), in what runs tiles of the chosen size will lie, and cuts the space.
Status read_reductions(const StepDesc& desc, AttrReader& attrs, FusedStep& step);
int64_t whole_row(const FusedStep& step);
int64_t whole_leaves(const FusedStep& step);
int64_t run_of_tiles(const FusedStep& step);
void cut_reductions(FusedStep& step);
Status run_fused_reductions(const FusedStep& step, const RunContext& context,
                            void* const* buffers);

// fused_stream.cc: the loop that copies past the caches, and what makes such stores seen by other threads.
Loop find_stream(int item);
void end_stream();

}  // namespace grafo::cpu
