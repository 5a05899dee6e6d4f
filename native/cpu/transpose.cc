// Transpose: any permutation as a walk over blocks of the two axes that are innermost on either
// side.
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "cpu/columns.h"
#include "cpu/fused.h"
#include "cpu/gemm_pack.h"
#include "cpu/kernels.h"
#include "cpu/short_rows.h"
#include "cpu/strided.h"
#include "cpu/transpose_block.h"

namespace grafo::cpu {
namespace {

struct TransposeStep : PreparedStep {
  using PreparedStep::PreparedStep;
  // Row-major over y without the two block axes; steps in x, and where each position lies in y.
  Strided outer;
  int64_t outer_y[kMaxRank];
  int64_t rows = 1,
          columns;       // of a matrix of x: columns are contiguous in x, rows are contiguous in y
  int64_t x_row, y_row;  // distance of two rows in x, of two columns in y

  // Where a matrix begins.
  void place(int64_t matrix, int64_t* at_x, int64_t* at_y) const {
    *at_x = *at_y = 0;
    for (int d = outer.rank - 1; d >= 0; --d) {
      const int64_t i = matrix % outer.dims[d];
      matrix /= outer.dims[d];
      *at_x += i * outer.steps[d];
      *at_y += i * outer_y[d];
    }
  }
};

// Rows of x that stay whole.
template <class T>
Status run_rows(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const TransposeStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  const int64_t size = step.outer.row_size();
  const int64_t bytes = size * static_cast<int64_t>(sizeof(T));
  const int64_t run_bytes = step.outer.run_step() * static_cast<int64_t>(sizeof(T));
  parallel_for(context, step.outer.rows(), kGrainBytes / (bytes + 16) + 1,
               [&](int64_t begin, int64_t end) {
                 step.outer.walk(begin, end, [&](int64_t row, int64_t at, int64_t n) {
                   copy_rows(reinterpret_cast<char*>(y + row * size), bytes, reinterpret_cast<const char*>(x + at), run_bytes, bytes, n);
                 });
               });
  return Status();
}

// The type whose vectors move items of T, where they are as long as a line of the cache: then
// squares of them go straight from whole lines to whole lines, and rows that share a set of the
// cache (with dimensions that are powers of two all do) do not disturb each other.
template <class T>
struct Lines {
  static constexpr bool kWhole = false;
};
#if defined(__AVX512F__)
template <class T>
__attribute__((noinline)) void stream_square(const T* from, int64_t from_row, T* to,
                                             int64_t to_row) {
  Vector<T> x[kLanes<T>];
  GRAFO_UNROLL for (int i = 0; i < kLanes<T>; ++i) x[i] = load(from + i * from_row);
  transpose_lanes<T>(x, [&](int i, Vector<T> v) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i * to_row), (__m512i)v);
  });
}

template <>
struct Lines<uint32_t> {
  static constexpr bool kWhole = true;
  using Item = float;
};
template <>
struct Lines<uint64_t> {
  static constexpr bool kWhole = true;
  using Item = double;
};
#endif

// Else a tile is turned round in a buffer of the L1 cache and then leaves in whole rows of y: long ones where they go past the caches.
struct Tile {
  int64_t rows, columns;
};
template <class T>
constexpr Tile tile_of(bool streams) {
  if (Lines<T>::kWhole) return {1024, 128 / sizeof(T)};
  if (streams) return {128, sizeof(T) == 8 ? 16 : 32};
  return {64, 32};
}
template <class T>
constexpr int64_t kTileItems = sizeof(T) == 8 ? 2048 : 4096;
// Rows of a tile are pieces of x's rows, too short for the processor to see where they lead: so many rows before they are needed they are
// asked for.
constexpr int64_t kRowsAhead = 8;

// Where y is large it goes past the caches. So does a smaller one whose rows are whole pages apart, where tiles leave in lines: the lines
// of a tile would share a few places of each cache (1024 x 1024 floats on Zen 5: 310 us, past the caches 120).
constexpr int64_t kStreamedBytes = int64_t{8} << 20;
constexpr int64_t kStreamedPageBytes = int64_t{1} << 20;
constexpr int64_t kPageBytes = 4096;

#if defined(__AVX512F__)
template <class T>
void move_lines(const T* x, int64_t x_row, T* y, int64_t y_row, int64_t rows, int64_t columns,
                bool streams) {
  using Item = typename Lines<T>::Item;
  constexpr int64_t kSide = 64 / sizeof(T);
  const int64_t full_rows = rows / kSide * kSide, full_columns = columns / kSide * kSide;
  for (int64_t r = 0; r < full_rows; r += kSide)
    for (int64_t c = 0; c < full_columns; c += kSide) {
      const auto* from = reinterpret_cast<const Item*>(x + r * x_row + c);
      auto* to = reinterpret_cast<Item*>(y + c * y_row + r);
      if (streams)
        stream_square(from, x_row, to, y_row);
      else
        transpose_square(from, x_row, to, y_row);
    }
  transpose_items(x + full_columns, x_row, y + full_columns * y_row, y_row, full_rows,
                  columns - full_columns);
  transpose_items(x + full_rows * x_row, x_row, y + full_rows, y_row, rows - full_rows, columns);
}

