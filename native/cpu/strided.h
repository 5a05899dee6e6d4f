// A strided walk over memory, row by row, with adjacent dimensions merged: what slices, pads and transposes have in common.
#pragma once
#include <algorithm>
#include <cstdint>

#include "cpu/prepared.h"

namespace grafo::cpu {

// Position i of a row-major space of dims is item offset + sum i[d] * steps[d] of the other side. No dimension is empty.
struct Strided {
  int rank = 0;
  int64_t dims[kMaxRank];
  int64_t steps[kMaxRank];
  int64_t offset = 0;

  void push(int64_t dim, int64_t step) {
    if (dim == 1) return;
    if (rank > 0 && steps[rank - 1] == step * dim) {
      dims[rank - 1] *= dim;
      steps[rank - 1] = step;
      return;
    }
    dims[rank] = dim;
    steps[rank++] = step;
  }
  // After the last push: at least one dimension.
  void close() {
    if (rank != 0) return;
    dims[0] = 1;
    steps[0] = 1;
    rank = 1;
  }
  int64_t row_size() const { return dims[rank - 1]; }
  int64_t row_step() const { return steps[rank - 1]; }
  int64_t rows() const {
    int64_t n = 1;
    for (int d = 0; d + 1 < rank; ++d) n *= dims[d];
    return n;
  }
  // Of a row's first item on the strided side.
  int64_t position_of(int64_t row) const {
    int64_t position = offset;
    for (int d = rank - 2; d >= 0; --d) {
      position += row % dims[d] * steps[d];
      row /= dims[d];
    }
    return position;
  }
  // How far rows of a run are from each other.
  int64_t run_step() const { return rank > 1 ? steps[rank - 2] : 0; }
  // visit(row, position of its first item on the strided side, n) for the runs of n rows, run_step() apart, that rows [begin, end)
  // consist of.
  template <class Visit>
  void walk(int64_t begin, int64_t end, Visit&& visit) const {
    const int64_t length = rank > 1 ? dims[rank - 2] : 1;
    int64_t at[kMaxRank] = {};
    int64_t position = offset;
    for (int64_t d = rank - 3, run = begin / length; d >= 0; --d) {
      at[d] = run % dims[d];
      run /= dims[d];
      position += at[d] * steps[d];
    }
    for (int64_t row = begin, first = begin % length, n; row < end; row += n, first = 0) {
      n = std::min(length - first, end - row);
      visit(row, position + first * run_step(), n);
      for (int d = rank - 3; d >= 0; --d) {
        position += steps[d];
        if (++at[d] < dims[d]) break;
        position -= steps[d] * dims[d];
        at[d] = 0;
      }
    }
  }
};

// Row-major distances between neighbours of a shape that is not empty.
inline void row_major(const TensorDesc& tensor, int64_t* steps) {
  int64_t step = 1;
  for (int d = tensor.rank - 1; d >= 0; --d) {
    steps[d] = step;
    step *= tensor.dims[d];
  }
}

inline Status check_same_dtype(const StepDesc& desc, const TensorDesc& a, const TensorDesc& b) {
  if (a.dtype == b.dtype && item_size(a.dtype) != 0) return Status();
  return reject(desc, "dtypes %s and %s", dtype_name(a.dtype), dtype_name(b.dtype));
}

// Nothing to do: the output is empty.
struct EmptyStep : PreparedStep {
  EmptyStep()
      : PreparedStep([](const PreparedStep&, RunContext&, void* const*) { return Status(); }) {}
};

// Bytes worth another thread's while in kernels that only move memory.
constexpr int64_t kGrainBytes = 1 << 18;

}  // namespace grafo::cpu
