// The loops of Reduce over rows (the reduced dims are innermost) and columns. The tree is math/reduce_tree.h's; along columns a leaf
// is 8 rows, one after another, and the cascade is over rows of accumulators.
#pragma once
#include <algorithm>

#include "cpu/reduce.h"
#include "math/reduce_tree.h"

namespace grafo::cpu {

constexpr int64_t kLeafRows = 8;
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
  static A row(const ReduceStep& step, const T* x, int64_t o) {
    const T* base = x + step.kept.offset(o);
    if (step.reduced.count == 1) return math::reduce_run<Reducer, A>(base, step.inner);
    math::Cascade<Reducer, A> cascade;
    for (int64_t r = 0; r < step.reduced.count; ++r)
      cascade.push(math::reduce_run<Reducer, A>(base + step.reduced.offset(r), step.inner));
    return cascade.finish();
  }

  static void rows(const ReduceStep& step, const void* x, void* y, int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      static_cast<T*>(y)[o] = finish(row(step, static_cast<const T*>(x), o), step.divisor);
  }

  static void run(const void* x, int64_t n, void* to) {
    *static_cast<A*>(to) = math::reduce_run<Reducer, A>(static_cast<const T*>(x), n);
  }

  // to[j] = the tree over rows [begin, end) of column j, width <= kReduceStrip.
  static void strip(const ReduceStep& step, const void* from, int64_t begin, int64_t end, int64_t width,
                    void* into) {
    const T* x = static_cast<const T*>(from);
    A* to = static_cast<A*>(into);
    A level[kLevels][kReduceStrip];
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
  static void gather_levels(A (*level)[kReduceStrip], uint64_t count, int64_t width, A* to) {
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

  static void gather(const ReduceStep& step, const void* partials, int64_t distance, int64_t between,
                     int64_t chunks, void* y, int64_t n) {
    const A* from = static_cast<const A*>(partials);
    for (int64_t i = 0; i < n; ++i, from += distance) {
      math::Cascade<Reducer, A> cascade;
      for (int64_t c = 0; c < chunks; ++c) cascade.push(from[c * between]);
      static_cast<T*>(y)[i] = finish(cascade.finish(), step.divisor);
    }
  }

  static void finish_all(const ReduceStep& step, const void* accumulators, void* y, int64_t n) {
    const A* from = static_cast<const A*>(accumulators);
    for (int64_t i = 0; i < n; ++i) static_cast<T*>(y)[i] = finish(from[i], step.divisor);
  }

  static void nothing(const ReduceStep& step, void* y) {
    // 0 / 0 is the NaN of an empty float mean; an integer's is 0.
    const A identity = Reducer::template identity<A>();
    const int64_t divisor = math::kIsFloat<A> ? step.divisor : std::max<int64_t>(step.divisor, 1);
    std::fill_n(static_cast<T*>(y), step.outputs, finish(identity, divisor));
  }

  static constexpr ReduceLoops loops = {sizeof(T), sizeof(A),  rows,   run,
                                        strip,     gather, finish_all, nothing};
};

}  // namespace grafo::cpu
