// What softmax and the cross entropies do to rows: sums over fixed lanes, and exponentials of whole blocks of rows so that
// short rows fill the vectors too.
#pragma once
#include <algorithm>

#include "cpu/prepared.h"
#include "cpu/transpose_block.h"
#include "cpu/vectors.h"
#include "math/reduce_tree.h"

namespace grafo::cpu {

constexpr int kSumLanes = 16;
constexpr int64_t kBlockItems = 1024;  // a multiple of kSumLanes

// A sum whose order depends on the number of terms only.
template <class T>
struct LaneSum {
  T lanes[kSumLanes] = {};

  // Every call but the last adds a multiple of kSumLanes terms.
  void add(const T* x, int64_t n) {
    int64_t i = 0;
    for (; i + kSumLanes <= n; i += kSumLanes)
      for (int l = 0; l < kSumLanes; ++l) lanes[l] += x[i + l];
    for (int l = 0; i < n; ++i, ++l) lanes[l] += x[i];
  }
  T total() const {
    constexpr int kWidth = sizeof(math::Lanes<T>) / sizeof(T);
    math::Lanes<T> sum[kSumLanes / kWidth];
    for (int i = 0; i < kSumLanes / kWidth; ++i) sum[i] = math::load_lanes(lanes + i * kWidth);
#pragma GCC unroll 4
    for (int half = kSumLanes / kWidth / 2; half > 0; half /= 2)
#pragma GCC unroll 4
      for (int i = 0; i < half; ++i) sum[i] += sum[i + half];
    return math::fold_lanes<math::SumReducer, T, kWidth>(sum[0]);
  }
};

// The largest of a row; NaNs are passed over here and come back with the exponentials.
template <class T>
T row_max(const T* x, int64_t n) {
  using V = math::Lanes<T>;
  constexpr int64_t kWidth = sizeof(V) / sizeof(T), kVectors = 4;  // a maximum waits four cycles for the one before
  const auto larger = [](auto a, auto b) { return math::MaxReducer::combine(a, b); };
  if (n < kWidth) {
    T most = -math::kInfinity<T>;
    for (int64_t i = 0; i < n; ++i) most = larger(most, x[i]);
    return most;
  }
  // The last vector may overlap the one before it.
  V most = larger(V{} - math::kInfinity<T>, math::load_lanes(x + n - kWidth));
  V lane[kVectors] = {most, most, most, most};
  int64_t i = 0;
  for (; i + kVectors * kWidth <= n; i += kVectors * kWidth)
    for (int64_t v = 0; v < kVectors; ++v) lane[v] = larger(lane[v], math::load_lanes(x + i + v * kWidth));
  most = larger(larger(lane[0], lane[1]), larger(lane[2], lane[3]));
  for (; i + kWidth <= n; i += kWidth) most = larger(most, math::load_lanes(x + i));
  return math::fold_lanes<math::MaxReducer, T, kWidth>(most);
}

template <class Functor, class T>
void map_items(const T* x, T* y, int64_t n) {
#if defined(GRAFO_VECTORS)
  map_vectors<Functor::kVectors>(y, n, Functor(), x);
#else
  for (int64_t i = 0; i < n; ++i) y[i] = Functor()(x[i]);
#endif
}
template <class T>
void exp_of(const T* x, T* y, int64_t n) {
  map_items<math::Exp>(x, y, n);
}

// Of kSumLanes items of a row: their exponentials less `most`, which go to y and are added up.
#if defined(GRAFO_VECTORS)
// Of 0 and less, or NaN.
struct ExpOfLess : math::Exp {
  template <class V>
  FN V operator()(V x) const {
    return math::exp_within(math::exp_floor(x));
  }
};
template <class T>
struct ExpSum {
  static constexpr int kVectors = kSumLanes / VectorOf<T>::kLanes;
  using V = decltype(at<kVectors>(static_cast<const T*>(nullptr)));
  V sum = V(T(0));

  FN void add(const T* x, T most, T* y) {
    const V power = map_part(ExpOfLess(), at<kVectors>(x) - V(most));
    put<false>(y, power);
    sum = sum + power;
  }
  FN void end(T* lanes) const { put<false>(lanes, sum); }
};
#else
template <class T>
struct ExpSum {
  T sum[kSumLanes] = {};

  FN void add(const T* x, T most, T* y) {
#pragma GCC ivdep
    for (int l = 0; l < kSumLanes; ++l) {
      const T power = math::exp(x[l] - most);
      y[l] = power;
      sum[l] += power;
    }
  }
  FN void end(T* lanes) const { std::copy_n(sum, kSumLanes, lanes); }
};
#endif

// The exponentials of one row less `most`, and their sum. Meanwhile the `ahead` items after the row and after its result come nearer:
// arithmetic takes as long as memory here, and without that one waits for the other.
template <class T>
T exp_row(const T* x, T most, T* y, int64_t n, int64_t ahead) {
  constexpr int kLines = kSumLanes * sizeof(T) / 64;
  ExpSum<T> sums;
  int64_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes) {
    if (i < ahead) {
      for (int line = 0; line < kLines; ++line) {
        __builtin_prefetch(x + n + i + line * (64 / sizeof(T)));
        __builtin_prefetch(y + n + i + line * (64 / sizeof(T)), 1);
      }
    }
    sums.add(x + i, most, y + i);
  }
  LaneSum<T> sum;
  sums.end(sum.lanes);
  for (int64_t k = i; k < n; ++k) y[k] = math::exp(x[k] - most);
  sum.add(y + i, n - i);
  return sum.total();
}

