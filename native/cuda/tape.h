// A tape as the device runs it: instructions over registers that lie in a block's shared memory, eight elements a thread. Plain
// data, written by the host (tape_build.cc) and read by the interpreter (tape.cuh).
#pragma once
#include <vector>

#include "cuda/device.h"
#include "math/functor_list.h"

namespace grafo::cuda {

constexpr int kTapeElements = 8;  // of a thread at a time: what decoding an instruction is shared by
constexpr int kTapeColumns = 11;  // dtypes, in the order of GRAFO_DTYPES
constexpr int kMaxTapeInputs = 24;
constexpr int kMaxTapeOutputs = 8;
constexpr int kTapeShared = 48 << 10;

constexpr int tape_column(DType dtype) {
  int column = 0;
#define GRAFO_COLUMN(enumerator, type, text)     \
  if (dtype == DType::enumerator) return column; \
  ++column;
  GRAFO_DTYPES(GRAFO_COLUMN)
#undef GRAFO_COLUMN
  return -1;
}

// Functors by number.
enum TapeFunctor : int {
#define GRAFO_ID(name, cost) kId##name,
  GRAFO_UNARY_FLOAT(GRAFO_ID) GRAFO_UNARY_EXP_LOG(GRAFO_ID) GRAFO_UNARY_ELEMENTARY(GRAFO_ID)
      GRAFO_UNARY_PERIODIC(GRAFO_ID) GRAFO_UNARY_NUMERIC(GRAFO_ID) GRAFO_UNARY_TEST(GRAFO_ID)
          GRAFO_UNARY_LOGICAL(GRAFO_ID) GRAFO_BINARY_NUMERIC(GRAFO_ID) GRAFO_BINARY_CHECKED(GRAFO_ID)
              GRAFO_BINARY_BITWISE(GRAFO_ID) GRAFO_BINARY_FLOAT(GRAFO_ID) GRAFO_BINARY_ORDER(GRAFO_ID)
                  GRAFO_BINARY_EQUAL(GRAFO_ID) GRAFO_BINARY_LOGICAL(GRAFO_ID)
#undef GRAFO_ID
                      kTapeFunctors
};

// An instruction's code: a functor of a dtype, a cast, or one by the log2 of an element's bytes.
constexpr int functor_code(int functor, int column) { return functor * kTapeColumns + column; }
constexpr int kCastCode = kTapeFunctors * kTapeColumns;
constexpr int cast_code(int from, int to) { return kCastCode + from * kTapeColumns + to; }
constexpr int kSelectCode = kCastCode + kTapeColumns * kTapeColumns;
constexpr int kLoadCode = kSelectCode + 4;
constexpr int kLoadTwoCode = kLoadCode + 4;  // two inputs at once: neither waits for the other
constexpr int kStoreCode = kLoadTwoCode + 4;

// What the small interpreter has, which leaves room for twice as many threads: float32 without what is computed in float64, and
// what goes with it.
constexpr bool is_light_functor(int functor, int column) {
  if (column == tape_column(DType::kBool)) return true;
  if (column != tape_column(DType::kFloat32)) return false;
#define GRAFO_HEAVY(name, cost) \
  if (functor == kId##name) return false;
  GRAFO_UNARY_ELEMENTARY(GRAFO_HEAVY)
  GRAFO_UNARY_PERIODIC(GRAFO_HEAVY)
#undef GRAFO_HEAVY
  return functor != kIdPow && functor != kIdAtan2 && functor != kIdFloorMod && functor != kIdTruncateMod &&
         functor != kIdMod;
}
constexpr bool is_light_column(int column) {
  return column == tape_column(DType::kFloat32) || column == tape_column(DType::kBool) ||
         column == tape_column(DType::kInt32) || column == tape_column(DType::kUint8);
}

struct alignas(16) TapeInstruction {
  uint16_t code;
  uint16_t dst;      // a register; kLoadTwo's first
  uint16_t a, b, c;  // registers; inputs of a load, the output of a store (b); c: kLoadTwo's second register
  uint16_t position;  // of the plan's instruction, that a fault names
};

// An input's elements among the space's: the space's dims merged into alternating kept and repeated ones, the innermost last.
struct TapeInput {
  int32_t kind;    // 0 whole, 1 one element, 2 a walk
  int32_t groups;
  int32_t in_one;  // eight elements that a thread has lie in one run of the innermost group
  int64_t extent[kMaxRank], stride[kMaxRank];
  uint32_t magic[kMaxRank], shift[kMaxRank];  // of a division by the extent, for spaces of less than 2^31
};

struct TapeProgram {
  TapeInput inputs[kMaxTapeInputs];
  // Where an operand's pointer lies in TapeRun::words, and how far on in the next segment.
  uint16_t word[kMaxTapeInputs + kMaxTapeOutputs], step[kMaxTapeInputs + kMaxTapeOutputs];
  int32_t count;
  TapeInstruction code[1];  // count of them
};

constexpr int kTapeWords = 480;

// A launch. With fewer than 4 KB it needs no memory of its own, and a recorded graph has it in itself. A segment has two words,
// the tiles before it and its elements, then its pointers.
struct TapeRun {
  const TapeProgram* program;
  const unsigned* guard;  // nothing is stored where this is set
  unsigned* failed;
  Fault* fault;
  int64_t tiles;
  uint32_t aligned;  // operands whose pointers vectors may be loaded from, in all segments
  int32_t segments, first_segment_word, segment_words;
  int32_t chunks;  // 16 bytes each that a register takes of a thread
  int32_t stores;  // 0: only looks for faults
  uint64_t words[kTapeWords];
};
static_assert(sizeof(TapeRun) <= 4096);

class CompiledTape;

// A tape that the host has built.
struct Tape {
  std::vector<TapeInstruction> code;
  std::vector<TapeInput> inputs;
  bool light = true;
  bool checks = false;
  int registers = 1;
  int chunks = 2;
  unsigned threads = 256;
  struct Blame {
    int32_t node;
    bool is_power;
  };
  std::vector<Blame> blame;  // by position
  Scratch program;
  std::shared_ptr<const CompiledTape> compiled;  // its own kernel; null where it is interpreted
  int elements = kTapeElements;                  // of a thread at a time

  // Copies it to the device, for the interpreter. `word` and `step` are as TapeProgram says.
  Status upload(Device& device, int outputs, const uint16_t* word, const uint16_t* step);
  Status launch(Device& device, TapeRun& run) const;
  int64_t tile() const { return int64_t{threads} * elements; }
};

// Reads instructions and the operands of outputs of a description that the CPU's backend has accepted; `words` stands at the number
// of instructions. Leaves `fits` false where the tape needs more registers than there are.
Status build_tape(const StepDesc& desc, Words& words, int rank, const int64_t* dims, const TensorDesc* inputs,
                  int num_inputs, const TensorDesc* outputs, int num_outputs, Tape& tape, bool* fits);

// The kernels (tape_light.cu, tape_any.cu).
Status launch_light_tape(Device& device, dim3 grid, unsigned threads, size_t shared, const TapeRun& run);
Status launch_any_tape(Device& device, dim3 grid, unsigned threads, size_t shared, const TapeRun& run);

}  // namespace grafo::cuda
