// Transpose: rows that stay whole are a strided copy; else tiles are turned round in shared memory.
#include <algorithm>

#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

// Matrices of x whose columns are contiguous in x and whose rows are contiguous in y.
template <class I>
struct Matrices {
  I rows, columns;
  I x_row, y_row;  // distance of two rows in x, of two columns in y
  Divisor<I> tall, wide;  // tiles of a matrix
  // The other dimensions.
  int rank;
  Divisor<I> dims[kMaxRank];
  I x_steps[kMaxRank], y_steps[kMaxRank];
};

// A block has 32 by 8 threads; a tile's row is at least 128 bytes, or 64 where items are bytes.
template <class T>
constexpr int kTile = sizeof(T) >= 4 ? 32 : 64;
constexpr int kBlockRows = 8;

template <class T, class I>
__global__ void tile_kernel(const T* x, T* y, Matrices<I> m, I tiles) {
  constexpr int kSize = kTile<T>;
  // One more word in a row: a column then lies in as many banks as a row.
  __shared__ T tile[kSize][kSize + (sizeof(T) < 4 ? 4 / sizeof(T) : 1)];
  for (I piece = blockIdx.x; piece < tiles; piece += gridDim.x) {
    // Down the columns of x first: y's rows are then written in order.
    const I matrix_and_column = m.tall.quotient(piece);
    const I row = (piece - matrix_and_column * static_cast<I>(m.tall.by)) * kSize;
    I matrix = m.wide.quotient(matrix_and_column);
    const I column = (matrix_and_column - matrix * static_cast<I>(m.wide.by)) * kSize;
    I at_x = 0, at_y = 0;
    for (int d = m.rank - 1; d >= 0; --d) {
      const I above = m.dims[d].quotient(matrix);
      const I i = matrix - above * static_cast<I>(m.dims[d].by);
      at_x += i * m.x_steps[d];
      at_y += i * m.y_steps[d];
      matrix = above;
    }
    const I rows = m.rows - row, columns = m.columns - column;
    const T* const from = x + at_x + row * m.x_row + column;
    for (I r = threadIdx.y; r < kSize && r < rows; r += kBlockRows) {
      for (I c = threadIdx.x; c < kSize && c < columns; c += 32) tile[r][c] = from[r * m.x_row + c];
    }
    __syncthreads();
    T* const to = y + at_y + column * m.y_row + row;
    for (I c = threadIdx.y; c < kSize && c < columns; c += kBlockRows) {
      for (I r = threadIdx.x; r < kSize && r < rows; r += 32) to[c * m.y_row + r] = tile[r][c];
    }
    __syncthreads();
  }
}

template <class T, class I>
struct TileStep final : PreparedStep {
  Matrices<I> matrices;
  I tiles;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return launch(device, tile_kernel<T, I>, blocks_for(tiles, 1), dim3(32, kBlockRows),
                  static_cast<const T*>(buffers[0]), static_cast<T*>(buffers[1]), matrices, tiles);
  }
};

template <class T, class I>
StepPointer make_tiles(const Walk& walk, int64_t size) {
  auto step = std::make_unique<TileStep<T, I>>();
  Matrices<I>& m = step->matrices;
  int64_t y_steps[kWalkRank], y_step = 1;
  for (int d = walk.rank - 1; d >= 0; --d) {
    y_steps[d] = y_step;
    y_step *= walk.dims[d];
  }
  const int last = walk.rank - 1;
  m.rows = static_cast<I>(walk.dims[last]);
  m.x_row = static_cast<I>(walk.steps[last]);
  m.columns = m.y_row = 1;
  m.rank = 0;
  for (int d = 0; d < last; ++d) {
    if (walk.steps[d] == 1) {
      m.columns = static_cast<I>(walk.dims[d]);
      m.y_row = static_cast<I>(y_steps[d]);
      continue;
    }
    m.dims[m.rank] = Divisor<I>(walk.dims[d]);
    m.x_steps[m.rank] = static_cast<I>(walk.steps[d]);
    m.y_steps[m.rank++] = static_cast<I>(y_steps[d]);
  }
  const int64_t tall = (static_cast<int64_t>(m.rows) + kTile<T> - 1) / kTile<T>;
  const int64_t wide = (static_cast<int64_t>(m.columns) + kTile<T> - 1) / kTile<T>;
  m.tall = Divisor<I>(tall);
  m.wide = Divisor<I>(wide);
  const int64_t one = static_cast<int64_t>(m.rows) * static_cast<int64_t>(m.columns);
  step->tiles = static_cast<I>(size / one * tall * wide);
  return step;
}

// Narrower matrices leave most of a tile's threads without work; as strided copies they read a line again from the cache.
constexpr int64_t kNarrow = 8;

}  // namespace

Status prepare_transpose(const StepDesc& desc, Device&, StepPointer& step) {
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  if (y.size == 0) {
    step = std::make_unique<NothingStep>();
    return {};
  }
  Words words(desc);
  int64_t x_steps[kMaxRank];
  row_major(x, x_steps);
  Walk walk;
  for (int d = 0; d < y.rank; ++d) walk.push(y.dims[d], x_steps[words.i32()]);
  walk.close();
  const int last = walk.rank - 1;
  int64_t columns = 1;
  for (int d = 0; d < last; ++d) columns = walk.steps[d] == 1 ? walk.dims[d] : columns;
  const int64_t item = static_cast<int64_t>(item_size(y.dtype));
  if (walk.steps[last] == 1 || std::min(columns, walk.dims[last]) < kNarrow) {
    step = strided_copy(walk, item, x.size);
    return {};
  }
  dispatch_bytes(item, [&](auto type) {
    using T = typename decltype(type)::type;
    dispatch_index(y.size, [&](auto index) { step = make_tiles<T, typename decltype(index)::type>(walk, y.size); });
  });
  return {};
}

}  // namespace grafo::cuda
