// OneHot: y is off everywhere but on at the index along a new axis; an index out of range is off everywhere.
#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

// y is [outer, depth, inner], indices are [outer, inner]. A thread writes one element.
template <class T, class Index, class I>
__global__ void one_hot_kernel(const Index* indices, const T* on, const T* off, T* y, Divisor<I> depth, Divisor<I> inner,
                               I n) {
  const T here = *on, elsewhere = *off;
  const I stride = static_cast<I>(gridDim.x) * blockDim.x, width = static_cast<I>(inner.by);
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
    const I above = inner.quotient(i), outer = depth.quotient(above);
    const I place = above - outer * static_cast<I>(depth.by);
    const Index index = indices[outer * width + (i - above * width)];
    // A negative index is above every place.
    y[i] = static_cast<uint64_t>(static_cast<int64_t>(index)) == place ? here : elsewhere;
  }
}

template <class T, class Index, class I>
struct OneHotStep final : PreparedStep {
  Divisor<I> depth, inner;
  I n;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return launch(device, one_hot_kernel<T, Index, I>, blocks_for(n), kThreads, static_cast<const Index*>(buffers[0]),
                  static_cast<const T*>(buffers[1]), static_cast<const T*>(buffers[2]), static_cast<T*>(buffers[3]),
                  depth, inner, n);
  }
};

template <class Index>
void make_one_hot(const StepDesc& desc, StepPointer& step) {
  const TensorDesc& y = desc.outputs[0];
  const int axis = Words(desc).i32();
  dispatch_bytes(static_cast<int64_t>(item_size(y.dtype)), [&](auto type) {
    dispatch_index(y.size, [&](auto position) {
      using I = typename decltype(position)::type;
      auto one_hot = std::make_unique<OneHotStep<typename decltype(type)::type, Index, I>>();
      one_hot->depth = Divisor<I>(y.dims[axis]);
      one_hot->inner = Divisor<I>(extent(y, axis + 1, y.rank));
      one_hot->n = static_cast<I>(y.size);
      step = std::move(one_hot);
    });
  });
}

}  // namespace

Status prepare_one_hot(const StepDesc& desc, Device&, StepPointer& step) {
  if (desc.outputs[0].size == 0) {
    step = std::make_unique<NothingStep>();
    return {};
  }
  switch (desc.inputs[0].dtype) {
    case DType::kUint8:
      make_one_hot<uint8_t>(desc, step);
      break;
    case DType::kInt32:
      make_one_hot<int32_t>(desc, step);
      break;
    default:
      make_one_hot<int64_t>(desc, step);
  }
  return {};
}

}  // namespace grafo::cuda
