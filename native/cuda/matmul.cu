// MatMul: tiles of c in registers, fed through shared memory; a matrix times a vector by rows or by columns.
#include "cuda/dispatch.h"
#include "cuda/product.h"
#include "cuda/strided.h"
#include "math/base.h"

namespace grafo::cuda {
namespace {

// Sums are taken in the order of k by one thread. Integers wrap around.
__device__ float add_product(float a, float b, float sum) { return math::fma(a, b, sum); }
__device__ double add_product(double a, double b, double sum) { return math::fma(a, b, sum); }
template <class T>
__device__ T add_product(T a, T b, T sum) {
  return sum + a * b;
}

// A block computes kM by kN of c with 256 threads, kK of k at a time; a thread owns kT by kT of them, in groups of at most 4 beside
// each other. While a tile is multiplied the next one is on its way from memory.
template <class T, int kM, int kK, int kT>
struct Tiles {
  static constexpr int kSide = kM / kT;  // threads along a side
  static constexpr int kCount = kSide * kSide;
  static constexpr int kLoads = kM * kK / kCount;
  static constexpr int kGroup = kT < 4 ? kT : 4;
  static constexpr int kPitch = kM + 4;

  // What a thread brings of an operand. Lines are rows of op(a), columns of op(b); `by_k`: items along k follow each other.
  struct Reader {
    const T* from;
    int64_t hop, advance;  // from one item to the next, from one tile to the next
    int line, depth, line_hop, depth_hop, lines;