// Rows too short to fill vectors by themselves: kSumLanes of them side by side, item c of row i at [c * kSumLanes + i].
constexpr int64_t kLongRow = 4 * kSumLanes;
// Of fewer rows most lanes would be empty: a logarithm and a sum for each cost less.
constexpr int64_t kManyRows = kSumLanes / 2;
template <class T>
struct SideBySide {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  alignas(64) T items[kLongRow * kSumLanes];

  void take(const T* x, int64_t rows, int64_t columns) {
    if (rows < kSumLanes) std::fill_n(items, columns * kSumLanes, T(0));
    transpose_items(reinterpret_cast<const Bits*>(x), columns, reinterpret_cast<Bits*>(items), kSumLanes, rows, columns);
  }
  void give(T* y, int64_t rows, int64_t columns) const {
    transpose_items(reinterpret_cast<const Bits*>(items), kSumLanes, reinterpret_cast<Bits*>(y), columns, columns, rows);
  }
  // Each row's sum, LaneSum's: what its empty lanes would add is +0, to what is no -0.
  void add_up(int64_t columns, T* sums) const {
    T lanes[kSumLanes][kSumLanes];
    const int64_t filled = std::min<int64_t>(columns, kSumLanes);
    for (int64_t c = 0; c < filled; ++c)
      for (int i = 0; i < kSumLanes; ++i) lanes[c][i] = T(0) + items[c * kSumLanes + i];
    for (int64_t c = filled; c < columns; ++c)
      for (int i = 0; i < kSumLanes; ++i) lanes[c % kSumLanes][i] += items[c * kSumLanes + i];
    for (int64_t half = kSumLanes / 2; half > 0; half /= 2)
      for (int64_t l = 0; l < std::min(half, filled - half); ++l)
        for (int i = 0; i < kSumLanes; ++i) lanes[l][i] += lanes[l + half][i];
    std::copy_n(lanes[0], kSumLanes, sums);
  }
};

// Gives visit(first row, rows, their items less each row's maximum, the exponentials of these, their sums) for up to kSumLanes rows at
// a time; what it leaves in the items goes to y.
template <class T, class Visit>
void short_rows(const T* x, T* y, int64_t rows, int64_t columns, Visit&& visit) {
  constexpr int kSide = kSumLanes;
  SideBySide<T> block, powers;
  for (int64_t r = 0; r < rows; r += kSide) {
    const int64_t height = std::min<int64_t>(kSide, rows - r);
    block.take(x + r * columns, height, columns);
    T* const item = block.items;
    T most[kSide], sums[kSide];
    std::fill_n(most, kSide, -math::kInfinity<T>);
    for (int64_t c = 0; c < columns; ++c)
      for (int i = 0; i < kSide; ++i) most[i] = item[c * kSide + i] > most[i] ? item[c * kSide + i] : most[i];
    for (int64_t c = 0; c < columns; ++c)
      for (int i = 0; i < kSide; ++i) item[c * kSide + i] -= most[i];
    exp_of(item, powers.items, columns * kSide);
    powers.add_up(columns, sums);
    visit(r, height, block, powers, sums);
    block.give(y + r * columns, height, columns);
  }
}
// items = powers / sums.
template <class T>
void scale_short_rows(const SideBySide<T>& powers, const T* sums, int64_t columns, T* items) {
  T scale[kSumLanes];
  for (int i = 0; i < kSumLanes; ++i) scale[i] = T(1) / sums[i];
  for (int64_t c = 0; c < columns; ++c)
    for (int i = 0; i < kSumLanes; ++i) items[c * kSumLanes + i] = powers.items[c * kSumLanes + i] * scale[i];
}

// visit(first row, rows) over blocks of rows that hold about kBlockItems, on the host's threads.
template <class Visit>
void for_row_blocks(const RunContext& context, int64_t rows, int64_t columns, Visit&& visit) {
  int64_t block = std::max<int64_t>(1, kBlockItems / columns);
  if (columns < kLongRow) block = (block + kSumLanes - 1) / kSumLanes * kSumLanes;
  parallel_for(context, rows, std::max(block, grain_for(columns * 8)), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row += block) visit(row, std::min(block, end - row));
  });
}

// Shifts rows by their maximum into y, and gives visit(row of y, sum of its exponentials, the exponentials or nullptr where
// the row was too long to keep them).
template <class T, class Visit>
void shifted_rows(const T* x, T* y, int64_t rows, int64_t columns, Visit&& visit) {
  T powers[kBlockItems];
  for (int64_t r = 0; r < rows; ++r) {
    const T* const from = x + r * columns;
    T* const to = y + r * columns;
    const T most = row_max(from, columns);
    for (int64_t c = 0; c < columns; ++c) to[c] = from[c] - most;
  }
  if (columns <= kBlockItems) {
    exp_of(y, powers, rows * columns);
    for (int64_t r = 0; r < rows; ++r) {
      LaneSum<T> sum;
      sum.add(powers + r * columns, columns);
      visit(r, y + r * columns, sum.total(), powers + r * columns);
    }
    return;
  }
  for (int64_t r = 0; r < rows; ++r) {
    LaneSum<T> sum;
    for (int64_t c = 0; c < columns; c += kBlockItems) {
      const int64_t n = std::min(kBlockItems, columns - c);
      exp_of(y + r * columns + c, powers, n);
      sum.add(powers, n);
    }
    visit(r, y + r * columns, sum.total(), static_cast<const T*>(nullptr));
  }
}

}  // namespace grafo::cpu
