// Loops of Reduce for integers of one or two bytes, and bools. Their sums and products wrap and their maxima are exact, so any order gives the tree's
// bits: along rows the plainest one, of which the compiler makes vectors.
#pragma once
#include "cpu/reduce_loops.h"

namespace grafo::cpu {

template <class Reducer, class A, class T, T (*finish)(A, int64_t)>
struct ExactReduction {
  using Tree = Reduction<Reducer, A, T, finish>;
  // A chain of products waits for each of them, by vectors as well; all and any of a long row may be known early.
  static constexpr bool kByVectors = !math::kDecides<Reducer> && !std::is_same_v<Reducer, math::ProdReducer>;
  // A sum of so many items fits 32 bits.
  static constexpr int64_t kBlock = 1 << 14;

  // a combined with n items one after another.
  static A add(A a, const T* x, int64_t n) {
    if constexpr (std::is_same_v<A, T>) {
      int64_t i = 0;
      if constexpr (kByVectors) {
        using V = math::Lanes<T>;
        constexpr int64_t kWidth = sizeof(V) / sizeof(T), kVectors = 4;
        if (n >= kVectors * kWidth) {
          V lane[kVectors];
          for (V& v : lane) v = V{} + Reducer::template identity<T>();
          for (; i + kVectors * kWidth <= n; i += kVectors * kWidth)
            for (int v = 0; v < kVectors; ++v) lane[v] = Reducer::combine(lane[v], math::load_lanes(x + i + v * kWidth));
          for (int v = 1; v < kVectors; ++v) lane[0] = Reducer::combine(lane[0], lane[v]);
          for (int64_t l = 0; l < kWidth; ++l) a = Reducer::combine(a, T(lane[0][l]));
        }
      }
      for (; i < n; ++i) a = Reducer::combine(a, x[i]);
    } else {
      using Part = std::conditional_t<std::is_signed_v<A>, int32_t, uint32_t>;
      for (int64_t first = 0; first < n; first += kBlock) {
        const int64_t last = std::min(first + kBlock, n);
        Part part = 0;
        for (int64_t i = first; i < last; ++i) part += static_cast<Part>(x[i]);
        a += part;
      }
    }
    return a;
  }

  // Rows of kItems that follow each other.
  template <int64_t kItems>
  static void fixed_rows(const T* x, T* y, int64_t begin, int64_t end, int64_t divisor) {
    for (int64_t o = begin; o < end; ++o) {
      A a = Reducer::template identity<A>();
      for (int64_t i = 0; i < kItems; ++i) a = Reducer::combine(a, A(x[o * kItems + i]));
      y[o] = finish(a, divisor);
    }
  }
  static void rows(const ReduceShape& step, const void* base, void* to, int64_t begin, int64_t end) {
    const T* const x = static_cast<const T*>(base);
    T* const y = static_cast<T*>(to);
    if (step.reduced.count == 1 && step.kept.groups <= 1) {
      switch (step.inner) {
#define GRAFO_ROWS(n) \
  case n:             \
    return fixed_rows<n>(x, y, begin, end, step.divisor);
        GRAFO_ROWS(2)
        GRAFO_ROWS(3)
        GRAFO_ROWS(4)
        GRAFO_ROWS(5)
        GRAFO_ROWS(6)
        GRAFO_ROWS(7)
        GRAFO_ROWS(8)
#undef GRAFO_ROWS
        default:
          break;
      }
    }
    constexpr int64_t kLong = math::kDecides<Reducer> ? 32 : math::kLeaf;
    if (!kByVectors && step.inner >= kLong) return Tree::rows(step, x, y, begin, end);
    for (int64_t o = begin; o < end; ++o) {
      const T* const row = x + step.kept.offset(o);
      A a = Reducer::template identity<A>();
      for (int64_t r = 0; r < step.reduced.count; ++r) a = add(a, row + step.reduced.offset(r), step.inner);
      y[o] = finish(a, step.divisor);
    }
  }
  static void run(const void* x, int64_t n, void* to) {
    *static_cast<A*>(to) = add(Reducer::template identity<A>(), static_cast<const T*>(x), n);
  }

  static constexpr ReduceLoops make() {
    ReduceLoops loops = Tree::loops;
    loops.rows = rows;
    if constexpr (kByVectors) loops.run = run;
    return loops;
  }
  static constexpr ReduceLoops loops = make();
};

// Those for T: of small integers these, of others the tree's.
template <class Reducer, class A, class T, T (*finish)(A, int64_t)>
constexpr const ReduceLoops& reduce_loops() {
  if constexpr (std::is_integral_v<T> && sizeof(T) <= 2)
    return ExactReduction<Reducer, A, T, finish>::loops;
  else
    return Reduction<Reducer, A, T, finish>::loops;
}

}  // namespace grafo::cpu