    __device__ Reader(const T* x, bool by_k, int64_t all_lines, int64_t all_depth, int64_t first) {
      const int e = static_cast<int>(threadIdx.x);
      line = by_k ? e / kK : e % kM;
      depth = by_k ? e % kK : e / kM;
      line_hop = by_k ? kCount / kK : 0;
      depth_hop = by_k ? 0 : kCount / kM;
      lines = all_lines - first < kM ? static_cast<int>(all_lines - first) : kM;
      from = x + (by_k ? (first + line) * all_depth + depth : depth * all_lines + first + line);
      hop = by_k ? line_hop * all_depth : depth_hop * all_lines;
      advance = by_k ? kK : kK * all_lines;
    }
    __device__ void load(int64_t left, T* items) {
      const int depths = left < kK ? static_cast<int>(left) : kK;
#pragma unroll
      for (int l = 0; l < kLoads; ++l) {
        const bool inside = line + l * line_hop < lines && depth + l * depth_hop < depths;
        items[l] = inside ? from[l * hop] : T(0);
      }
      from += advance;
    }
    __device__ void store(const T* items, T (*tile)[kPitch]) const {
#pragma unroll
      for (int l = 0; l < kLoads; ++l) tile[depth + l * depth_hop][line + l * line_hop] = items[l];
    }
  };
  static __device__ int place(int thread, int i) { return i / kGroup * (kSide * kGroup) + thread * kGroup + i % kGroup; }
};

template <class T, int kM, int kK, int kT>
__global__ void __launch_bounds__(kM / kT * (kM / kT), 2)
    tile_product_kernel(const T* a, const T* b, T* c, Product p) {
  using Tile = Tiles<T, kM, kK, kT>;
  alignas(16) __shared__ T tile_a[kK][Tile::kPitch];
  alignas(16) __shared__ T tile_b[kK][Tile::kPitch];
  const int64_t wide = (p.n + kM - 1) / kM;
  const int64_t row = blockIdx.x / wide * kM, column = blockIdx.x % wide * kM;
  const int ty = static_cast<int>(threadIdx.x) / Tile::kSide, tx = static_cast<int>(threadIdx.x) % Tile::kSide;
  for (int64_t batch = blockIdx.y; batch < p.batches; batch += gridDim.y) {
    int64_t at_a, at_b;
    p.offsets(batch, &at_a, &at_b);
    T next_a[Tile::kLoads], next_b[Tile::kLoads], sums[kT][kT] = {};
    typename Tile::Reader read_a(a + at_a, !p.transpose_a, p.m, p.k, row);
    typename Tile::Reader read_b(b + at_b, p.transpose_b, p.n, p.k, column);
    read_a.load(p.k, next_a);
    read_b.load(p.k, next_b);
    for (int64_t k = 0; k < p.k; k += kK) {
      read_a.store(next_a, tile_a);
      read_b.store(next_b, tile_b);
      __syncthreads();
      if (k + kK < p.k) {
        read_a.load(p.k - k - kK, next_a);
        read_b.load(p.k - k - kK, next_b);
      }
#pragma unroll
      for (int kk = 0; kk < kK; ++kk) {
        T of_a[kT], of_b[kT];
#pragma unroll
        for (int i = 0; i < kT; ++i) {
          of_a[i] = tile_a[kk][Tile::place(ty, i)];
          of_b[i] = tile_b[kk][Tile::place(tx, i)];
        }
#pragma unroll
        for (int i = 0; i < kT; ++i) {
#pragma unroll
          for (int j = 0; j < kT; ++j) sums[i][j] = add_product(of_a[i], of_b[j], sums[i][j]);
        }
      }
      __syncthreads();
    }
    T* const to = c + batch * p.m * p.n;
#pragma unroll
    for (int i = 0; i < kT; ++i) {
      const int64_t r = row + Tile::place(ty, i);
#pragma unroll
      for (int j = 0; j < kT; ++j) {
        const int64_t q = column + Tile::place(tx, j);
        if (r < p.m && q < p.n) to[r * p.n + q] = sums[i][j];
      }
    }
  }
}

// A matrix of `lines` times a vector. By lines: a warp each, whose lanes take every 32nd item of k and meet in a fixed tree.
template <class T>
__global__ void lines_kernel(const T* matrix, const T* vector, T* y, int64_t lines, int64_t depth, Product p,
                             bool matrix_is_a) {
  const int64_t warps = int64_t{gridDim.x} * (blockDim.x / 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int64_t batch = blockIdx.y; batch < p.batches; batch += gridDim.y) {
    int64_t at_a, at_b;
    p.offsets(batch, &at_a, &at_b);
    const T* const x = matrix + (matrix_is_a ? at_a : at_b);
    const T* const v = vector + (matrix_is_a ? at_b : at_a);
    for (int64_t line = int64_t{blockIdx.x} * (blockDim.x / 32) + threadIdx.x / 32; line < lines; line += warps) {
      T sum = 0;
      for (int64_t k = lane; k < depth; k += 32) sum = add_product(x[line * depth + k], v[k], sum);
      for (int by = 16; by > 0; by /= 2) sum = sum + __shfl_xor_sync(0xffffffffu, sum, by);
      if (lane == 0) y[batch * lines + line] = sum;
    }
  }
}

// By columns: neighbours in memory are of neighbouring lines. 32 lines by 8 parts of k, which are added in their order.
constexpr int kParts = 8;

template <class T>
__global__ void columns_kernel(const T* matrix, const T* vector, T* y, int64_t lines, int64_t depth, Product p,
                               bool matrix_is_a) {
  __shared__ T parts[kParts][32];
  const int64_t line = int64_t{blockIdx.x} * 32 + threadIdx.x;
  for (int64_t batch = blockIdx.y; batch < p.batches; batch += gridDim.y) {
    int64_t at_a, at_b;
    p.offsets(batch, &at_a, &at_b);
    const T* const x = matrix + (matrix_is_a ? at_a : at_b);
    const T* const v = vector + (matrix_is_a ? at_b : at_a);
    T sum = 0;
    for (int64_t k = threadIdx.y; line < lines && k < depth; k += kParts) {
      sum = add_product(x[k * lines + line], v[k], sum);
    }
    parts[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && line < lines) {
      for (int part = 1; part < kParts; ++part) sum = sum + parts[part][threadIdx.x];
      y[batch * lines + line] = sum;
    }
    __syncthreads();
  }
}

template <class T>
struct ProductStep final : PreparedStep {
  using Kernel = void (*)(const T*, const T*, T*, Product);
  Product product;
  Kernel kernel;
  dim3 grid;
  unsigned threads;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return launch(device, kernel, grid, threads, static_cast<const T*>(buffers[0]), static_cast<const T*>(buffers[1]),
                  static_cast<T*>(buffers[2]), product);
  }
};

template <class T>
struct VectorStep final : PreparedStep {
  Product product;
  bool matrix_is_a, by_lines;
  int64_t lines;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    const T* const matrix = static_cast<const T*>(buffers[matrix_is_a ? 0 : 1]);
    const T* const vector = static_cast<const T*>(buffers[matrix_is_a ? 1 : 0]);
    dim3 grid = blocks_for(lines, by_lines ? kThreads / 32 : 32);
    if (!by_lines) grid.x = static_cast<unsigned>((lines + 31) / 32);
    grid.y = static_cast<unsigned>(product.batches < 65535 ? product.batches : 65535);
    return launch(device, by_lines ? lines_kernel<T> : columns_kernel<T>, grid,
                  by_lines ? dim3(kThreads) : dim3(32, kParts), matrix, vector, static_cast<T*>(buffers[2]), lines,
                  product.k, product, matrix_is_a);
  }
};

