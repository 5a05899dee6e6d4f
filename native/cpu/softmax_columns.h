// Softmax along an axis that others follow: columns lie side by side, so vectors go across them and down the axis. Each column has the
// bits that it would have as a row: its sum is LaneSum's, of which row i belongs to lane i % kSumLanes.
#pragma once
#include "cpu/softmax_rows.h"

namespace grafo::cpu {

// Blocks of fewer items go kSumLanes side by side: each would not fill vectors for long.
constexpr int64_t kShortBlock = 256;
// Blocks of so few columns are read as one run.
constexpr int64_t kRunColumns = 64;
// More columns are cut into strips. Of short ones a strip is copied to lie together in the first cache, and is no narrower than kRunColumns;
// of long ones strips are read where they lie, a page of each row: narrow pieces of many pages take longer than to read all twice.
constexpr int64_t kStripBytes = 24 << 10, kStripColumns = 256;
template <class T>
constexpr int64_t kWideColumns = 4096 / int64_t{sizeof(T)};

// Item k of a row's piece is visited with item k of what is kept for each column; rows that follow each other without a gap and do not
// fill vectors are visited kSumLanes at a time, as one.
struct ColumnShape {
  int64_t n, width, period;

  ColumnShape(int64_t rows, int64_t columns, bool is_compact)
      : n(rows), width(columns), period(is_compact ? columns * kSumLanes : columns) {}
  int64_t lanes() const { return std::min<int64_t>(n, kSumLanes); }
  // Items of what is kept for each column.
  int64_t kept() const { return period == width ? width : lanes() * width; }

  // visit(number of the piece, its first lane's position, its items)
  template <class Visit>
  void pieces(Visit&& visit) const {
    const int64_t total = n * width, turn = kSumLanes * width;
    for (int64_t i = 0, piece = 0, lane = 0; i < total; i += period, ++piece) {
      visit(piece, lane, std::min(period, total - i));
      lane += period;
      if (lane == turn) lane = 0;
    }
  }
  // What the lanes hold of each column becomes one, in halves.
  template <class T, class Combine>
  void fold(T* items, Combine&& combine) const {
    for (int64_t half = kSumLanes / 2; half > 0; half /= 2) {
      const int64_t end = std::min(half, lanes() - half) * width;
#pragma GCC ivdep
      for (int64_t k = 0; k < end; ++k) items[k] = combine(items[k], items[k + half * width]);
    }
  }
  // One for each column becomes one for each item of a piece.
  template <class T>
  void repeat(T* items) const {
    for (int64_t have = width; have < kept();) {
      const int64_t more = std::min(have, kept() - have);
      std::copy_n(items, more, items + have);
      have += more;
    }
  }
};

// Rows' pieces in memory: piece p begins at items + p * step.
template <class T>
struct Pieces {
  T* items;
  int64_t step;

  T* at(int64_t piece) const { return items + piece * step; }
};

// The largest of each column, NaNs passed over; kCopy: everything goes to `copy` as well.
template <bool kCopy, class T>
void column_max(const ColumnShape& shape, Pieces<const T> x, T* most, Pieces<T> copy) {
  std::fill_n(most, shape.kept(), -math::kInfinity<T>);
  shape.pieces([&](int64_t piece, int64_t, int64_t items) {
    const T* const from = x.at(piece);
    T* const to = kCopy ? copy.at(piece) : nullptr;
#pragma GCC ivdep
    for (int64_t k = 0; k < items; ++k) {
      if constexpr (kCopy) to[k] = from[k];
      most[k] = from[k] > most[k] ? from[k] : most[k];
    }
  });
  if (shape.period != shape.width) shape.fold(most, [](T a, T b) { return b > a ? b : a; });
  shape.repeat(most);
}

// The exponentials of a piece's items less `most` are added to `lanes`; kKeep: and go to y.
template <bool kKeep, class T>
void exp_piece(const T* x, const T* most, T* lanes, T* y, int64_t n) {
#if defined(GRAFO_VECTORS)
  constexpr int64_t kWidth = VectorOf<T>::kLanes, kAtOnce = kSumLanes / kWidth;
  const auto some = [&]<int kVectors>(std::integral_constant<int, kVectors>, int64_t k) {
    const auto power = map_part(ExpOfLess(), at<kVectors>(x + k) - at<kVectors>(most + k));
    if constexpr (kKeep) put<false>(y + k, power);
    put<false>(lanes + k, at<kVectors>(lanes + k) + power);
  };
  int64_t k = 0;
  for (; k + kSumLanes <= n; k += kSumLanes) some(std::integral_constant<int, kAtOnce>(), k);
  if constexpr (kAtOnce > 1)
    for (; k + kWidth <= n; k += kWidth) some(std::integral_constant<int, 1>(), k);
  if (k == n) return;
  const auto power = map_part(ExpOfLess(), math::load(x + k, n - k) - math::load(most + k, n - k));
  if constexpr (kKeep) math::store(y + k, power, n - k);
  math::store(lanes + k, math::load(lanes + k, n - k) + power, n - k);
#else
#pragma GCC ivdep
  for (int64_t k = 0; k < n; ++k) {
    const T power = math::exp(x[k] - most[k]);
    if constexpr (kKeep) y[k] = power;
    lanes[k] += power;
  }
#endif
}

// The sum of each column's exponentials, in lanes[0, width). Meanwhile the pieces of `next` come nearer.
template <bool kKeep, class T>
void column_sums(const ColumnShape& shape, Pieces<const T> x, const T* most, T* lanes, Pieces<T> powers, Pieces<const T> next) {
  std::fill_n(lanes, shape.lanes() * shape.width, T(0));
  shape.pieces([&](int64_t piece, int64_t lane, int64_t items) {
    if (next.items)
      for (int64_t k = 0; k < items; k += 64 / int64_t{sizeof(T)}) __builtin_prefetch(next.at(piece) + k);
    exp_piece<kKeep>(x.at(piece), most, lanes + lane, kKeep ? powers.at(piece) : nullptr, items);
  });
  shape.fold(lanes, [](T a, T b) { return a + b; });
}

// What a softmax keeps of columns: kMost items of a piece, kLanes of kSumLanes rows.
template <class T, int64_t kMost, int64_t kLanes>
struct ColumnSoftmax {
  alignas(64) T most[kMost];
  alignas(64) T lanes[kLanes];

