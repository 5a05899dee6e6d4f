// Rows of softmax and the cross entropies. Rows of up to 512 floats or 256 doubles stay in the registers of some lanes of a warp; longer ones
// have a block each, which reads them three times, all but the first from the caches.
#pragma once
#include "cuda/device.h"
#include "math/functors.h"

namespace grafo::cuda {
namespace softmax {

constexpr int kLongRow = 0;  // kPer of rows that a block goes over

template <class T>
struct Larger {
  static __device__ __forceinline__ T combine(T a, T b) { return b > a ? b : a; }
};
template <class T>
struct Sum {
  static __device__ __forceinline__ T combine(T a, T b) { return a + b; }
};

// The lanes that share a row: all of them come to every reduction, those of rows past the end too.
template <class T, int kPer>
struct Lanes {
  int count;  // of a warp, or of the block
  T* shared;  // of the block: a value for each warp

  __device__ __forceinline__ int lane() const { return int(threadIdx.x) % count; }

  // What all lanes have together, told to each of them.
  template <class Combine>
  __device__ __forceinline__ T all(T a) const {
    for (int half = (count < 32 ? count : 32) / 2; half > 0; half /= 2)
      a = Combine::combine(a, __shfl_xor_sync(0xffffffffu, a, half));
    if constexpr (kPer == kLongRow) {
      if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = a;
      __syncthreads();
      a = shared[0];
      for (int w = 1; w < int(kThreads / 32); ++w) a = Combine::combine(a, shared[w]);
      __syncthreads();
    }
    return a;
  }
};

// One row's elements as a lane has them. visit(column, element).
template <class T, int kPer>
struct Row {
  const T* x;
  int64_t n;
  int first, step;
  T held[kPer == kLongRow ? 1 : kPer];

  __device__ __forceinline__ Row(const T* row, int64_t columns, int lane, int lanes)
      : x(row), n(columns), first(lane), step(lanes) {
    if constexpr (kPer != kLongRow) {
#pragma unroll
      for (int k = 0; k < kPer; ++k) held[k] = first + k * step < n ? x[first + k * step] : -math::kInfinity<T>;
    }
  }
  template <class Visit>
  __device__ __forceinline__ void each(Visit&& visit) const {
    if constexpr (kPer == kLongRow) {
      // Four exponentials of doubles at once would be spilled.
      constexpr int kAtOnce = sizeof(T) == 8 ? 2 : 4;
#pragma unroll kAtOnce
      for (int64_t c = first; c < n; c += step) visit(c, x[c]);
    } else {
#pragma unroll
      for (int k = 0; k < kPer; ++k)
        if (first + k * step < n) visit(int64_t(first + k * step), held[k]);
    }
  }
};

// NaNs are passed over by the maximum and come back with the exponentials.
template <class T, int kPer>
__device__ __forceinline__ T most_of(const Row<T, kPer>& row, const Lanes<T, kPer>& lanes) {
  T most = -math::kInfinity<T>;
  row.each([&](int64_t, T x) { most = x > most ? x : most; });
  return lanes.template all<Larger<T>>(most);
}
template <class T, int kPer>
__device__ __forceinline__ T sum_of(const Row<T, kPer>& row, T most, const Lanes<T, kPer>& lanes) {
  T sum = 0;
  row.each([&](int64_t, T x) { sum += math::exp(x - most); });
  return lanes.template all<Sum<T>>(sum);
}

// body(row number, whether it is one, lanes) for every row, by all threads together.
template <class T, int kPer, class Body>
__device__ __forceinline__ void for_rows(int64_t rows, int count, Body&& body) {
  __shared__ T shared[kThreads / 32];
  const Lanes<T, kPer> lanes{count, shared};
  const int64_t at_once = blockDim.x / count;
  for (int64_t first = blockIdx.x * at_once; first < rows; first += gridDim.x * at_once) {
    const int64_t row = first + threadIdx.x / count;
    body(row < rows ? row : rows - 1, row < rows, lanes);
  }
}

// visit.template operator()<kPer>(lanes of a row) for rows of n elements.
template <class T, class Visit>
Status by_length(int64_t n, Visit&& visit) {
  constexpr int kMost = 64 / sizeof(T);
  if (n > 32 * kMost) return visit.template operator()<kLongRow>(static_cast<int>(kThreads));
  if (n > 128) return visit.template operator()<kMost>(32);
  if (n > 32) return visit.template operator()<4>(32);
  int lanes = 1;
  while (lanes < n) lanes *= 2;
  return visit.template operator()<1>(lanes);
}

}  // namespace softmax
}  // namespace grafo::cuda
