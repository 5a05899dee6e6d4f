// The kernels of Reduce. Every order of combining follows from the shape: which thread takes an element, its place in that
// thread's leaves, then lanes in halves. A thread never adds more than 64 elements one after another, so errors stay those of a tree.
#pragma once
#include "cuda/reduce.h"

#pragma nv_diag_suppress 186
#include "math/reduce_tree.h"

namespace grafo::cuda {
namespace reduce {

constexpr int kLeafOf = 8;

// Blocks a multiprocessor shall hold: 40 registers a thread. Unasked, the compiler for sm_100 takes 32, and spills.
constexpr int kBlocks = 6;

// Several groups are of fewer than 2^31 elements (reduce.cc): 64-bit divisions are long and take many registers.
__device__ __forceinline__ int64_t offset_of(const Groups& groups, int64_t index) {
  if (groups.count <= 1) return groups.count == 0 ? 0 : index * groups.stride[0];
  int64_t sum = 0;
  auto rest = uint32_t(index);
#pragma unroll 1
  for (int g = groups.count - 1; g > 0; --g) {
    const auto extent = uint32_t(groups.extent[g]);
    sum += rest % extent * groups.stride[g];
    rest /= extent;
  }
  return sum + rest * groups.stride[0];
}

// A row's elements: one run of memory, or runs of `inner`.
template <class T>
struct Row {
  const T* base;
  const ReduceShape& shape;
  __device__ __forceinline__ T operator[](int64_t r) const {
    if (shape.reduced.count == 0) return base[r];
    const auto inner = uint32_t(shape.inner);
    return base[offset_of(shape.reduced, uint32_t(r) / inner) + uint32_t(r) % inner];
  }
};

template <class To, bool kMean, class A>
__device__ __forceinline__ void store(void* y, int64_t at, A a, int64_t divisor, bool last) {
  if (!last) {
    static_cast<A*>(y)[at] = a;
    return;
  }
  if constexpr (kMean) {
    if (divisor >= 0) a = a / A(divisor);
  }
  static_cast<To*>(y)[at] = To(a);
}

template <class Reducer, class A>
__device__ __forceinline__ A in_halves(A a, int lanes) {
  for (int half = lanes / 2; half > 0; half /= 2)
    a = Reducer::combine(a, A(__shfl_xor_sync(0xffffffffu, a, half)));
  return a;
}

// Rows of up to a few hundred elements (or many rows): `lanes` of a warp take one.
template <class Reducer, class A, class From, class To, bool kMean>
__global__ void __launch_bounds__(kThreads, kBlocks) short_rows(ReduceShape shape, const From* x, void* y, int lanes,
                                                                bool last, const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  const int64_t rows_of_block = blockDim.x / lanes;
  const int lane = int(threadIdx.x) % lanes;
  const int64_t length = shape.length;
  for (int64_t first = blockIdx.x * rows_of_block; first < shape.outputs; first += gridDim.x * rows_of_block) {
    const int64_t row = first + threadIdx.x / lanes;
    A sum = Reducer::template identity<A>();
    if (row < shape.outputs) {
      const Row<From> from{x + offset_of(shape.kept, row), shape};
      for (int64_t r = lane; r < length; r += kLeafOf * lanes) {
        A leaf = Reducer::combine(Reducer::template identity<A>(), A(from[r]));
#pragma unroll
        for (int k = 1; k < kLeafOf; ++k)
          if (r + k * lanes < length) leaf = Reducer::combine(leaf, A(from[r + k * lanes]));
        sum = Reducer::combine(sum, leaf);
      }
    }
    sum = in_halves<Reducer>(sum, lanes);
    if (lane == 0 && row < shape.outputs) store<To, kMean>(y, row, sum, shape.divisor, last);
  }
}

// Sixteen bytes.
template <class T>
struct alignas(16) Sixteen {
  T v[16 / sizeof(T)];
};

// A block takes a piece of a row, 16 bytes a thread at a time.
template <class Reducer, class A, class From, class To, bool kMean>
__global__ void __launch_bounds__(kThreads, kBlocks) long_rows(ReduceShape shape, const From* x, void* y,
                                                               int64_t chunks, bool last, const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  constexpr int kV = 16 / int(sizeof(From));
  __shared__ A warps[kThreads / 32];
  const auto items = uint32_t(shape.outputs * chunks);
  for (uint32_t item = blockIdx.x; item < items; item += gridDim.x) {
    const int64_t row = item / uint32_t(chunks), begin = int64_t(item % uint32_t(chunks)) * kReduceChunk;
    const int64_t end = begin + kReduceChunk < shape.length ? begin + kReduceChunk : shape.length;
    const From* const base = x + offset_of(shape.kept, row);
    const Row<From> from{base, shape};
    const bool vectors = shape.reduced.count == 0 && reinterpret_cast<uint64_t>(base) % 16 == 0;
    A sum = Reducer::template identity<A>();
#pragma unroll 4
    for (int64_t r = begin + int(threadIdx.x) * kV; r < end; r += kThreads * kV) {
      A leaf = Reducer::template identity<A>();
      if (vectors && r + kV <= end) {
        const Sixteen<From> pack = *reinterpret_cast<const Sixteen<From>*>(base + r);
#pragma unroll
        for (int k = 0; k < kV; ++k) leaf = Reducer::combine(leaf, A(pack.v[k]));
      } else {
        for (int k = 0; k < kV && r + k < end; ++k) leaf = Reducer::combine(leaf, A(from[r + k]));
      }
      sum = Reducer::combine(sum, leaf);
    }
    sum = in_halves<Reducer>(sum, 32);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x < 32) {
      sum = threadIdx.x < kThreads / 32 ? warps[threadIdx.x] : Reducer::template identity<A>();
      sum = in_halves<Reducer>(sum, kThreads / 32);
      if (threadIdx.x == 0) store<To, kMean>(y, item, sum, shape.divisor, last);
    }
    __syncthreads();
  }
}

// A block takes a strip of columns and a piece of their rows; threads side by side read what lies side by side.
template <class Reducer, class A, class From, class To, bool kMean>
__global__ void __launch_bounds__(kThreads) columns(ReduceShape shape, const From* x, void* y, uint32_t items, uint32_t strips,
                                                    int64_t chunks, bool last, const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  __shared__ A sums[kThreads];
  const int width = int(blockDim.x), height = int(blockDim.y);
  const int tx = int(threadIdx.x), ty = int(threadIdx.y);
  const int rows = height * kReduceSteps;
  for (uint32_t item = blockIdx.x; item < items; item += gridDim.x) {
    const uint32_t chunk = item % uint32_t(chunks), strip = item / uint32_t(chunks) % strips;
    const uint32_t outer = item / uint32_t(chunks) / strips;
    const int64_t column = int64_t(strip) * width + tx;
    const int64_t begin = int64_t(chunk) * rows;
    const int64_t end = begin + rows < shape.length ? begin + rows : shape.length;
    A sum = Reducer::template identity<A>();
    if (column < shape.inner) {
      const From* const from = x + offset_of(shape.kept, outer) + column;
      if (shape.reduced.count <= 1) {
        const int64_t stride = shape.reduced.count == 0 ? 0 : shape.reduced.stride[0];
#pragma unroll 1
        for (int64_t r = begin + ty; r < end; r += kLeafOf * height) {
          A leaf = Reducer::combine(Reducer::template identity<A>(), A(from[r * stride]));
#pragma unroll
          for (int k = 1; k < kLeafOf; ++k)
            if (r + k * height < end) leaf = Reducer::combine(leaf, A(from[(r + k * height) * stride]));
          sum = Reducer::combine(sum, leaf);
        }
      } else {
        A leaf = Reducer::template identity<A>();
        int in_leaf = 0;
#pragma unroll 1
        for (int64_t r = begin + ty; r < end; r += height) {
          leaf = Reducer::combine(leaf, A(from[offset_of(shape.reduced, r)]));
          if (++in_leaf < kLeafOf) continue;
          sum = Reducer::combine(sum, leaf);
          leaf = Reducer::template identity<A>();
          in_leaf = 0;
        }
        sum = Reducer::combine(sum, leaf);
      }
    }
    sums[ty * width + tx] = sum;
    __syncthreads();
    for (int half = height / 2; half > 0; half /= 2) {
      if (ty < half) sums[ty * width + tx] = Reducer::combine(sums[ty * width + tx], sums[(ty + half) * width + tx]);
      __syncthreads();
    }
    if (ty == 0 && column < shape.inner)
      store<To, kMean>(y, chunk * shape.outputs + outer * shape.inner + column, sums[tx], shape.divisor, last);
    __syncthreads();
  }
}

template <class Reducer, class A, class From, class To, bool kMean>
Status run_stage(Device& device, const ReduceShape& shape, const void* x, void* y, int64_t chunks, bool last,
                 const unsigned* guard) {
  const From* const from = static_cast<const From*>(x);
  if (shape.rows == 0) {
    const unsigned width = shape.inner <= 8 ? 8 : shape.inner <= 16 ? 16 : 32;
    const int64_t strips = (shape.inner + width - 1) / width, items = strips * shape.kept.product * chunks;
    return launch(device, columns<Reducer, A, From, To, kMean>, blocks_for(items, 1), dim3(width, kThreads / width), shape,
                  from, y, items, strips, chunks, last, guard);
  }
  // Few rows that are not short: a block each, or the device would be idle.
  if (chunks > 1 || shape.length > 2048 || (shape.length > 256 && shape.outputs < 2048))
    return launch(device, long_rows<Reducer, A, From, To, kMean>, blocks_for(shape.outputs * chunks, 1), kThreads, shape,
                  from, y, chunks, last, guard);
  int lanes = 1;
  while (lanes < 32 && lanes * kLeafOf < shape.length) lanes *= 2;
  return launch(device, short_rows<Reducer, A, From, To, kMean>, blocks_for(shape.outputs, kThreads / lanes), kThreads,
                shape, from, y, lanes, last, guard);
}

template <class Reducer, class A, class From, class To, bool kMean>
constexpr ReduceKernels kKernels = {sizeof(A), run_stage<Reducer, A, From, To, kMean>,
                                    run_stage<Reducer, A, A, To, kMean>};

}  // namespace reduce
}  // namespace grafo::cuda
