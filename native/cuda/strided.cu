// Copies along a walk, in units of up to 16 bytes.
#include <algorithm>

#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

template <class I>
struct Strides {
  int rank;
  I offset;
  Divisor<I> dims[kWalkRank];
  I steps[kWalkRank];  // negative ones wrap around, as their sum does

  __device__ I at(I i) const {
    I position = offset;
    for (int d = rank - 1; d > 0; --d) {
      const I above = dims[d].quotient(i);
      position += (i - above * static_cast<I>(dims[d].by)) * steps[d];
      i = above;
    }
    return position + i * steps[0];
  }
};

template <class U, class I>
__global__ void strided_kernel(const U* x, U* y, Strides<I> strides, I n) {
  const I stride = static_cast<I>(gridDim.x) * blockDim.x;
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) y[i] = x[strides.at(i)];
}

template <class U, class I>
struct StridedStep final : PreparedStep {
  Strides<I> strides;
  I n;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return launch(device, strided_kernel<U, I>, blocks_for(n), kThreads, static_cast<const U*>(buffers[0]),
                  static_cast<U*>(buffers[1]), strides, n);
  }
};

// Rows that lie in one piece move in wider units than an item.
int64_t widen(Walk& walk, int64_t item) {
  const int last = walk.rank - 1;
  if (walk.steps[last] != 1) return item;
  Unit unit;
  unit.fit(walk.dims[last] * item);
  unit.fit(walk.offset * item);
  for (int d = 0; d < last; ++d) unit.fit(walk.steps[d] * item);
  const int64_t items = unit.bytes / item;
  walk.dims[last] /= items;
  walk.offset /= items;
  for (int d = 0; d < last; ++d) walk.steps[d] /= items;
  return unit.bytes;
}

}  // namespace

StepPointer strided_copy(Walk walk, int64_t item_bytes, int64_t size) {
  const int64_t unit = widen(walk, item_bytes);
  StepPointer step;
  dispatch_index(std::max(walk.size(), size / (unit / item_bytes)), [&](auto index) {
    using I = typename decltype(index)::type;
    Strides<I> strides{walk.rank, static_cast<I>(walk.offset), {}, {}};
    for (int d = 0; d < walk.rank; ++d) {
      strides.dims[d] = Divisor<I>(walk.dims[d]);
      strides.steps[d] = static_cast<I>(walk.steps[d]);
    }
    dispatch_unit(unit, [&](auto type) {
      auto copy = std::make_unique<StridedStep<typename decltype(type)::type, I>>();
      copy->strides = strides;
      copy->n = static_cast<I>(walk.size());
      step = std::move(copy);
    });
  });
  return step;
}

Status prepare_tile(const StepDesc& desc, Device&, StepPointer& step) {
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  if (y.size == 0) {
    step = std::make_unique<NothingStep>();
    return {};
  }
  int64_t steps[kMaxRank];
  row_major(x, steps);
  Walk walk;
  for (int d = 0; d < x.rank; ++d) {
    walk.push(y.dims[d] / x.dims[d], 0);
    walk.push(x.dims[d], steps[d]);
  }
  walk.close();
  step = strided_copy(walk, static_cast<int64_t>(item_size(y.dtype)), x.size);
  return {};
}

}  // namespace grafo::cuda
