// A prepared Reduce: the input's dims merged into alternating kept and reduced groups, and the loops
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

inline void add_group(Odometer& odometer, int64_t extent, int64_t stride) {
  odometer.extent[odometer.groups] = extent;
  odometer.stride[odometer.groups++] = stride;
  odometer.count *= extent;
}

struct ReduceLoops;

struct ReduceShape {
  const ReduceLoops* loops = nullptr;
  bool rows = false;    // the innermost group is reduced
  int64_t inner = 1;    // its extent: of a row, or of columns
  Odometer kept;        // the other kept dims: one row or one strip of columns each
  Odometer reduced;     // the other reduced dims
  int64_t inputs = 0;   // elements of x
  int64_t outputs = 0;  // elements of y
  int64_t divisor = 1;  // of the mean
  bool far = false;     // x is larger than a core's own caches
};

struct ReduceStep : PreparedStep, ReduceShape {
  using PreparedStep::PreparedStep;
};

// The tree over rows that come one after another, side by side for each of `width` columns.
struct ColumnTree {
  void* levels;  // of the cascade: width accumulators each, as many as leaves have binary digits
  int64_t width;
  int64_t rows = 0;  // so far
};

// What depends on the op and the dtype: the rest, threads among it, is one piece of code for all (reduce_run.cc). Results pass
// through accumulators, which for the means of integers are wider than the elements.
struct ReduceLoops {
  int64_t item, accumulator;  // bytes
  // Outputs [begin, end), one whole row each.
  void (*rows)(const ReduceShape& step, const void* x, void* y, int64_t begin, int64_t end);
  // One accumulator of n elements side by side, a part of a long row.
  void (*run)(const void* x, int64_t n, void* to);
  // One accumulator of rows [begin, end) for each of width columns.
  void (*strip)(const ReduceShape& step, const void* x, int64_t begin, int64_t end, int64_t width, void* to);
  // y[i] of the accumulators at i * distance + c * between, c < chunks.
  void (*gather)(const ReduceShape& step, const void* partials, int64_t distance, int64_t between, int64_t chunks,
                 void* y, int64_t n);
  // y[i] of one accumulator each.
  void (*finish)(const ReduceShape& step, const void* accumulators, void* y, int64_t n);
  // y of no elements at all.
  void (*nothing)(const ReduceShape& step, void* y);
  // One accumulator of elements that come in pieces; the state has kStreamBytes.
  void (*open)(void* state);
  void (*push)(void* state, const void* x, int64_t n);
  void (*close)(void* state, void* to);
  // Rows that follow each other in memory; one accumulator for each column.
  void (*add_rows)(ColumnTree& tree, const void* x, int64_t rows);
  void (*end_rows)(ColumnTree& tree, void* to);
};

constexpr int64_t kStripAccumulators = 5632;  // of the columns reduced together: a cascade for each
constexpr int64_t kLeafRows = 8;              // a leaf of columns: rows, one after another
constexpr int64_t kMaxPartials = 4096;        // accumulators of pieces that are gathered at the end
constexpr int64_t kAccumulatorBytes = 8;      // at most
constexpr int64_t kStreamBytes = 1024;

// How many columns are reduced together: as many as rows leave accumulators for, so that what is read of a row is long.
constexpr int64_t kMaxStrip = 1024;
inline int64_t strip_of(int64_t rows) {
  int64_t levels = 1;
  for (int64_t leaves = rows / kLeafRows; leaves != 0; leaves >>= 1) ++levels;
  int64_t width = kMaxStrip;
  while (width * levels > kStripAccumulators) width /= 2;
  return width;
}

void run_reduction(const ReduceShape& step, const RunContext& context, const void* x, void* y);

// By ReduceOp and dtype; null where there is none. The parts of the table, then all of it.
const ReduceLoops* find_sum_loops(ReduceOp op, DType dtype);    // sum, mean
const ReduceLoops* find_order_loops(ReduceOp op, DType dtype);  // prod, max, min
const ReduceLoops* find_narrow_loops(ReduceOp op, DType dtype);  // bool, and the integers but int32 and int64
const ReduceLoops* find_reduce_loops(ReduceOp op, DType dtype);

}  // namespace grafo::cpu