template <class T>
StepPointer vector_product(const Product& product) {
  auto step = std::make_unique<VectorStep<T>>();
  step->product = product;
  step->matrix_is_a = product.n == 1;
  step->lines = step->matrix_is_a ? product.m : product.n;
  step->by_lines = step->matrix_is_a ? !product.transpose_a : product.transpose_b;
  return step;
}

int64_t tiles_of(const Product& p, int64_t side) {
  return ((p.m + side - 1) / side) * ((p.n + side - 1) / side);
}

// The largest tiles that give every multiprocessor one: they read least.
template <class T>
StepPointer tiled_product(const Product& product, const Device& device) {
  auto step = std::make_unique<ProductStep<T>>();
  const auto fill = [&](typename ProductStep<T>::Kernel kernel, int64_t side) {
    step->kernel = kernel;
    step->grid = dim3(static_cast<unsigned>(tiles_of(product, side)),
                      static_cast<unsigned>(product.batches < 65535 ? product.batches : 65535));
  };
  const auto enough = [&](int64_t side) {
    return product.m > side / 2 && product.n > side / 2 &&
           tiles_of(product, side) * product.batches >= device.multiprocessors;
  };
  step->product = product;
  step->threads = kThreads;
  fill(tile_product_kernel<T, 32, 32, 2>, 32);
  if constexpr (std::is_floating_point_v<T>) {
    if (enough(64)) fill(tile_product_kernel<T, 64, 16, 4>, 64);
    if constexpr (sizeof(T) == 4) {
      if (enough(128)) fill(tile_product_kernel<T, 128, 8, 8>, 128);
    }
  }
  return step;
}

struct ZeroStep final : PreparedStep {
  size_t bytes = 0;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    if (bytes == 0) return {};
    return check(cudaMemsetAsync(buffers[2], 0, bytes, device.stream), "a memset");
  }
};

}  // namespace

Product read_product(const StepDesc& desc) {
  const TensorDesc &a = desc.inputs[0], &b = desc.inputs[1], &c = desc.outputs[0];
  Words words(desc);
  Product product{};
  product.transpose_a = words.i32() != 0;
  product.transpose_b = words.i32() != 0;
  product.m = c.dims[c.rank - 2];
  product.n = c.dims[c.rank - 1];
  product.k = a.dims[a.rank - (product.transpose_a ? 2 : 1)];
  product.batches = 1;
  product.rank = c.rank - 2;
  int64_t step_a = product.m * product.k, step_b = product.k * product.n;
  bool one_b = !product.transpose_a;
  for (int d = product.rank - 1; d >= 0; --d) {
    const int in_a = d - (c.rank - a.rank), in_b = d - (c.rank - b.rank);
    const int64_t dim_a = in_a < 0 ? 1 : a.dims[in_a], dim_b = in_b < 0 ? 1 : b.dims[in_b];
    product.dims[d] = c.dims[d];
    product.a_steps[d] = dim_a == 1 ? 0 : step_a;
    product.b_steps[d] = dim_b == 1 ? 0 : step_b;
    one_b = one_b && dim_b == 1;
    step_a *= dim_a;
    step_b *= dim_b;
    product.batches *= c.dims[d];
  }
  // One b for all of a's matrices is one taller product.
  if (one_b) {
    product.m *= product.batches;
    product.batches = 1;
    product.rank = 0;
  }
  return product;
}

StepPointer own_product(const Product& product, DType dtype, Device& device) {
  const bool vector = product.m == 1 || product.n == 1;
  const auto make = [&](auto type) {
    using T = typename decltype(type)::type;
    return vector ? vector_product<T>(product) : tiled_product<T>(product, device);
  };
  switch (dtype) {
    case DType::kFloat32:
      return make(Type<float>{});
    case DType::kFloat64:
      return make(Type<double>{});
    case DType::kInt32:
      return make(Type<uint32_t>{});
    default:
      return make(Type<uint64_t>{});
  }
}

Status prepare_matmul(const StepDesc& desc, Device& device, StepPointer& step) {
  const TensorDesc &a = desc.inputs[0], &c = desc.outputs[0];
  const bool transpose_a = Words(desc).i32() != 0;
  if (c.size == 0 || a.dims[a.rank - (transpose_a ? 2 : 1)] == 0) {
    auto zero = std::make_unique<ZeroStep>();
    zero->bytes = static_cast<size_t>(c.size) * item_size(c.dtype);
    step = std::move(zero);
    return {};
  }
  step = own_product(read_product(desc), c.dtype, device);
  return {};
}

}  // namespace grafo::cuda
