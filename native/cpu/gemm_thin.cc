// Products with few columns: their rows would leave most of a vector's lanes empty. Where A's rows
// run along k the lanes do too (dot products); where A is transposed the lanes run over A's rows
// and C is transposed on the way out.
#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_pack.h"

namespace grafo::cpu {
namespace {

constexpr int64_t kMostColumns = 12;
constexpr int64_t kPanelRows = 16;           // a piece of work of the dot products
constexpr int64_t kColumnBytes = 1 << 15;    // of B in a block of k: it stays in L1
constexpr int64_t kTallDepthBytes = 1 << 11; // as the blocked product's

// Rows at a time: sums, as many vectors of A and one of B in the registers.
constexpr int dot_rows_of(int columns) {
  if (kManyRegisters) return columns == 2 ? 8 : columns <= 6 ? 4 : 2;
  return columns == 2 ? 4 : columns <= 6 ? 2 : 1;
}

// sums[r * N + n] = lanes to be summed of row r of A times row n of B, both `depth` long.
template <class T, int R, int N>
void dots(const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t depth, Vector<T>* sums) {
  constexpr int kWidth = kLanes<T>;
  Vector<T> sum[R][N];
  GRAFO_UNROLL for (int r = 0; r < R; ++r)
    GRAFO_UNROLL for (int n = 0; n < N; ++n) sum[r][n] = Vector<T>{};
  for (; depth >= kWidth; depth -= kWidth, a += kWidth, b += kWidth) {
    Vector<T> x[R];
    GRAFO_UNROLL for (int r = 0; r < R; ++r) x[r] = load(a + r * a_row);
    GRAFO_UNROLL for (int n = 0; n < N; ++n) {
      const Vector<T> y = load(b + n * b_row);
      GRAFO_UNROLL for (int r = 0; r < R; ++r) sum[r][n] = fma(x[r], y, sum[r][n]);
    }
  }
  if (depth > 0) {
    Vector<T> x[R];
    GRAFO_UNROLL for (int r = 0; r < R; ++r) x[r] = load_some(a + r * a_row, depth);
    GRAFO_UNROLL for (int n = 0; n < N; ++n) {
      const Vector<T> y = load_some(b + n * b_row, depth);
      GRAFO_UNROLL for (int r = 0; r < R; ++r) sum[r][n] = fma(x[r], y, sum[r][n]);
    }
  }
  GRAFO_UNROLL for (int r = 0; r < R; ++r)
    GRAFO_UNROLL for (int n = 0; n < N; ++n) sums[r * N + n] = sum[r][n];
}

// Lane i of the result is the sum of the lanes of x[i].
template <class T, int kCount = kLanes<T>>
inline Vector<T> sum_each(const Vector<T>* x) {
  constexpr int kHalf = kCount / 2, kIn = kQuad<T>;
  if constexpr (kCount == 1) {
    return x[0];
  } else {
    const Vector<T> a = sum_each<T, kHalf>(x), b = sum_each<T, kHalf>(x + kHalf);
    if constexpr (kCount > kIn)
      return quads<T, 0>(a, b) + quads<T, 1>(a, b);
    else
      return unpack<T, kHalf, 0>(a, b) + unpack<T, kHalf, kIn / 2>(a, b);
  }
}

template <class T, int N>
void dot_panel(const T* a, int64_t a_row, const T* b, int64_t b_row, int64_t rows, int64_t depth,
               T* c, bool add) {
  constexpr int R = dot_rows_of(N);
  Vector<T> sums[kPanelRows * N];
  int64_t r = 0;
  for (; r + R <= rows; r += R) dots<T, R, N>(a + r * a_row, a_row, b, b_row, depth, sums + r * N);
  for (; r < rows; ++r) dots<T, 1, N>(a + r * a_row, a_row, b, b_row, depth, sums + r * N);
  const int64_t count = rows * N;
  for (int64_t i = count; i % kLanes<T> != 0; ++i) sums[i] = Vector<T>{};
  for (int64_t i = 0; i < count; i += kLanes<T>) {
    const Vector<T> sum = sum_each<T>(sums + i);
    if (i + kLanes<T> <= count)
      put(c + i, sum, add);
    else
      put_some(c + i, sum, count - i, add);
  }
}

template <class T>
using DotPanel = void (*)(const T*, int64_t, const T*, int64_t, int64_t, int64_t, T*, bool);
template <class T, int... N>
constexpr std::array<DotPanel<T>, sizeof...(N)> make_dots(std::integer_sequence<int, N...>) {
  return {dot_panel<T, N + 2>...};
}
template <class T>
constexpr auto dot_panels = make_dots<T>(std::make_integer_sequence<int, kMostColumns - 1>());

// k cut in even blocks of at most `most`, each but the last of whole vectors.
template <class T>
int64_t even_depth(int64_t k, int64_t most) {
  const int64_t depth = ceil_div(k, ceil_div(k, most));
  return std::min(k, ceil_div(depth, kLanes<T>) * kLanes<T>);
}
template <class T>
int64_t dots_depth(const GemmShape& shape) {
  return even_depth<T>(shape.k, kColumnBytes / shape.n / static_cast<int64_t>(sizeof(T)));
}
template <class T>
int64_t tall_depth(const GemmShape& shape) {
  return even_depth<T>(shape.k, kTallDepthBytes / static_cast<int64_t>(sizeof(T)));
}

// C's rows [row, row + rows) from their transpose, [n][width].
template <class T>
void put_transposed(const T* from, int64_t width, int64_t rows, int64_t n, T* c, bool add) {
  constexpr int kSide = kLanes<T>;
  for (int64_t r = 0; r < rows; r += kSide)
    for (int64_t j = 0; j < n; j += kSide) {
      const int64_t high = std::min<int64_t>(kSide, rows - r);
      const int64_t wide = std::min<int64_t>(kSide, n - j);
      Vector<T> x[kSide];
      GRAFO_UNROLL for (int i = 0; i < kSide; ++i)
        x[i] = i < wide ? load(from + (j + i) * width + r) : Vector<T>{};
      T* const to = c + r * n + j;
      transpose_lanes<T>(x, [&](int i, Vector<T> v) {
        if (i < high) put_some(to + i * n, v, wide, add);
      });
    }
}

}  // namespace

// What a tile wastes on empty lanes against what the detour costs, in multiply-adds of a vector.
template <class T>
Thin choose_thin(const GemmShape& shape) {
  const int64_t n = shape.n, lanes = kLanes<T>;
  if (n < 2 || n > kMostColumns || shape.m < 2) return Thin::kNot;
  const int64_t empty = ceil_div(n, lanes) * lanes - n;
  if (!shape.transpose_a)
    return std::min<int64_t>(shape.k, 1 << 20) * empty > 3 * n * lanes ? Thin::kDots : Thin::kNot;
  if (shape.m < lanes || n > tile_rows(kTileVectors)) return Thin::kNot;
  return std::min<int64_t>(shape.k, 1 << 20) * empty > 2 * n * lanes ? Thin::kTall : Thin::kNot;
}

template <class T>
int64_t thin_scratch(const GemmShape& shape, Thin thin) {
  const int64_t lanes = kLanes<T>;
  if (thin == Thin::kTall) return shape.m % lanes == 0 ? 0 : tall_depth<T>(shape) * lanes;
  if (shape.transpose_b) return 0;
  return ceil_div(dots_depth<T>(shape), lanes) * lanes * shape.n;
}

template <class T>
bool multiply_dots(const RunContext* context, const GemmShape& shape, const T* a, const T* b, T* c,
                   T* scratch) {
  const int64_t m = shape.m, n = shape.n, k = shape.k, most = dots_depth<T>(shape);
  const DotPanel<T> panel = dot_panels<T>[n - 2];
  for (int64_t k0 = 0; k0 < k; k0 += most) {
    if (context && is_cancelled(*context)) return false;
    const int64_t depth = std::min(most, k - k0);
    const T* columns = b + k0;
    int64_t step = k;
    if (!shape.transpose_b) {
      step = ceil_div(depth, kLanes<T>) * kLanes<T>;
      transpose_into(b + k0 * n, n, scratch, step, depth, n);
      columns = scratch;
    }
    maybe_parallel(context, ceil_div(m, kPanelRows), grain_for(depth * n / 2),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t p = begin; p < end; ++p) {
                       const int64_t row = p * kPanelRows;
                       panel(a + row * k + k0, k, columns, step, std::min(kPanelRows, m - row),
                             depth, c + row * n, k0 > 0);
                     }
                   });
  }
  return true;
}