#endif

template <class T>
void move_tile(const T* x, int64_t x_row, T* y, int64_t y_row, int64_t rows, int64_t columns,
               bool streams) {
  if constexpr (Lines<T>::kWhole) {
    move_lines(x, x_row, y, y_row, rows, columns, streams);
  } else {
    const int64_t row = tile_of<T>(streams).rows;
    alignas(64) T buffer[kTileItems<T>];
    for (int64_t r = 0; r < rows; r += kBlock<T>) {
      // Addresses only: behind the last row there may be nothing.
      for (int64_t ahead = r + kRowsAhead; ahead < r + kRowsAhead + kBlock<T>; ++ahead)
        for (int64_t c = 0; c < columns; c += 64 / int64_t{sizeof(T)})
          __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(x) +
                                                           static_cast<uintptr_t>(ahead * x_row + c) * sizeof(T)));
      transpose_items(x + r * x_row, x_row, buffer + r, row, std::min<int64_t>(kBlock<T>, rows - r), columns);
    }
    const Loop stream = streams ? find_stream(sizeof(T)) : nullptr;
    for (int64_t c = 0; c < columns; ++c) {
      if (streams)
        stream(y + c * y_row, buffer + c * row, nullptr, nullptr, rows);
      else
        std::memcpy(y + c * y_row, buffer + c * row, static_cast<size_t>(rows) * sizeof(T));
    }
  }
}

// Matrices of less than so many rows or columns are not worth blocks: one item of each of many rows is moved at a time.
template <class T>
constexpr int64_t kThin = kBlock<T> > 1 ? 4 : 8;
constexpr int64_t kThinTile = 2048;  // rows, or columns, of one at a time

template <class T>
void move_items(const T* x, int64_t x_step, T* y, int64_t y_step, int64_t n) {
  constexpr int64_t kItem = sizeof(T);
  copy_rows(reinterpret_cast<char*>(y), y_step * kItem, reinterpret_cast<const char*>(x), x_step * kItem, kItem, n);
}

template <class T>
void move_thin(const T* x, int64_t x_row, T* y, int64_t y_row, int64_t rows, int64_t columns) {
  constexpr int64_t kItem = sizeof(T);
  if (const JoinColumns join = y_row == rows ? find_join(rows, kItem) : nullptr) {
    const char* from[kMaxColumns];
    for (int64_t r = 0; r < rows; ++r) from[r] = reinterpret_cast<const char*>(x + r * x_row);
    return join(reinterpret_cast<char*>(y), from, columns);
  }
  if (const PartColumns part = x_row == columns ? find_part(columns, kItem) : nullptr) {
    char* to[kMaxColumns];
    for (int64_t c = 0; c < columns; ++c) to[c] = reinterpret_cast<char*>(y + c * y_row);
    return part(to, reinterpret_cast<const char*>(x), rows);
  }
  if (rows < columns)
    for (int64_t r = 0; r < rows; ++r) move_items(x + r * x_row, 1, y + r, y_row, columns);
  else
    for (int64_t c = 0; c < columns; ++c) move_items(x + c, x_row, y + c * y_row, 1, rows);
}

// Small matrices, of which a row of the last outer dimension has many: the same item of some of them at a time.
constexpr int64_t kSmallItems = 64, kSmallBytes = 16384;

template <class T>
bool are_small(const TransposeStep& step) {
  return std::min(step.rows, step.columns) < kThin<T> && step.rows * step.columns <= kSmallItems && step.outer.rank > 0 &&
         step.outer.dims[step.outer.rank - 1] >= 16;
}
template <class T>
void move_small(const TransposeStep& step, const T* x, T* y, int64_t begin, int64_t end) {
  const int last = step.outer.rank - 1;
  const int64_t length = step.outer.dims[last], x_step = step.outer.steps[last], y_step = step.outer_y[last];
  const int64_t at_once = kSmallBytes / (step.rows * step.columns * static_cast<int64_t>(sizeof(T)));
  for (int64_t matrix = begin, n; matrix < end; matrix += n) {
    n = std::min({at_once, length - matrix % length, end - matrix});
    int64_t at_x, at_y;
    step.place(matrix, &at_x, &at_y);
    for (int64_t r = 0; r < step.rows; ++r)
      for (int64_t c = 0; c < step.columns; ++c)
        move_items(x + at_x + r * step.x_row + c, x_step, y + at_y + c * step.y_row + r, y_step, n);
  }
}

