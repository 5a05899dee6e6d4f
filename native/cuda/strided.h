// What Slice, Tile and most permutations are: the output in order, read from another order of dimensions of the input.
#pragma once
#include "cuda/dispatch.h"
#include "cuda/kernels.h"

namespace grafo::cuda {

// Twice the rank: Tile has two dimensions for each of its input.
constexpr int kWalkRank = 2 * kMaxRank;

// Position i of a row-major space of dims is item offset + sum i[d] * steps[d] of the other side. No dimension is empty.
struct Walk {
  int rank = 0;
  int64_t dims[kWalkRank];
  int64_t steps[kWalkRank];
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
    if (rank == 0) push_scalar();
  }
  int64_t size() const {
    int64_t n = 1;
    for (int d = 0; d < rank; ++d) n *= dims[d];
    return n;
  }

 private:
  void push_scalar() {
    dims[0] = 1;
    steps[0] = 1;
    rank = 1;
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

inline int64_t extent(const TensorDesc& tensor, int begin, int end) {
  int64_t n = 1;
  for (int d = begin; d < end; ++d) n *= tensor.dims[d];
  return n;
}

// A step that copies from buffers[0], of `size` items, to buffers[1], which has the walk's items.
StepPointer strided_copy(Walk walk, int64_t item_bytes, int64_t size);

// The output is empty.
struct NothingStep final : PreparedStep {
  Status run(Device&, RunContext&, void* const*) override { return {}; }
};

}  // namespace grafo::cuda
