// Cumulative: x as [outer, axis, inner]. Long rows are scanned by a block, piece by piece; else a thread goes along the axis.
#include "cuda/dispatch.h"
#include "cuda/kernels.h"
#include "math/functors.h"

namespace grafo::cuda {
namespace {

constexpr int kItems = 4;  // of a thread in a piece

struct Scan {
  int64_t outer = 1, axis = 1, inner = 1;
  bool exclusive = false, reverse = false;
};

template <class Combine, class T>
__global__ void __launch_bounds__(kThreads) along_kernel(Scan scan, T identity, const T* x, T* y, const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < scan.outer * scan.inner; i += stride) {
    const int64_t base = i / scan.inner * scan.axis * scan.inner + i % scan.inner;
    T sum = identity;
    for (int64_t a = 0; a < scan.axis; ++a) {
      const int64_t at = base + (scan.reverse ? scan.axis - 1 - a : a) * scan.inner;
      const T next = Combine()(sum, x[at]);
      y[at] = scan.exclusive ? sum : next;
      sum = next;
    }
  }
}

// What comes before a lane's or a warp's own is found by steps of 1, 2, 4 ...; `carry` is what earlier pieces gave.
template <class Combine, class T>
__global__ void __launch_bounds__(kThreads) row_kernel(Scan scan, T identity, const T* x, T* y, const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  __shared__ T warps[kThreads / 32];
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  for (int64_t row = blockIdx.x; row < scan.outer; row += gridDim.x) {
    const T* const from = x + row * scan.axis;
    T* const to = y + row * scan.axis;
    T carry = identity;
    for (int64_t begin = 0; begin < scan.axis; begin += kThreads * kItems) {
      T own[kItems];
      T sum = identity;
#pragma unroll
      for (int k = 0; k < kItems; ++k) {
        const int64_t a = begin + int(threadIdx.x) * kItems + k;
        own[k] = a < scan.axis ? from[scan.reverse ? scan.axis - 1 - a : a] : identity;
        sum = Combine()(sum, own[k]);
      }
      T upto = sum;
      for (int by = 1; by < 32; by *= 2) {
        const T before = T(__shfl_up_sync(0xffffffffu, upto, by));
        if (lane >= by) upto = Combine()(before, upto);
      }
      if (lane == 31) warps[warp] = upto;
      T before = T(__shfl_up_sync(0xffffffffu, upto, 1));
      if (lane == 0) before = identity;
      __syncthreads();
      T start = carry;
      for (int w = 0; w < int(kThreads / 32); ++w) {
        if (w < warp) start = Combine()(start, warps[w]);
        carry = Combine()(carry, warps[w]);
      }
      sum = Combine()(start, before);
#pragma unroll
      for (int k = 0; k < kItems; ++k) {
        const int64_t a = begin + int(threadIdx.x) * kItems + k;
        const T next = Combine()(sum, own[k]);
        if (a < scan.axis) to[scan.reverse ? scan.axis - 1 - a : a] = scan.exclusive ? sum : next;
        sum = next;
      }
      __syncthreads();
    }
  }
}

template <class Combine, class T>
struct CumulativeStep final : PreparedStep {
  Scan scan;
  T identity = 0;
  const unsigned* guard = nullptr;

  Status run(Device& device, RunContext&, void* const* buffers) override {
    if (scan.outer == 0 || scan.axis == 0 || scan.inner == 0) return {};
    const T* const x = static_cast<const T*>(buffers[0]);
    T* const y = static_cast<T*>(buffers[1]);
    if (scan.inner == 1 && scan.axis > 64)
      return launch(device, row_kernel<Combine, T>, blocks_for(scan.outer, 1), kThreads, scan, identity, x, y, guard);
    return launch(device, along_kernel<Combine, T>, blocks_for(scan.outer * scan.inner), kThreads, scan, identity, x, y,
                  guard);
  }
};

template <class Combine, class T>
void make(const StepDesc& desc, const Scan& scan, T identity, const Device& device, StepPointer& pointer) {
  auto step = std::make_unique<CumulativeStep<Combine, T>>();
  step->scan = scan;
  step->identity = identity;
  step->guard = guard_of(desc, device);
  pointer = std::move(step);
}

}  // namespace

Status prepare_cumulative(const StepDesc& desc, Device& device, StepPointer& step) {
  Words words(desc);
  const bool product = words.i32() != 0;
  const int axis = words.i32();
  Scan scan;
  scan.exclusive = words.i32() != 0;
  scan.reverse = words.i32() != 0;
  const TensorDesc& x = desc.inputs[0];
  for (int d = 0; d < x.rank; ++d) (d < axis ? scan.outer : d == axis ? scan.axis : scan.inner) *= x.dims[d];
  dispatch_numeric(x.dtype, [&](auto type) {
    using T = Wrapping<typename decltype(type)::type>;
    product ? make<math::Mul, T>(desc, scan, T(1), device, step) : make<math::Add, T>(desc, scan, T(0), device, step);
  });
  return {};
}

}  // namespace grafo::cuda
