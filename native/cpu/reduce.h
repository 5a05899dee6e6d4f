// A prepared Reduce: the input's dims merged into alternating kept and reduced groups, and one loop
// for the op and dtype.
#pragma once
#include "cpu/prepared.h"

namespace grafo::cpu {

enum class ReduceOp : int32_t { kSum, kMean, kProd, kMax, kMin, kAll, kAny };
constexpr int kReduceOps = 7;

// Dims of one sort without the innermost group, the innermost of them last.
struct Odometer {
  int groups = 0;
  int64_t extent[kMaxRank];
  int64_t stride[kMaxRank];
  int64_t count = 1;  // product of the extents

  int64_t offset(int64_t index) const {
    int64_t sum = 0;
    for (int g = groups - 1; g > 0; --g) {
      sum += index % extent[g] * stride[g];
      index /= extent[g];
    }
    return groups > 0 ? sum + index * stride[0] : 0;
  }
};

struct ReduceStep;
using ReduceLoop = void (*)(const ReduceStep& step, const RunContext& context, const void* x,
                            void* y);

struct ReduceStep : PreparedStep {
  using PreparedStep::PreparedStep;
  ReduceLoop loop = nullptr;
  bool rows = false;    // the innermost group is reduced
  int64_t inner = 1;    // its extent: of a row, or of columns
  Odometer kept;        // the other kept dims: one row or one strip of columns each
  Odometer reduced;     // the other reduced dims
  int64_t inputs = 0;   // elements of x
  int64_t outputs = 0;  // elements of y
  int64_t divisor = 1;  // of the mean
};

// By ReduceOp and dtype; null where the table has none.
ReduceLoop find_sum_loop(ReduceOp op, DType dtype);    // sum, mean
ReduceLoop find_order_loop(ReduceOp op, DType dtype);  // prod, max, min, all, any

}  // namespace grafo::cpu