  // y is x's softmax, over `kept`, where exponentials lie meanwhile: y itself, or with kCopy a copy of x.
  template <bool kCopy>
  void softmax(const ColumnShape& shape, Pieces<const T> x, Pieces<T> kept, Pieces<T> y, Pieces<const T> next) {
    column_max<kCopy>(shape, x, most, kept);
    column_sums<true>(shape, kCopy ? Pieces<const T>{kept.items, kept.step} : x, most, lanes, kept, next);
    for (int64_t k = 0; k < shape.width; ++k) lanes[k] = T(1) / lanes[k];
    shape.repeat(lanes);
    shape.pieces([&](int64_t piece, int64_t, int64_t items) {
      const T* const from = kept.at(piece);
      T* const to = y.at(piece);
#pragma GCC ivdep
      for (int64_t k = 0; k < items; ++k) to[k] = from[k] * lanes[k];
    });
  }
  template <bool kCopy>
  void log_softmax(const ColumnShape& shape, Pieces<const T> x, Pieces<T> kept, Pieces<T> y, Pieces<const T> next) {
    column_max<kCopy>(shape, x, most, kept);
    const Pieces<const T> read = kCopy ? Pieces<const T>{kept.items, kept.step} : x;
    column_sums<false>(shape, read, most, lanes, kept, next);
    map_items<math::Log>(lanes, lanes, shape.width);
    shape.repeat(lanes);
    shape.pieces([&](int64_t piece, int64_t, int64_t items) {
      const T* const from = read.at(piece);
      T* const to = y.at(piece);
#pragma GCC ivdep
      for (int64_t k = 0; k < items; ++k) to[k] = from[k] - most[k] - lanes[k];
    });
  }
  template <bool kLog, bool kCopy>
  void run(const ColumnShape& shape, Pieces<const T> x, Pieces<T> kept, Pieces<T> y, Pieces<const T> next = {nullptr, 0}) {
    if constexpr (kLog) log_softmax<kCopy>(shape, x, kept, y, next);
    else softmax<kCopy>(shape, x, kept, y, next);
  }
};

// How softmax goes over `outer` blocks of n rows of `inner` columns.
struct ColumnPlan {
  int64_t outer, n, inner;
  int64_t threads = 1;

