// A reduction as its kernels see it: dims merged into alternating kept and reduced groups, and the loops for an op and a dtype.
#pragma once
#include "cuda/device.h"

namespace grafo::cuda {

enum class ReduceOp : int32_t { kSum, kMean, kProd, kMax, kMin, kAll, kAny };

// Groups of dims of one sort without the innermost group, the innermost of them last.
struct Groups {
  int32_t count = 0;
  int64_t extent[kMaxRank] = {}, stride[kMaxRank] = {};
  int64_t product = 1;
};

struct ReduceShape {
  int32_t rows = 1;      // the innermost group is reduced
  int64_t inner = 1;     // its extent, or that of columns
  Groups kept, reduced;  // the others
  int64_t length = 1;    // elements of an output
  int64_t outputs = 1;
  int64_t divisor = -1;  // of the mean, -1 of other ops
};

// The kernels of an op and a dtype. Later stages read what the first has written: accumulators.
struct ReduceKernels {
  size_t accumulator;
  // Stage over `x`; where `last`, y is finished elements, else accumulators. By `chunks` pieces of an output.
  Status (*first)(Device& device, const ReduceShape& shape, const void* x, void* y, int64_t chunks, bool last,
                  const unsigned* guard);
  Status (*later)(Device& device, const ReduceShape& shape, const void* x, void* y, int64_t chunks, bool last,
                  const unsigned* guard);
};

// By op and dtype; null where there is none.
const ReduceKernels* find_sum_kernels(ReduceOp op, DType dtype);
const ReduceKernels* find_order_kernels(ReduceOp op, DType dtype);

// A reduction with the memory of its stages.
struct Reduction {
  struct Stage {
    ReduceShape shape;
    int64_t chunks;
    size_t partials;  // where its results lie in the scratch memory
  };
  const ReduceKernels* kernels = nullptr;
  std::vector<Stage> stages;
  Scratch scratch;

  Status prepare(Device& device, ReduceOp op, DType dtype, ReduceShape shape);
  Status run(Device& device, const void* x, void* y, const unsigned* guard) const;
};

// How many elements of an output one piece holds, and how many pieces of each output a stage makes: by the shape alone.
int64_t reduce_piece(const ReduceShape& shape);
int64_t reduce_chunks(const ReduceShape& shape);

constexpr int kReduceChunk = 8192;  // elements of a row that a block takes
constexpr int kReduceSteps = 16;    // rows of columns that a thread takes

}  // namespace grafo::cuda
