// The loops of Reduce over rows (the reduced dims are innermost) and columns, with their division
// among threads. The tree is math/reduce_tree.h's; along columns a leaf is 8 rows, one after
// another, and the cascade is over rows of accumulators.
#pragma once
#include <algorithm>

#include "cpu/reduce.h"
#include "math/reduce_tree.h"

namespace grafo::cpu {

constexpr int64_t kChunk =
    1 << 15;  // elements of a row that one thread takes: 2^k leaves, so a node of the tree
constexpr int64_t kStrip = 128;  // columns reduced together
constexpr int64_t kLeafRows = 8;
constexpr int64_t kMaxPartials = 4096;
constexpr int kLevels = 44;

// What becomes of an accumulator: itself, or divided by the number of elements.
template <class T, class A>
T finish_as_is(A a, int64_t) {
  return static_cast<T>(a);
}
template <class T, class A>
T finish_mean(A a, int64_t divisor) {
  return static_cast<T>(a / static_cast<A>(divisor));
}

template <class Reducer, class A, class T, T (*finish)(A, int64_t)>
struct Reduction {
  // --- rows ---
  static A row(const ReduceStep& step, const T* x, int64_t o) {
    const T* base = x + step.kept.offset(o);
    if (step.reduced.count == 1) return math::reduce_run<Reducer, A>(base, step.inner);
    math::Cascade<Reducer, A> cascade;
    for (int64_t r = 0; r < step.reduced.count; ++r)
      cascade.push(math::reduce_run<Reducer, A>(base + step.reduced.offset(r), step.inner));
    return cascade.finish();
  }

