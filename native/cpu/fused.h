// A prepared tape: instructions over slots, where a slot is a pointer that each tile sets anew or
// finds unchanged.
#pragma once
#include <vector>

#include "cpu/fused_table.h"
#include "cpu/prepared.h"

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
  kScalar,     // scratch, filled once with the one element
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

struct FusedStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t size = 0;
  int32_t tile = kMaxTile;
  int64_t grain = 1;   // tiles
  int32_t checks = 0;  // instructions before this one include every one with a check
  std::vector<Instruction> instructions;
  std::vector<Slot> slots;
  std::vector<int16_t> once;  // slots set at the start of a range
  std::vector<int16_t> each;  // slots set for each tile
  std::vector<Walk> walks;
};

Status run_fused(const PreparedStep& step, RunContext& context, void* const* buffers);

}  // namespace grafo::cpu
