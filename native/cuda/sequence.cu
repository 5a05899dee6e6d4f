// Range and LinSpace.
#include <algorithm>

#include "cuda/strided.h"
#include "math/base.h"

namespace grafo::cuda {
namespace {

// Integers wrap around, so that a product is as good as the chain of additions.
template <class T>
__global__ void range_kernel(const T* start, const T* delta, T* y, int64_t n) {
  const T first = *start, by = *delta;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    y[i] = static_cast<T>(first + static_cast<uint64_t>(i) * by);
  }
}

// The power of two at or below a number that is neither 0 nor denormal; 0 of others.
__device__ float power_below(float x) { return math::from_bits(math::to_bits(x) & 0x7f800000u); }
__device__ double power_below(double x) { return math::from_bits(math::to_bits(x) & math::u64(0x7ff0000000000000)); }

// TensorFlow adds delta again and again: 0.1 ten times is not 1. Between two powers of two numbers are evenly spaced, and there
// each addition moves the sum by the same amount: delta rounded to that spacing, or, where delta ends on a half, whichever of
// its neighbours keeps the sum even, from the second addition on. So the chain is walked in a few runs for each power of two that
// it crosses, a run being as many equal moves as certainly stay between two of them. All the numbers of a run are exact.
template <class T>
struct Chain {
  T value;
  int64_t next = 0;  // place of `value`

  // The next places hold value + j * move, j below the change of `next`, which is at least 1.
  __device__ void run(T delta, int64_t end, T* move) {
    const T second = value + delta;
    *move = second - value;
    if (second == value || (second != second && value != value)) {
      *move = 0;
      next = end;
      return;
    }
    const int64_t length = equal_moves(second, delta, *move, end - next);
    value = length == 1 ? second : value + static_cast<T>(length) * *move;
    next += length;
  }

 private:
  __device__ int64_t equal_moves(T second, T delta, T move, int64_t most) const {
    const T low = power_below(second);
    if (low == 0 || low != power_below(value) || (value < 0) != (second < 0)) return 1;
    if ((second + delta) - second != move) return 1;  // so are infinite ones and NaN
    const T size = second < 0 ? -second : second;
    const bool grows = (second < 0) == (move < 0);
    const T room = grows ? (low - size) + low : size - low;
    // The last move ends before the room does by one move more, as it is not known from where it was rounded; the quotient
    // may be rounded up.
    const T moves = room / (move < 0 ? -move : move);
    const int64_t length = moves > 3 ? static_cast<int64_t>(moves) - 2 : 1;
    return length < most ? length : most;
  }
};

constexpr int kRuns = 64;
constexpr int kChainThreads = 256;

// Every block walks the same chain with its first thread; the runs are written by all.
template <class T>
__global__ void chain_kernel(const T* start, const T* delta, T* y, int64_t n) {
  __shared__ T values[kRuns], moves[kRuns];
  __shared__ int64_t places[kRuns + 1];
  __shared__ int runs;
  Chain<T> chain{*start};
  const T by = *delta;
  const int64_t thread = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, stride = int64_t{gridDim.x} * blockDim.x;
  for (;;) {
    if (threadIdx.x == 0) {
      int r = 0;
      for (; r < kRuns && chain.next < n; ++r) {
        values[r] = chain.value;
        places[r] = chain.next;
        chain.run(by, n, &moves[r]);
      }
      places[r] = chain.next;
      runs = r;
    }
    __syncthreads();
    if (runs == 0) return;
    for (int r = 0; r < runs; ++r) {
      const T value = values[r], move = moves[r];
      const int64_t first = places[r], length = places[r + 1] - first;
      for (int64_t j = thread; j < length; j += stride) {
        y[first + j] = j == 0 || move == 0 ? value : value + static_cast<T>(j) * move;
      }
    }
    __syncthreads();
  }
}

template <class T>
__global__ void linspace_kernel(const T* start, const T* stop, T* y, int64_t n) {
  const T first = *start, last = *stop;
  const T delta = (last - first) / static_cast<T>(n - 1);
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    // Rounding would miss the last one.
    y[i] = i == 0 ? first : i == n - 1 ? last : first + delta * static_cast<T>(i);
  }
}

template <class T>
struct SequenceStep final : PreparedStep {
  void (*kernel)(const T*, const T*, T*, int64_t);
  dim3 blocks;
  unsigned threads;
  int64_t n;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    if (n == 0) return {};
    return launch(device, kernel, blocks, threads, static_cast<const T*>(buffers[0]),
                  static_cast<const T*>(buffers[1]), static_cast<T*>(buffers[2]), n);
  }
};

template <class T>
StepPointer make_sequence(void (*kernel)(const T*, const T*, T*, int64_t), dim3 blocks, unsigned threads, int64_t n) {
  auto step = std::make_unique<SequenceStep<T>>();
  step->kernel = kernel;
  step->blocks = blocks;
  step->threads = threads;
  step->n = n;
  return step;
}

}  // namespace

Status prepare_range(const StepDesc& desc, Device& device, StepPointer& step) {
  const int64_t n = desc.outputs[0].size;
  dispatch_numeric(desc.outputs[0].dtype, [&](auto type) {
    using T = Wrapping<typename decltype(type)::type>;
    if constexpr (std::is_floating_point_v<T>) {
      const int64_t blocks = std::clamp<int64_t>(n >> 14, 1, device.multiprocessors);
      step = make_sequence(chain_kernel<T>, dim3(static_cast<unsigned>(blocks)), kChainThreads, n);
    }
    else {
      step = make_sequence(range_kernel<T>, blocks_for(n), kThreads, n);
    }
  });
  return {};
}

Status prepare_linspace(const StepDesc& desc, Device&, StepPointer& step) {
  const int64_t n = desc.outputs[0].size;
  if (desc.outputs[0].dtype == DType::kFloat32) step = make_sequence(linspace_kernel<float>, blocks_for(n), kThreads, n);
  else step = make_sequence(linspace_kernel<double>, blocks_for(n), kThreads, n);
  return {};
}

}  // namespace grafo::cuda