  static void rows(const ReduceStep& step, const RunContext& context, const T* x, T* y) {
    const int64_t count = step.kept.count;
    // Few long rows are cut in chunks; their results are nodes of the same tree.
    int64_t chunk = kChunk;
    while (count * ((step.inner + chunk - 1) / chunk) > kMaxPartials && chunk < step.inner)
      chunk *= 2;
    const int64_t chunks = (step.inner + chunk - 1) / chunk;
    if (step.reduced.count == 1 && count < 64 && chunks > 1 && count * chunks <= kMaxPartials) {
      A partials[kMaxPartials];
      parallel_for(context, count * chunks, std::max<int64_t>(1, kGrainOperations / chunk),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t p = begin; p < end; ++p) {
                       const int64_t start = p % chunks * chunk;
                       partials[p] =
                           math::reduce_run<Reducer, A>(x + step.kept.offset(p / chunks) + start,
                                                        std::min(chunk, step.inner - start));
                     }
                   });
      for (int64_t o = 0; o < count; ++o) {
        math::Cascade<Reducer, A> cascade;
        for (int64_t c = 0; c < chunks; ++c) cascade.push(partials[o * chunks + c]);
        y[o] = finish(cascade.finish(), step.divisor);
      }
      return;
    }
    parallel_for(context, count, grain_for(step.inner * step.reduced.count),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t o = begin; o < end; ++o)
                     y[o] = finish(row(step, x, o), step.divisor);
                 });
  }

  // --- columns ---
  // to[j] = the tree over rows [begin, end) of column j, j < width <= kStrip.
  __attribute__((noinline)) static void strip(const ReduceStep& step, const T* x, int64_t begin,
                                              int64_t end, int64_t width, A* to) {
    A level[kLevels][kStrip];
    uint64_t leaves = 0;
    for (int64_t r = begin; r < end; r += kLeafRows) {
      const T* row[kLeafRows];
      const int64_t count = std::min(kLeafRows, end - r);
      for (int64_t k = 0; k < count; ++k) row[k] = x + step.reduced.offset(r + k);
      int l = 0;
      uint64_t bits = leaves++;
      while ((bits & 1) != 0) bits >>= 1, ++l;
      A* a = level[l];
      if (count == kLeafRows) {
        for (int64_t j = 0; j < width; ++j) {
          A sum = Reducer::combine(Reducer::template identity<A>(), A(row[0][j]));
          for (int k = 1; k < kLeafRows; ++k) sum = Reducer::combine(sum, A(row[k][j]));
          a[j] = sum;
        }
      } else {
        std::fill_n(a, width, Reducer::template identity<A>());
        for (int64_t k = 0; k < count; ++k)
          for (int64_t j = 0; j < width; ++j) a[j] = Reducer::combine(a[j], A(row[k][j]));
      }
      for (int m = 0; m < l; ++m)
        for (int64_t j = 0; j < width; ++j) a[j] = Reducer::combine(level[m][j], a[j]);
    }
    gather_levels(level, leaves, width, to);
  }
  // The end of the cascade: what is left, from the youngest up.
  static void gather_levels(A (*level)[kStrip], uint64_t count, int64_t width, A* to) {
    bool first = true;
    for (int l = 0; l < kLevels && (count >> l) != 0; ++l) {
      if ((count >> l & 1) == 0) continue;
      if (first)
        std::copy_n(level[l], width, to);
      else
        for (int64_t j = 0; j < width; ++j) to[j] = Reducer::combine(level[l][j], to[j]);
      first = false;
    }
  }

  static void columns(const ReduceStep& step, const RunContext& context, const T* x, T* y) {
    const int64_t strips = (step.inner + kStrip - 1) / kStrip;
    const int64_t items = step.kept.count * strips;
    const int64_t all_rows = step.reduced.count;
    const int64_t width_all = step.kept.count * step.inner;
    auto each = [&](int64_t item, auto&& body) {
      const int64_t outer = item / strips, start = item % strips * kStrip;
      body(x + step.kept.offset(outer) + start, outer * step.inner + start,
           std::min(kStrip, step.inner - start));
    };
    // Few columns of many rows are cut in chunks of 2^k leaves.
    int64_t chunk = std::max<int64_t>(kLeafRows, kChunk / std::max<int64_t>(step.inner, 1));
    int64_t rows = kLeafRows;
    while (rows < chunk ||
           (rows < all_rows && width_all * ((all_rows + rows - 1) / rows) > kMaxPartials))
      rows *= 2;
    const int64_t chunks = (all_rows + rows - 1) / rows;
    if (chunks > 1 && items < 16 && width_all * chunks <= kMaxPartials) {
      A partials[kMaxPartials];
      parallel_for(context, items * chunks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p)
          each(p / chunks, [&](const T* from, int64_t at, int64_t width) {
            const int64_t first = p % chunks * rows;
            strip(step, from, first, std::min(first + rows, all_rows), width,
                  partials + p % chunks * width_all + at);
          });
      });
      for (int64_t j = 0; j < width_all; ++j) {
        math::Cascade<Reducer, A> cascade;
        for (int64_t c = 0; c < chunks; ++c) cascade.push(partials[c * width_all + j]);
        y[j] = finish(cascade.finish(), step.divisor);
      }
      return;
    }
    parallel_for(context, items, grain_for(all_rows * std::min(kStrip, step.inner)),
                 [&](int64_t begin, int64_t end) {
                   A sums[kStrip];
                   for (int64_t item = begin; item < end; ++item)
                     each(item, [&](const T* from, int64_t at, int64_t width) {
                       strip(step, from, 0, all_rows, width, sums);
                       for (int64_t j = 0; j < width; ++j)
                         y[at + j] = finish(sums[j], step.divisor);
                     });
                 });
  }

  static void run(const ReduceStep& step, const RunContext& context, const void* x, void* y) {
    const auto* from = static_cast<const T*>(x);
    auto* to = static_cast<T*>(y);
    if (step.inputs == 0) {
      // 0 / 0 is the NaN of an empty float mean; an integer's is 0.
      const A nothing = Reducer::template identity<A>();
      std::fill_n(
          to, step.outputs,
          finish(nothing, math::kIsFloat<A> ? step.divisor : std::max<int64_t>(step.divisor, 1)));
    } else if (step.rows) {
      rows(step, context, from, to);
    } else {
      columns(step, context, from, to);
    }
  }
};

}  // namespace grafo::cpu