  bool are_short() const { return n > 1 && n * inner < kShortBlock && outer >= kManyRows; }
  bool are_runs() const { return inner <= kRunColumns; }
  template <class T>
  bool are_kept() const { return n * (kRunColumns * int64_t{sizeof(T)}) <= kStripBytes; }
  // The most columns of a strip.
  template <class T>
  int64_t most() const {
    if (are_kept<T>()) return std::min(kStripBytes / (n * int64_t{sizeof(T)}) / kSumLanes * kSumLanes, kStripColumns);
    return std::clamp((outer * inner + threads - 1) / threads, kRunColumns, kWideColumns<T>);
  }
  // Columns of each but the last, whole vectors of them.
  template <class T>
  int64_t width() const {
    if (are_runs()) return inner;
    const int64_t strips = (inner + most<T>() - 1) / most<T>(), even = (inner + strips - 1) / strips;
    return std::min(inner, (even + kSumLanes - 1) / kSumLanes * kSumLanes);
  }
};

template <bool kLog, class T>
void softmax_short_blocks(const T* x, T* y, int64_t outer, int64_t n, int64_t inner) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr int64_t kItems = kShortBlock * kSumLanes;
  alignas(64) T items[kItems];
  ColumnSoftmax<T, kItems / 2, kItems> columns;
  const int64_t block = n * inner;
  const ColumnShape shape(n, inner * kSumLanes, false);
  const Pieces<T> kept{items, shape.width};
  if (outer < kSumLanes) std::fill_n(items, block * kSumLanes, T(0));
  for (int64_t o = 0; o < outer; o += kSumLanes) {
    const int64_t height = std::min<int64_t>(kSumLanes, outer - o);
    transpose_items(reinterpret_cast<const Bits*>(x + o * block), block, reinterpret_cast<Bits*>(items), kSumLanes, height, block);
    columns.template run<kLog, false>(shape, {items, shape.width}, kept, kept);
    transpose_items(reinterpret_cast<const Bits*>(items), kSumLanes, reinterpret_cast<Bits*>(y + o * block), block, block, height);
  }
}

// Strip s of all that the blocks are cut into, one block's after the other's.
struct Strip {
  int64_t first, columns;

  Strip(const ColumnPlan& plan, int64_t width, int64_t s) {
    const int64_t strips = (plan.inner + width - 1) / width, column = s % strips * width;
    first = s / strips * plan.n * plan.inner + column;
    columns = std::min(width, plan.inner - column);
  }
};
template <bool kLog, class T>
void softmax_kept_strips(const ColumnPlan& plan, const T* x, T* y, int64_t begin, int64_t end) {
  alignas(64) T kept[kStripBytes / sizeof(T)];
  ColumnSoftmax<T, kStripColumns, kStripColumns * kSumLanes> columns;
  const int64_t width = plan.width<T>();
  for (int64_t s = begin; s < end; ++s) {
    const Strip strip(plan, width, s);
    const ColumnShape shape(plan.n, strip.columns, false);
    const Pieces<const T> next{s + 1 < end ? x + Strip(plan, width, s + 1).first : nullptr, plan.inner};
    columns.template run<kLog, true>(shape, {x + strip.first, plan.inner}, {kept, strip.columns}, {y + strip.first, plan.inner}, next);
  }
}
// Strips whose exponentials lie in y meanwhile: runs, or pages of rows.
template <bool kLog, bool kRuns, class T>
void softmax_strips(const ColumnPlan& plan, const T* x, T* y, int64_t begin, int64_t end) {
  constexpr int64_t kMost = kRuns ? kRunColumns * kSumLanes : kWideColumns<T>;
  ColumnSoftmax<T, kMost, kRuns ? kMost : kMost * kSumLanes> columns;
  const int64_t width = plan.width<T>();
  for (int64_t s = begin; s < end; ++s) {
    const Strip strip(plan, width, s);
    const ColumnShape shape(plan.n, strip.columns, kRuns);
    const int64_t step = kRuns ? shape.period : plan.inner;
    const Pieces<T> to{y + strip.first, step};
    columns.template run<kLog, false>(shape, {x + strip.first, step}, to, to);
  }
}

template <bool kLog, class T>
void softmax_columns(const RunContext& context, const ColumnPlan& plan, const T* x, T* y) {
  if (plan.are_short()) {
    const int64_t block = plan.n * plan.inner;
    const int64_t grain = (grain_for(block * 8) + kSumLanes - 1) / kSumLanes * kSumLanes;
    parallel_for(context, plan.outer, grain, [&](int64_t begin, int64_t end) {
      softmax_short_blocks<kLog>(x + begin * block, y + begin * block, end - begin, plan.n, plan.inner);
    });
    return;
  }
  const int64_t width = plan.width<T>(), strips = (plan.inner + width - 1) / width;
  parallel_for(context, plan.outer * strips, grain_for(plan.n * width * 8), [&](int64_t begin, int64_t end) {
    if (plan.are_runs()) softmax_strips<kLog, true>(plan, x, y, begin, end);
    else if (plan.are_kept<T>()) softmax_kept_strips<kLog>(plan, x, y, begin, end);
    else softmax_strips<kLog, false>(plan, x, y, begin, end);
  });
}

}  // namespace grafo::cpu
