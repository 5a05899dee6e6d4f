// ArgReduce: x as [outer, axis, inner]; a block's threads share the axis of one position (rows) or of some that lie side by side.
#include "cuda/dispatch.h"
#include "cuda/kernels.h"
#include "math/functors.h"

namespace grafo::cuda {
namespace {

// Starts from the lowest finite number at index 0, as Eigen's tuple reducer does: NaN never wins, and neither does -Inf.
template <class T, bool kLargest>
struct Best {
  T value = kLargest ? math::kLowest<T> : math::kHighest<T>;
  int64_t index = 0;

  __device__ __forceinline__ static bool wins(T x, T best) { return kLargest ? x > best : x < best; }
  __device__ __forceinline__ void take(T x, int64_t at) {
    if (!wins(x, value)) return;
    value = x;
    index = at;
  }
  // The first index on ties.
  __device__ __forceinline__ void take(const Best& other) {
    if (wins(other.value, value) || (other.value == value && other.index < index)) *this = other;
  }
};

// blockDim is (positions side by side, threads that share each).
template <class T, bool kLargest>
__global__ void __launch_bounds__(kThreads) arg_kernel(const T* x, void* y, int64_t outer, int64_t axis, int64_t inner,
                                                       bool wide, const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  __shared__ unsigned char memory[kThreads * sizeof(Best<T, kLargest>)];
  auto* const bests = reinterpret_cast<Best<T, kLargest>*>(memory);
  const int width = int(blockDim.x), height = int(blockDim.y);
  const int tx = int(threadIdx.x), ty = int(threadIdx.y), own = ty * width + tx;
  const int64_t strips = (inner + width - 1) / width;
  for (int64_t item = blockIdx.x; item < outer * strips; item += gridDim.x) {
    const int64_t o = item / strips, position = item % strips * width + tx;
    Best<T, kLargest> best;
    if (position < inner) {
      const T* const from = x + o * axis * inner + position;
#pragma unroll 4
      for (int64_t a = ty; a < axis; a += height) best.take(from[a * inner], a);
    }
    bests[own] = best;
    __syncthreads();
    for (int half = height / 2; half > 0; half /= 2) {
      if (ty < half) bests[own].take(bests[own + half * width]);
      __syncthreads();
    }
    if (ty == 0 && position < inner) {
      const int64_t to = o * inner + position;
      if (wide) static_cast<int64_t*>(y)[to] = bests[own].index;
      else static_cast<int32_t*>(y)[to] = int32_t(bests[own].index);
    }
    __syncthreads();
  }
}

template <class T, bool kLargest>
struct ArgStep final : PreparedStep {
  int64_t outer = 1, axis = 1, inner = 1;
  bool wide = true;
  const unsigned* guard = nullptr;

  Status run(Device& device, RunContext&, void* const* buffers) override {
    if (outer == 0 || inner == 0) return {};
    unsigned width = 1, height = kThreads;
    while (width < 32 && width < inner) width *= 2;
    height /= width;
    while (height > 1 && height / 2 >= axis) height /= 2;
    const int64_t strips = (inner + width - 1) / width;
    return launch(device, arg_kernel<T, kLargest>, blocks_for(outer * strips, 1), dim3(width, height),
                  static_cast<const T*>(buffers[0]), buffers[1], outer, axis, inner, wide, guard);
  }
};

template <class T, bool kLargest>
void make(const StepDesc& desc, int axis, const Device& device, StepPointer& pointer) {
  auto step = std::make_unique<ArgStep<T, kLargest>>();
  const TensorDesc& x = desc.inputs[0];
  for (int d = 0; d < x.rank; ++d) (d < axis ? step->outer : d == axis ? step->axis : step->inner) *= x.dims[d];
  step->wide = desc.outputs[0].dtype == DType::kInt64;
  step->guard = guard_of(desc, device);
  pointer = std::move(step);
}

}  // namespace

Status prepare_arg_reduce(const StepDesc& desc, Device& device, StepPointer& step) {
  Words words(desc);
  const bool smallest = words.i32() != 0;
  const int axis = words.i32();
  dispatch_numeric(desc.inputs[0].dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    smallest ? make<T, false>(desc, axis, device, step) : make<T, true>(desc, axis, device, step);
  });
  return {};
}

}  // namespace grafo::cuda
