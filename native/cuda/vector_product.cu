// A matrix times a vector by own kernels. `Lines` are the matrix's rows or columns that give one number each, `depth` is k.
// Where there are few lines and k is long, pieces of k are blocks of their own.
#include "cuda/dispatch.h"
#include "cuda/product.cuh"

namespace grafo::cuda {
namespace {

// The piece of k of a block and where the results of that piece go.
template <class T>
struct Piece {
  int64_t begin, end;
  T* y;

  __device__ Piece(T* all, const Product& p, int64_t lines, int64_t of_k) {
    begin = blockIdx.z * of_k;
    end = begin + of_k < p.k ? begin + of_k : p.k;
    y = all + blockIdx.z * p.batches * lines;
  }
};

template <class T>
struct Operands {
  const T *matrix, *vector;
  bool matrix_is_a;

  __device__ Operands at(const Product& p, int64_t batch) const {
    int64_t at_a, at_b;
    p.offsets(batch, &at_a, &at_b);
    return {matrix + (matrix_is_a ? at_a : at_b), vector + (matrix_is_a ? at_b : at_a), matrix_is_a};
  }
};

// A line lies in one run: a warp each, whose lanes take every 32nd item and meet in a fixed tree.
template <class T>
__global__ void lines_kernel(Operands<T> all, T* to, int64_t lines, int64_t of_k, Product p) {
  const int64_t warps = int64_t{gridDim.x} * (blockDim.x / 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  const Piece<T> piece(to, p, lines, of_k);
  for (int64_t batch = blockIdx.y; batch < p.batches; batch += gridDim.y) {
    const Operands<T> x = all.at(p, batch);
    for (int64_t line = int64_t{blockIdx.x} * (blockDim.x / 32) + threadIdx.x / 32; line < lines; line += warps) {
      T sum = 0;
      for (int64_t k = piece.begin + lane; k < piece.end; k += 32) {
        sum = add_product(x.matrix[line * p.k + k], x.vector[k], sum);
      }
      for (int by = 16; by > 0; by /= 2) sum = sum + __shfl_xor_sync(0xffffffffu, sum, by);
      if (lane == 0) piece.y[batch * lines + line] = sum;
    }
  }
}

// Neighbours in memory are of neighbouring lines: 32 lines by 8 parts of k, which are added in their order.
constexpr int kParts = 8;

template <class T>
__global__ void columns_kernel(Operands<T> all, T* to, int64_t lines, int64_t of_k, Product p) {
  __shared__ T parts[kParts][32];
  const int64_t line = int64_t{blockIdx.x} * 32 + threadIdx.x;
  const Piece<T> piece(to, p, lines, of_k);
  for (int64_t batch = blockIdx.y; batch < p.batches; batch += gridDim.y) {
    const Operands<T> x = all.at(p, batch);
    T sum = 0;
    for (int64_t k = piece.begin + threadIdx.y; line < lines && k < piece.end; k += kParts) {
      sum = add_product(x.matrix[k * lines + line], x.vector[k], sum);
    }
    parts[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && line < lines) {
      for (int part = 1; part < kParts; ++part) sum = sum + parts[part][threadIdx.x];
      piece.y[batch * lines + line] = sum;
    }
    __syncthreads();
  }
}

// The same of few lines (at most 16): threads take items as they lie in memory, each always of the same line, and meet in a tree.
template <class T>
__global__ void narrow_kernel(Operands<T> all, T* to, int64_t lines, int64_t of_k, Product p) {
  __shared__ T sums[kThreads];
  const int width = static_cast<int>(lines), rows = kThreads / width, thread = static_cast<int>(threadIdx.x);
  const int row = thread / width, line = thread % width;
  const Piece<T> piece(to, p, lines, of_k);
  for (int64_t batch = blockIdx.y; batch < p.batches; batch += gridDim.y) {
    const Operands<T> x = all.at(p, batch);
    T sum = 0;
    for (int64_t k = piece.begin + row; row < rows && k < piece.end; k += rows) {
      sum = add_product(x.matrix[k * width + line], x.vector[k], sum);
    }
    sums[thread] = sum;
    __syncthreads();
    for (int left = rows; left > 1;) {
      const int half = (left + 1) / 2;
      if (row + half < left) sums[thread] = sums[thread] + sums[thread + half * width];
      left = half;
      __syncthreads();
    }
    if (row == 0) piece.y[batch * lines + line] = sums[thread];
    __syncthreads();
  }
}

template <class T>
struct VectorStep final : PreparedStep {
  Product product;
  Pieces pieces;
  bool matrix_is_a;
  int64_t lines;
  void (*kernel)(Operands<T>, T*, int64_t, int64_t, Product);
  dim3 grid, block;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    const Operands<T> operands{static_cast<const T*>(buffers[matrix_is_a ? 0 : 1]),
                               static_cast<const T*>(buffers[matrix_is_a ? 1 : 0]), matrix_is_a};
    TRY(launch(device, kernel, grid, block, operands, static_cast<T*>(pieces.target(buffers[2])), lines, pieces.of_k,
               product));
    return pieces.finish(device, buffers[2]);
  }
};

// Blocks that keep a large GPU busy with memory.
constexpr int64_t kBusy = 512;

template <class T>
Status make(const Product& product, DType dtype, Device& device, StepPointer& pointer) {
  auto step = std::make_unique<VectorStep<T>>();
  step->product = product;
  step->matrix_is_a = product.n == 1;
  const int64_t lines = step->lines = step->matrix_is_a ? product.m : product.n;
  const bool by_lines = lines > 1 && (step->matrix_is_a ? !product.transpose_a : product.transpose_b);
  int64_t blocks, least, unit;
  if (by_lines) {
    step->kernel = lines_kernel<T>;
    step->block = dim3(kThreads);
    blocks = (lines + kThreads / 32 - 1) / (kThreads / 32);
    least = 1024;
    unit = 32;
  } else if (lines <= 16) {
    step->kernel = narrow_kernel<T>;
    step->block = dim3(kThreads);
    blocks = 1;
    unit = kThreads / lines;
    least = 16 * unit;
  } else {
    step->kernel = columns_kernel<T>;
    step->block = dim3(32, kParts);
    blocks = (lines + 31) / 32;
    least = 256;
    unit = kParts;
  }
  const int64_t all = blocks * product.batches;
  TRY(step->pieces.prepare(device, product, dtype, (kBusy + all - 1) / all, least, unit));
  step->grid = dim3(static_cast<unsigned>(blocks < (1 << 20) ? blocks : 1 << 20),
                    static_cast<unsigned>(product.batches < 65535 ? product.batches : 65535),
                    static_cast<unsigned>(step->pieces.count));
  if (!by_lines) step->grid.x = static_cast<unsigned>(blocks);  // those kernels do not loop over lines
  pointer = std::move(step);
  return {};
}

}  // namespace

Status vector_product(const Product& product, DType dtype, Device& device, StepPointer& step) {
  return by_product_type(dtype, [&](auto zero) { return make<decltype(zero)>(product, dtype, device, step); });
}

}  // namespace grafo::cuda
