// The register tile: C[R, V vectors] (+)= A[R, k] B[k, V vectors], and the table of its sizes. B's
// rows are contiguous, A's elements lie anywhere.
#pragma once
#include <algorithm>
#include <array>
#include <utility>

#include "cpu/gemm_vector.h"

namespace grafo::cpu {

// Filled field by field and handed on by reference: a copy made by vectors waits for the stores
// before it, and with them for the tile before.
template <class T>
struct TileArgs {
  int64_t depth;
  const T* a;
  int64_t a_row, a_step;  // distance of two rows, of two k
  const T* b;
  int64_t b_step;
  T* c;
  int64_t c_row;
  bool add;  // C += instead of C =
  bool far;  // C is larger than the near caches
  T* pack;   // where a tile with kPack leaves B, rows as wide as the tile
};

template <class T>
using Tile = void (*)(const TileArgs<T>& args);

// The one place where C is written: a vector of it, or the first `count` lanes of one.
template <class T>
inline void put(T* c, Vector<T> sum, bool add) {
  store(c, add ? load(c) + sum : sum);
}
template <class T>
inline void put_some(T* c, Vector<T> sum, int64_t count, bool add) {
  store_some(c, add ? load_some(c, count) + sum : sum, count);
}

template <class T, int R, int V, bool kPack = false>
void tile(const TileArgs<T>& args) {
  constexpr int kWidth = kLanes<T>;
  const int64_t a_row = args.a_row, a_step = args.a_step, b_step = args.b_step, c_row = args.c_row;
  const T* a = args.a;
  const T* b = args.b;
  T* c = args.c;
  T* pack = args.pack;
  // C is not needed before the sums are ready, and is there then. Where it is near anyway this would take 1 to 2 % of a tile of 64 steps.
  if (args.far) {
    GRAFO_UNROLL for (int r = 0; r < R; ++r)
      GRAFO_UNROLL for (int v = 0; v < V; ++v) __builtin_prefetch(c + r * c_row + v * kWidth, 1);
  }
  Vector<T> sum[R][V];
  GRAFO_UNROLL for (int r = 0; r < R; ++r)
    GRAFO_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = Vector<T>{};
  for (int64_t k = args.depth; k > 0; --k, a += a_step, b += b_step) {
    Vector<T> row[V];
    GRAFO_UNROLL for (int v = 0; v < V; ++v) row[v] = load(b + v * kWidth);
    if constexpr (kPack) {
      GRAFO_UNROLL for (int v = 0; v < V; ++v) store(pack + v * kWidth, row[v]);
      pack += V * kWidth;
    }
    GRAFO_UNROLL for (int r = 0; r < R; ++r) {
      const Vector<T> x = broadcast(a[r * a_row]);
      GRAFO_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = fma(x, row[v], sum[r][v]);
    }
  }
  GRAFO_UNROLL for (int r = 0; r < R; ++r, c += c_row)
    GRAFO_UNROLL for (int v = 0; v < V; ++v) put(c + v * kWidth, sum[r][v], args.add);
}

// tiles<T, V>[rows - 1] for 1..tile_rows(V) rows.
template <class T, int V, bool kPack, int... R>
constexpr std::array<Tile<T>, sizeof...(R)> make_tiles(std::integer_sequence<int, R...>) {
  return {tile<T, R + 1, V, kPack>...};
}
template <class T, int V, bool kPack = false>
constexpr auto tiles = make_tiles<T, V, kPack>(std::make_integer_sequence<int, tile_rows(V)>());

template <class T>
Tile<T> tile_for(int vectors, int rows) {
  switch (vectors) {
    case 1:
      return tiles<T, 1>[rows - 1];
    case 2:
      return tiles<T, 2>[rows - 1];
    case 3:
      return tiles<T, 3>[rows - 1];
    default:
      return tiles<T, 4>[rows - 1];
  }
}

// The widest tile that takes all of m's rows, but two vectors at least: few rows need many columns
// to hide the latency of the multiply-add.
inline int choose_vectors(int64_t m, int64_t columns_in_vectors) {
  int vectors = kTileVectors;
  while (vectors < 4 && tile_rows(vectors + 1) >= m) ++vectors;
  return static_cast<int>(std::min<int64_t>(vectors, columns_in_vectors));
}

// Runs a tile whose right part may hang over C's edge: the overhang goes to a scrap of the stack.
template <class T>
inline void run_tile(Tile<T> function, const TileArgs<T>& args, int rows, int64_t columns,
                     int width) {
  if (columns >= width) return function(args);
  constexpr int kMost = 12 * 4 * kLanes<T>;
  alignas(64) T scrap[kMost];
  T* const c = args.c;
  const int64_t c_row = args.c_row;
  const bool add = args.add;
  TileArgs<T> whole = args;
  whole.c = scrap;
  whole.c_row = width;
  whole.add = false;
  function(whole);
  for (int r = 0; r < rows; ++r) {
    T* const to = c + r * c_row;
    const T* const from = scrap + r * width;
    int64_t j = 0;
    for (; j + kLanes<T> <= columns; j += kLanes<T>) put(to + j, load(from + j), add);
    if (j < columns) put_some(to + j, load(from + j), columns - j, add);
  }
}

}  // namespace grafo::cpu
