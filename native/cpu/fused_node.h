// An instruction of a tape before slots are known, and what is done to instructions then.
#pragma once
#include <vector>

#include "cpu/fused.h"
#include "runtime/backend.h"

namespace grafo::cpu {

// Operands: k < inputs is input k, else a result.
struct Node {
  const FunctorRow* row = nullptr;  // null for Cast
  Loop loop = nullptr;
  Check check = nullptr;
  const char* refusal = nullptr;
  DType type = DType::kFloat32;  // of the operands
  DType result = DType::kFloat32;
  int32_t operands[3] = {-1, -1, -1};
  int32_t node = -1;
  int32_t cost = 1;
  int32_t output = -1;  // the output it writes itself
  int32_t last_use = -1;
  int16_t slot = -1;
  bool once = false;  // of scalars alone: the same for every tile
  bool streams = false;  // its loop stores past the caches
  bool reads_point = false;  // its loop reads one element of an argument
};

// Makes two instructions one where there is a loop for both and nothing else reads what the first
// one leaves (fused_pairs.cc). `outputs` are operands.
void join_pairs(std::vector<Node>& nodes, int inputs, int32_t* outputs, int num_outputs);

// The largest tile whose registers, of so many `bytes` an element, stay in half of a 48 KB L1; many registers take what the scratch has
// (fused_tile.cc). `alone`: the tape is one instruction.
int tile_of(const FusedStep& step, int64_t bytes, bool alone);

// Whether an array would not stay in the caches (fused_stream.cc, as those below); and whether an output would not, and is in none yet as
// no input lies there.
bool is_large(const TensorDesc& tensor);
bool is_apart_and_large(const StepDesc& desc, int output);
// Whether arithmetic takes less than memory: one more pass over a tile costs less than stores past the caches save.
bool is_cheap(const std::vector<Node>& nodes);
// The maker's loop that stores past the caches; nullptr where it has none, where another instruction reads the result, and where an
// operand is neither as long as the space of `size` elements nor one, and is read where it lies (fused_point.cc) or written over tiles.
Loop find_streaming(const StepDesc& desc, const std::vector<Node>& nodes, const Node& maker, int64_t size);

// Has loops read one element of a scalar, and of a broadcast input that has no more in any tile of `step.tile` elements from a multiple
// of it (fused_point.cc). `input_slots`: -1 for those that are not read.
void use_points(std::vector<Node>& nodes, const int16_t* input_slots, int inputs, FusedStep& step);

}  // namespace grafo::cpu
