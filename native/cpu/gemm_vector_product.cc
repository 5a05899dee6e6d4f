// Matrix times vector, both ways round. Nothing is packed: the matrix is read once, in the order it
// lies in memory.
#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/gemm_pack.h"

namespace grafo::cpu {
namespace {

// The dot products of R rows with x. Every row's sum is taken in the same order whatever R is: two
// vectors of partial sums, their lanes, then the columns that fill no vector.
template <class T, int R>
void dot_rows(const T* matrix, const T* x, T* y, int64_t columns) {
  constexpr int kWidth = kLanes<T>;
  Vector<T> even[R], odd[R];
  for (int r = 0; r < R; ++r) even[r] = odd[r] = Vector<T>{};
  int64_t c = 0;
  for (; c + 2 * kWidth <= columns; c += 2 * kWidth) {
    const Vector<T> x0 = load(x + c), x1 = load(x + c + kWidth);
    for (int r = 0; r < R; ++r) {
      even[r] = fma(load(matrix + r * columns + c), x0, even[r]);
      odd[r] = fma(load(matrix + r * columns + c + kWidth), x1, odd[r]);
    }
  }
  if (c + kWidth <= columns) {
    const Vector<T> x0 = load(x + c);
    for (int r = 0; r < R; ++r) even[r] = fma(load(matrix + r * columns + c), x0, even[r]);
    c += kWidth;
  }
  for (int r = 0; r < R; ++r) {
    T sum = columns < kWidth ? T(0) : sum_lanes<T>(even[r] + odd[r]);
    for (int64_t t = c; t < columns; ++t) sum = fma(matrix[r * columns + t], x[t], sum);
    y[r] = sum;
  }
}

// Very short rows: one chain each, the rows independent of each other.
template <class T, int C>
void short_rows(const T* matrix, const T* x, T* y, int64_t rows) {
  int64_t r = 0;
  if constexpr (C == 2) {
    constexpr int kWidth = kLanes<T>;
    const Vector<T> x0 = broadcast(x[0]), x1 = broadcast(x[1]);
    for (; r + kWidth <= rows; r += kWidth) {
      const Vector<T> a = load(matrix + r * C), b = load(matrix + r * C + kWidth);
      store(y + r, fma(of_pairs<T, 1>(a, b), x1, of_pairs<T, 0>(a, b) * x0));
    }
  }
  for (; r < rows; ++r) {
    T sum = matrix[r * C] * x[0];
    for (int c = 1; c < C; ++c) sum = fma(matrix[r * C + c], x[c], sum);
    y[r] = sum;
  }
}

// Rows shorter than a vector, as many as it has lanes: turned round in registers, so that the rows' chains are lanes of one.
template <class T>
void turned_rows(const T* matrix, const T* x, T* y, int64_t columns) {
  constexpr int kSide = kLanes<T>;
  Vector<T> rows[kSide], column[kSide];
  GRAFO_UNROLL for (int r = 0; r < kSide; ++r) rows[r] = load_some(matrix + r * columns, columns);
  transpose_lanes<T>(rows, [&](int i, Vector<T> v) { column[i] = v; });
  Vector<T> sum{};
  for (int64_t c = 0; c < columns; ++c) sum = fma(column[c], broadcast(x[c]), sum);
  store(y, sum);
}

template <class T>
void some_rows(const T* matrix, const T* x, T* y, int64_t rows, int64_t columns) {
  switch (columns) {
    case 1:
      return short_rows<T, 1>(matrix, x, y, rows);
    case 2:
      return short_rows<T, 2>(matrix, x, y, rows);
    case 3:
      return short_rows<T, 3>(matrix, x, y, rows);
    case 4:
      return short_rows<T, 4>(matrix, x, y, rows);
    default:
      break;
  }
  int64_t r = 0;
  if (kMasks && columns < kLanes<T>)
    for (; r + kLanes<T> <= rows; r += kLanes<T>) turned_rows(matrix + r * columns, x, y + r, columns);
  for (; r + 4 <= rows; r += 4) dot_rows<T, 4>(matrix + r * columns, x, y + r, columns);
  for (; r < rows; ++r) dot_rows<T, 1>(matrix + r * columns, x, y + r, columns);
}

constexpr int64_t kStripBytes = 1 << 13;  // columns summed at a time, in the L1 cache
constexpr int64_t kRun = 512;             // rows in one partial sum, to bound the error
constexpr int64_t kShortRow = 1 << 12;    // bytes of a row of which several fit the L1 cache
#if defined(__AVX2__) && !defined(__AVX512F__)
constexpr bool kFetchesAhead = false;  // the loads alone are as fast as the caches
#else
constexpr bool kFetchesAhead = true;
#endif

// strip[c] += sum of R rows of x[r] matrix[r, c]. kAhead: rows that are short and long enough are fetched R
// rows ahead, as the machine's own prefetch stops at each page.
template <class T, int R, bool kAhead = false>
void add_rows(const T* matrix, int64_t row, const T* x, T* strip, int64_t columns) {
  constexpr int kWidth = kLanes<T>;
  int64_t c = 0;
  for (; c + kWidth <= columns; c += kWidth) {
    Vector<T> sum = load(strip + c);
    for (int r = 0; r < R; ++r) {
      if constexpr (kAhead) __builtin_prefetch(matrix + (r + R) * row + c);
      sum = fma(broadcast(x[r]), load(matrix + r * row + c), sum);
    }
    store(strip + c, sum);
  }
  for (; c < columns; ++c) {
    T sum = strip[c];
    for (int r = 0; r < R; ++r) sum = fma(x[r], matrix[r * row + c], sum);
    strip[c] = sum;
  }
}

// strip[c] += sum of rows [first, last) of x[r] matrix[r, c], in their order.
template <class T, int R, bool kAhead>
void add_run(const T* matrix, int64_t row, const T* x, T* strip, int64_t first, int64_t last,
             int64_t columns) {
  int64_t r = first;
  for (; r + R <= last; r += R)
    add_rows<T, R, kAhead>(matrix + r * row, row, x + r, strip, columns);
  for (; r < last; ++r) add_rows<T, 1>(matrix + r * row, row, x + r, strip, columns);
}

template <class T>
constexpr int64_t kStrip = kStripBytes / static_cast<int64_t>(sizeof(T));

template <class T>
void some_columns(const T* matrix, int64_t row, const T* x, T* y, int64_t rows, int64_t columns) {
  alignas(64) T strip[kStrip<T>];
  const int64_t item = sizeof(T);
  const bool ahead = kFetchesAhead && row * item <= kShortRow && columns * item >= kShortRow / 4;
  for (int64_t first = 0; first < rows; first += kRun) {
    const int64_t last = std::min(rows, first + kRun);
    for (int64_t c = 0; c < columns; ++c) strip[c] = T(0);
    if (ahead)
      add_run<T, 4, true>(matrix, row, x, strip, first, last, columns);
    else
      add_run<T, 8, false>(matrix, row, x, strip, first, last, columns);
    for (int64_t c = 0; c < columns; ++c) y[c] = first == 0 ? strip[c] : y[c] + strip[c];
  }
}

// Few columns leave the vectors empty: eight chains down each column instead.
template <class T>
T sum_column(const T* matrix, int64_t row, const T* x, int64_t rows) {
  constexpr int kChains = 8;
  T sum[kChains] = {};
  int64_t r = 0;
  for (; r + kChains <= rows; r += kChains)
    for (int i = 0; i < kChains; ++i) sum[i] = fma(matrix[(r + i) * row], x[r + i], sum[i]);
  for (int i = 0; r < rows; ++r, ++i) sum[i] = fma(matrix[r * row], x[r], sum[i]);
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

// The same where columns divide a vector and rows follow each other: a vector holds several rows, each times its own x. Sums
// are over lanes that are a fixed distance apart, so a column's are added up at the end.
template <class T, int C>
void sum_narrow(const T* matrix, const T* x, T* y, int64_t rows) {
  constexpr int kWidth = kLanes<T>, kRows = kWidth / C, kChains = 4;
  Vector<T> sum[kChains] = {};
  int64_t r = 0;
  // The last x's of a vector are read as a whole one, so it must be there.
  const auto step = [&](int64_t at, Vector<T>& total) {
    total = fma(load(matrix + at * C), load_repeated<T, C>(x + at), total);
  };
  for (; r + (kChains - 1) * kRows + kWidth <= rows; r += kChains * kRows)
    for (int i = 0; i < kChains; ++i) step(r + i * kRows, sum[i]);
  for (; r + kWidth <= rows; r += kRows) step(r, sum[0]);
  const Vector<T> all = (sum[0] + sum[2]) + (sum[1] + sum[3]);
  T lanes[kWidth];
  store(lanes, all);
  for (int half = kWidth / 2; half >= C; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  for (; r < rows; ++r)
    for (int c = 0; c < C; ++c) lanes[c] = fma(matrix[r * C + c], x[r], lanes[c]);
  for (int c = 0; c < C; ++c) y[c] = lanes[c];
}

template <class T>
bool sum_few_columns(const T* matrix, const T* x, T* y, int64_t rows, int64_t columns) {
  if constexpr (kLanes<T> >= 4) {
    if (columns == 1) return sum_narrow<T, 1>(matrix, x, y, rows), true;
    if (columns == 2) return sum_narrow<T, 2>(matrix, x, y, rows), true;
    if (columns == 4) return sum_narrow<T, 4>(matrix, x, y, rows), true;
  }
  if constexpr (kLanes<T> >= 8) {
    if (columns == 8) return sum_narrow<T, 8>(matrix, x, y, rows), true;
  }
  return false;
}

}  // namespace

template <class T>
void multiply_rows(const RunContext* context, const T* matrix, const T* x, T* y, int64_t rows,
                   int64_t columns) {
  maybe_parallel(context, rows, grain_for(columns / 8), [&](int64_t begin, int64_t end) {
    some_rows(matrix + begin * columns, x, y + begin, end - begin, columns);
  });
}

template <class T>
void multiply_columns(const RunContext* context, const T* matrix, const T* x, T* y, int64_t rows,
                      int64_t columns) {
  if (sum_few_columns(matrix, x, y, rows, columns)) return;
  if (columns < kLanes<T> / 2 || columns == 1) {
    for (int64_t c = 0; c < columns; ++c) y[c] = sum_column(matrix + c, columns, x, rows);
    return;
  }
  // Pieces are whole vectors, so that threads do not write into one cache line.
  constexpr int64_t kPiece = 64;
  maybe_parallel(context, columns / kPiece + 1, grain_for(rows * (kPiece / 8)),
                 [&](int64_t begin, int64_t end) {
                   const int64_t last = std::min(columns, end * kPiece);
                   for (int64_t c = begin * kPiece; c < last; c += kStrip<T>)
                     some_columns(matrix + c, columns, x, y + c, rows,
                                  std::min(kStrip<T>, last - c));
                 });
}

template void multiply_rows(const RunContext*, const float*, const float*, float*, int64_t,
                            int64_t);
template void multiply_rows(const RunContext*, const double*, const double*, double*, int64_t,
                            int64_t);
template void multiply_columns(const RunContext*, const float*, const float*, float*, int64_t,
                               int64_t);
template void multiply_columns(const RunContext*, const double*, const double*, double*, int64_t,
                               int64_t);

}  // namespace grafo::cpu