template <class T>
bool multiply_tall(const RunContext* context, const GemmShape& shape, const T* a, const T* b, T* c,
                   T* scratch) {
  constexpr int64_t kWidth = kLanes<T>;
  const int64_t m = shape.m, n = shape.n, k = shape.k, most = tall_depth<T>(shape);
  const int64_t vectors = ceil_div(m, kWidth);
  const int64_t wide = choose_vectors(n, vectors);
  for (int64_t k0 = 0; k0 < k; k0 += most) {
    if (context && is_cancelled(*context)) return false;
    const int64_t depth = std::min(most, k - k0);
    if (m % kWidth != 0)  // the last vector of A's rows overhangs
      for (int64_t i = 0; i < depth; ++i)
        store(scratch + i * kWidth,
              load_some(a + (k0 + i) * m + m / kWidth * kWidth, m % kWidth));
    TileArgs<T> args;
    args.depth = depth;
    args.a = shape.transpose_b ? b + k0 : b + k0 * n;
    args.a_row = shape.transpose_b ? k : 1;
    args.a_step = shape.transpose_b ? 1 : n;
    args.add = false;
    args.far = false;  // sums are on the stack
    args.pack = nullptr;
    const auto some = [&](int64_t begin, int64_t end) {
      alignas(64) T sums[12 * 4 * kWidth];
      TileArgs<T> at = args;
      at.c = sums;
      for (int64_t v = begin * wide, next; v < std::min(end * wide, vectors); v = next) {
        const int64_t row = v * kWidth;
        // Whole vectors as they lie, then the one in the scratch.
        int64_t count = std::min({wide, end * wide - v, m / kWidth - v});
        if (count == 0) {
          count = 1;
          at.b = scratch;
          at.b_step = kWidth;
        } else {
          at.b = a + k0 * m + row;
          at.b_step = m;
        }
        next = v + count;
        at.c_row = count * kWidth;
        tile_for<T>(static_cast<int>(count), static_cast<int>(n))(at);
        put_transposed(sums, at.c_row, std::min(count * kWidth, m - row), n, c + row * n, k0 > 0);
      }
    };
    maybe_parallel(context, ceil_div(vectors, wide), grain_for(depth * n * wide / 2), some);
  }
  return true;
}

#define GRAFO_THIN(T)                                                                          \
  template Thin choose_thin<T>(const GemmShape&);                                              \
  template int64_t thin_scratch<T>(const GemmShape&, Thin);                                    \
  template bool multiply_dots(const RunContext*, const GemmShape&, const T*, const T*, T*, T*); \
  template bool multiply_tall(const RunContext*, const GemmShape&, const T*, const T*, T*, T*);
GRAFO_THIN(float)
GRAFO_THIN(double)
#undef GRAFO_THIN

}  // namespace grafo::cpu
