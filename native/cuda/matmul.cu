// Products of matrices by own kernels: tiles of c in registers, fed through shared memory. Where there are few tiles and k is long,
// pieces of k are blocks of their own.
#include "cuda/dispatch.h"
#include "cuda/product.cuh"

namespace grafo::cuda {
namespace {

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
    int64_t hop, advance;  // from one item to the next, from past the last one to the next tile's first
    int line, depth, line_hop, depth_hop, lines;

    __device__ Reader(const T* x, bool by_k, int64_t all_lines, int64_t all_depth, int64_t first, int64_t begin) {
      const int e = static_cast<int>(threadIdx.x);
      line = by_k ? e / kK : e % kM;
      depth = by_k ? e % kK : e / kM;
      line_hop = by_k ? kCount / kK : 0;
      depth_hop = by_k ? 0 : kCount / kM;
      lines = all_lines - first < kM ? static_cast<int>(all_lines - first) : kM;
      from = x + (by_k ? (first + line) * all_depth + begin + depth : (begin + depth) * all_lines + first + line);
      hop = by_k ? line_hop * all_depth : depth_hop * all_lines;
      advance = (by_k ? kK : kK * all_lines) - kLoads * hop;
    }
    __device__ void load(int64_t left, T* items) {
      const int depths = left < kK ? static_cast<int>(left) : kK;
#pragma unroll
      for (int l = 0; l < kLoads; ++l) {
        const bool inside = line + l * line_hop < lines && depth + l * depth_hop < depths;
        items[l] = inside ? *from : T(0);
        from += hop;
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

// In pieces: z counts them. The largest tiles have no registers left for that.
template <class T, int kM, int kK, int kT, bool kInPieces>
__global__ void __launch_bounds__(kM / kT * (kM / kT), 2)
    tile_product_kernel(const T* a, const T* b, T* c, Product p, int64_t of_k) {
  using Tile = Tiles<T, kM, kK, kT>;
  alignas(16) __shared__ T tile_a[kK][Tile::kPitch];
  alignas(16) __shared__ T tile_b[kK][Tile::kPitch];
  // Tiles are fewer than 2^31, as blocks are: the largest ones have no registers to spare for a 64-bit division, nor for more of kk at once.
  const auto wide = static_cast<uint32_t>((p.n + kM - 1) / kM);
  const int64_t row = int64_t(blockIdx.x / wide) * kM, column = int64_t(blockIdx.x % wide) * kM;
  const int64_t begin = kInPieces ? blockIdx.z * of_k : 0;
  const int64_t depth = !kInPieces ? p.k : p.k - begin < of_k ? p.k - begin : of_k;
  const int ty = static_cast<int>(threadIdx.x) / Tile::kSide, tx = static_cast<int>(threadIdx.x) % Tile::kSide;
  for (int64_t batch = blockIdx.y; batch < p.batches; batch += gridDim.y) {
    int64_t at_a, at_b;
    p.offsets(batch, &at_a, &at_b);
    T next_a[Tile::kLoads], next_b[Tile::kLoads], sums[kT][kT] = {};
    typename Tile::Reader read_a(a + at_a, !p.transpose_a, p.m, p.k, row, begin);
    typename Tile::Reader read_b(b + at_b, p.transpose_b, p.n, p.k, column, begin);
    read_a.load(depth, next_a);
    read_b.load(depth, next_b);
    for (int64_t k = 0; k < depth; k += kK) {
      read_a.store(next_a, tile_a);
      read_b.store(next_b, tile_b);
      __syncthreads();
      if (k + kK < depth) {
        read_a.load(depth - k - kK, next_a);
        read_b.load(depth - k - kK, next_b);
      }
#pragma unroll 2
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
    T* const to = c + (kInPieces ? blockIdx.z * p.batches + batch : batch) * p.m * p.n;
#pragma unroll
    for (int i = 0; i < kT; ++i) {
      const int64_t r = row + Tile::place(ty, i);
      if (r >= p.m) continue;
      T* const line = to + r * p.n;
#pragma unroll
      for (int j = 0; j < kT; ++j) {
        const int64_t q = column + Tile::place(tx, j);
        if (q < p.n) line[q] = sums[i][j];
      }
    }
  }
}

template <class T>
struct TileStep final : PreparedStep {
  using Kernel = void (*)(const T*, const T*, T*, Product, int64_t);
  Product product;
  Pieces pieces;
  Kernel kernel;
  dim3 grid;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    TRY(launch(device, kernel, grid, kThreads, static_cast<const T*>(buffers[0]), static_cast<const T*>(buffers[1]),
               static_cast<T*>(pieces.target(buffers[2])), product, pieces.of_k));
    return pieces.finish(device, buffers[2]);
  }
};

int64_t tiles_of(const Product& p, int64_t side) {
  return ((p.m + side - 1) / side) * ((p.n + side - 1) / side) * p.batches;
}

// Blocks that keep a large GPU busy, and the k below which a second launch costs more than the wait for few blocks.
constexpr int64_t kBusy = 256, kLongK = 1024, kLeastOfK = 256;

// The largest tiles that give every multiprocessor one: they read least.
template <class T>
Status make(const Product& product, DType dtype, Device& device, StepPointer& pointer) {
  auto step = std::make_unique<TileStep<T>>();
  step->product = product;
  const int64_t tiles = tiles_of(product, 64);
  const int64_t wanted = product.k < kLongK ? 1 : (kBusy + tiles - 1) / tiles;
  TRY(step->pieces.prepare(device, product, dtype, wanted, kLeastOfK, 32));
  const auto fill = [&](typename TileStep<T>::Kernel kernel, int64_t side) {
    step->kernel = kernel;
    step->grid = dim3(static_cast<unsigned>(tiles_of(product, side) / product.batches),
                      static_cast<unsigned>(product.batches < 65535 ? product.batches : 65535),
                      static_cast<unsigned>(step->pieces.count));
  };
  const auto enough = [&](int64_t side) {
    return product.m > side / 2 && product.n > side / 2 &&
           tiles_of(product, side) * step->pieces.count >= device.multiprocessors;
  };
  const bool pieces = step->pieces.count > 1;
  fill(pieces ? tile_product_kernel<T, 32, 32, 2, true> : tile_product_kernel<T, 32, 32, 2, false>, 32);
  if constexpr (std::is_floating_point_v<T>) {
    if (enough(64)) fill(pieces ? tile_product_kernel<T, 64, 16, 4, true> : tile_product_kernel<T, 64, 16, 4, false>, 64);
    if constexpr (sizeof(T) == 4) {
      if (!pieces && enough(128)) fill(tile_product_kernel<T, 128, 8, 8, false>, 128);
    }
  }
  pointer = std::move(step);
  return {};
}

}  // namespace

Status tiled_product(const Product& product, DType dtype, Device& device, StepPointer& step) {
  return by_product_type(dtype, [&](auto zero) { return make<decltype(zero)>(product, dtype, device, step); });
}

}  // namespace grafo::cuda
