// What softmax and the cross entropies do to rows: sums over fixed lanes, and exponentials of whole blocks of rows so that
// short rows fill the vectors too.
#pragma once
#include <algorithm>

#include "cpu/prepared.h"
#include "math/functors.h"

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
    T sum[kSumLanes];
    std::copy(lanes, lanes + kSumLanes, sum);
    for (int half = kSumLanes / 2; half > 0; half /= 2)
      for (int l = 0; l < half; ++l) sum[l] += sum[l + half];
    return sum[0];
  }
};

// The largest of a row; NaNs are passed over here and come back with the exponentials.
template <class T>
T row_max(const T* x, int64_t n) {
  constexpr int kMaxLanes = 4 * kSumLanes;  // a maximum waits four cycles for the one before
  T lanes[kMaxLanes];
  std::fill(lanes, lanes + kMaxLanes, -math::kInfinity<T>);
  int64_t i = 0;
  for (; i + kMaxLanes <= n; i += kMaxLanes)
    for (int l = 0; l < kMaxLanes; ++l) lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
  for (int half = kMaxLanes / 2; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) lanes[l] = lanes[l + half] > lanes[l] ? lanes[l + half] : lanes[l];
  T most = lanes[0];
  for (; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

template <class T>
void exp_of(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = math::exp(x[i]);
}

// The exponentials of one row less `most`, and their sum.
template <class T>
T exp_row(const T* x, T most, T* y, int64_t n) {
  LaneSum<T> sum;
  int64_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes) {
#pragma GCC ivdep
    for (int l = 0; l < kSumLanes; ++l) {
      const T power = math::exp(x[i + l] - most);
      y[i + l] = power;
      sum.lanes[l] += power;
    }
  }
  for (int64_t k = i; k < n; ++k) y[k] = math::exp(x[k] - most);
  sum.add(y + i, n - i);
  return sum.total();
}

// visit(first row, rows) over blocks of rows that hold about kBlockItems, on the host's threads.
template <class Visit>
void for_row_blocks(const RunContext& context, int64_t rows, int64_t columns, Visit&& visit) {
  const int64_t block = std::max<int64_t>(1, kBlockItems / columns);
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