template <class T>
Status run_blocks(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const TransposeStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  int64_t matrices = 1;
  for (int d = 0; d < step.outer.rank; ++d) matrices *= step.outer.dims[d];
  const int64_t item = static_cast<int64_t>(sizeof(T));
  if (are_small<T>(step)) {
    parallel_for(context, matrices, kGrainBytes / (step.rows * step.columns * item) + 1,
                 [&](int64_t begin, int64_t end) { move_small(step, x, y, begin, end); });
    return Status();
  }
  const bool thin = std::min(step.rows, step.columns) < kThin<T>;
  const bool collides = Lines<T>::kWhole && step.y_row * item % kPageBytes == 0;
  bool streams = matrices * step.rows * step.columns * item >= (collides ? kStreamedPageBytes : kStreamedBytes) &&
                 !thin && reinterpret_cast<uintptr_t>(y) % 64 == 0 && step.y_row * item % 64 == 0;
  for (int d = 0; d < step.outer.rank; ++d) streams &= step.outer_y[d] * item % 64 == 0;
  // Where matrices next to each other share lines of y, matrix after matrix has the same few columns moved: else such a line would be out
  // of the caches before the next matrix comes to it.
  const int last = step.outer.rank - 1;
  const bool shared = step.rows * item < 64 && last >= 0 && step.outer_y[last] == step.rows;
  const int64_t group = shared ? step.outer.dims[last] : 1;
  Tile tile = thin ? Tile{kThinTile, kThinTile} : tile_of<T>(streams);
  if (group > 1) tile.columns = std::min(tile.columns, 64 / item);
  const int64_t tall = (step.rows + tile.rows - 1) / tile.rows;
  const int64_t wide = (step.columns + tile.columns - 1) / tile.columns;
  const int64_t tiles = tall * wide;
  const int64_t tile_bytes = std::min(step.rows, tile.rows) * std::min(step.columns, tile.columns) * item;
  parallel_for(context, matrices * tiles, kGrainBytes / tile_bytes + 1,
               [&](int64_t begin, int64_t end) {
                 for (int64_t piece = begin; piece < end; ++piece) {
                   const int64_t in_group = piece % (group * tiles), index = in_group / group;
                   int64_t at_x, at_y;
                   step.place(piece / (group * tiles) * group + in_group % group, &at_x, &at_y);
                   // Down the columns of x first: y's rows are then written in order.
                   const int64_t row = index % tall * tile.rows;
                   const int64_t column = index / tall * tile.columns;
                   const T* const from = x + at_x + row * step.x_row + column;
                   T* const to = y + at_y + column * step.y_row + row;
                   const int64_t height = std::min(tile.rows, step.rows - row);
                   const int64_t width = std::min(tile.columns, step.columns - column);
                   if (thin)
                     move_thin(from, step.x_row, to, step.y_row, height, width);
                   else
                     move_tile(from, step.x_row, to, step.y_row, height, width, streams);
                 }
                 if (streams) end_stream();
               });
  return Status();
}

}  // namespace

Status prepare_transpose(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, x, y));
  if (x.rank != y.rank) return reject(desc, "ranks %d and %d", x.rank, y.rank);
  AttrReader attrs(desc);
  int perm[kMaxRank];
  bool used[kMaxRank] = {};
  for (int d = 0; d < x.rank; ++d) {
    perm[d] = attrs.count(0, x.rank - 1);
    if (used[perm[d]]) return reject(desc, "axis %d twice", perm[d]);
    used[perm[d]] = true;
    if (y.dims[d] != x.dims[perm[d]]) return reject(desc, "output dimension %d is wrong", d);
  }
  TRY(attrs.finish());
  if (y.size == 0) {
    step = std::make_unique<EmptyStep>();
    return Status();
  }

  int64_t x_steps[kMaxRank];
  row_major(x, x_steps);
  Strided walk;
  for (int d = 0; d < y.rank; ++d) walk.push(y.dims[d], x_steps[perm[d]]);
  walk.close();
  PreparedStep::Run rows = nullptr, blocks = nullptr;
  dispatch_bytes(y.dtype, [&](auto type) {
    rows = run_rows<typename decltype(type)::type>;
    blocks = run_blocks<typename decltype(type)::type>;
  });
  if (walk.row_step() == 1) {
    auto transpose = std::make_unique<TransposeStep>(rows);
    transpose->outer = walk;
    step = std::move(transpose);
    return Status();
  }
  auto transpose = std::make_unique<TransposeStep>(blocks);
  int64_t y_step = 1;
  transpose->rows = walk.row_size();
  transpose->x_row = walk.row_step();
  Strided& outer = transpose->outer;
  int64_t y_steps[kMaxRank];
  for (int d = walk.rank - 1; d >= 0; --d) {
    y_steps[d] = y_step;
    y_step *= walk.dims[d];
  }
  for (int d = 0; d + 1 < walk.rank; ++d) {
    if (walk.steps[d] == 1) {
      transpose->columns = walk.dims[d];
      transpose->y_row = y_steps[d];
    } else {
      transpose->outer_y[outer.rank] = y_steps[d];
      outer.dims[outer.rank] = walk.dims[d];
      outer.steps[outer.rank++] = walk.steps[d];
    }
  }
  step = std::move(transpose);
  return Status();
}

}  // namespace grafo::cpu
