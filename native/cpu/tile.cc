// Tile: x repeated along every dimension.
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct TileStep : PreparedStep {
  using PreparedStep::PreparedStep;
  // Repetitions and x's dimensions alternate, so that a repetition is a dimension of step 0.
  int rank = 0;
  int64_t dims[2 * kMaxRank], steps[2 * kMaxRank];
  int64_t rows, size;  // rows of y that x holds in one piece

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
};

template <class T>
Status run_tile(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const TileStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  const int64_t size = step.size;
  const bool repeats = step.steps[step.rank - 1] == 0;
  parallel_for(context, step.rows, kGrainBytes / (size * static_cast<int64_t>(sizeof(T)) + 16) + 1,
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   int64_t index = row, at = 0;
                   for (int d = step.rank - 2; d >= 0; --d) {
                     at += index % step.dims[d] * step.steps[d];
                     index /= step.dims[d];
                   }
                   T* const to = y + row * size;
                   if (repeats) {
                     std::fill(to, to + size, x[at]);
                   } else {
                     std::memcpy(to, x + at, static_cast<size_t>(size) * sizeof(T));
                   }
                 }
               });
  return Status();
}

}  // namespace

Status prepare_tile(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, x, y));
  if (x.rank != y.rank) return reject(desc, "ranks %d and %d", x.rank, y.rank);
  for (int d = 0; d < x.rank; ++d)
    if (x.dims[d] == 0 ? y.dims[d] != 0 : y.dims[d] % x.dims[d] != 0)
      return reject(desc, "dimension %d is no multiple", d);
  if (y.size == 0) {
    step = std::make_unique<EmptyStep>();
    return Status();
  }
  dispatch_bytes(y.dtype, [&](auto type) {
    auto tile = std::make_unique<TileStep>(run_tile<typename decltype(type)::type>);
    int64_t steps[kMaxRank];
    row_major(x, steps);
    for (int d = 0; d < x.rank; ++d) {
      tile->push(y.dims[d] / x.dims[d], 0);
      tile->push(x.dims[d], steps[d]);
    }
    if (tile->rank == 0) {
      tile->dims[0] = 1;
      tile->steps[0] = 1;
      tile->rank = 1;
    }
    tile->size = tile->dims[tile->rank - 1];
    tile->rows = y.size / tile->size;
    step = std::move(tile);
  });
  return Status();
}

}  // namespace grafo::cpu
