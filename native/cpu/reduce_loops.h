// The loops of Reduce over rows (the reduced dims are innermost) and columns. The tree is math/reduce_tree.h's; along columns a leaf
// is 8 rows, one after another, and the cascade is over rows of accumulators.
#pragma once
#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <type_traits>

#include "cpu/reduce.h"
#include "math/reduce_tree.h"

namespace grafo::cpu {

constexpr int64_t kFetchAhead = 8192;  // bytes

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
  using Stream = math::RunStream<Reducer, A>;
  static_assert(sizeof(Stream) <= kStreamBytes && sizeof(A) <= kAccumulatorBytes);

  static A row(const ReduceShape& step, const T* x, int64_t o) {
    const T* base = x + step.kept.offset(o);
    if (step.reduced.count == 1) return math::reduce_run<Reducer, A>(base, step.inner, step.far);
    math::Cascade<Reducer, A> cascade;
    int64_t r = 0;
    if constexpr (std::is_same_v<A, T> && math::kHasLanes<A>) {
      // Short pieces at one distance, as many as a vector has lanes: each with its neighbour, as the cascade would.
      constexpr int kWidth = math::kWidth<A>;
      const int64_t distance = step.reduced.stride[0];
      const T* end = base + step.reduced.offset(step.reduced.count - 1) + step.inner;
      for (; step.inner < math::kLeaf && step.reduced.groups == 1 && r + kWidth <= step.reduced.count; r += kWidth) {
        const auto sums = math::short_leaves<Reducer>(base + r * distance, distance, step.inner, kWidth, end);
        cascade.push(math::fold_neighbours<Reducer, A, kWidth>(sums), __builtin_ctz(kWidth));
      }
    }
    for (; r < step.reduced.count; ++r)
      cascade.push(math::reduce_run<Reducer, A>(base + step.reduced.offset(r), step.inner, step.far));
    return cascade.finish();
  }

  // Rows of less than a leaf, which follow each other.
  GRAFO_OUT_OF_LINE static void short_rows(const ReduceShape& step, const T* x, T* y, int64_t begin, int64_t end) {
    constexpr int64_t kWidth = math::kWidth<A>;
    const int64_t n = step.inner;
    for (int64_t o = begin, count; o < end; o += count) {
      count = std::min(kWidth, end - o);
      if (step.far)
        for (int64_t at = 0; at < n * kWidth * int64_t{sizeof(T)}; at += 64)
          __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(x + o * n) + static_cast<uintptr_t>(kFetchAhead + at)));
      const auto folded = math::short_leaves<Reducer>(x + o * n, n, n, int(count), x + end * n);
      A sums[kWidth];
      std::memcpy(sums, &folded, sizeof(sums));
      for (int64_t r = 0; r < count; ++r) y[o + r] = finish(sums[r], step.divisor);
    }
  }

  // Outputs side by side whose rows follow each other, each in short pieces: a lane has the tree over the pieces of one.
  GRAFO_OUT_OF_LINE static void short_pieces(const ReduceShape& step, const T* x, T* y, int64_t begin, int64_t end) {
    constexpr int64_t kWidth = math::kWidth<A>;
    const int64_t n = step.inner, together = step.kept.extent[step.kept.groups - 1];
    for (int64_t o = begin, count; o < end; o += count) {
      count = std::min({kWidth, end - o, together - o % together});
      const T* const base = x + step.kept.offset(o);
      math::Cascade<Reducer, math::Lanes<A>> cascade;
      for (int64_t r = 0; r < step.reduced.count; ++r)
        cascade.push(math::short_leaves<Reducer>(base + step.reduced.offset(r), n, n, int(count), x + step.inputs));
      const auto folded = cascade.finish();
      A sums[kWidth];
      std::memcpy(sums, &folded, sizeof(sums));
      for (int64_t r = 0; r < count; ++r) y[o + r] = finish(sums[r], step.divisor);
    }
  }
  static bool are_short_pieces(const ReduceShape& step) {
    const int last = step.kept.groups - 1;
    return step.inner < math::kLeaf && step.reduced.count > 1 && last >= 0 && step.kept.stride[last] == step.inner &&
           step.kept.extent[last] >= math::kWidth<A> / 2;
  }

  static void rows(const ReduceShape& step, const void* x, void* y, int64_t begin, int64_t end) {
    int64_t o = begin;
    if constexpr (std::is_same_v<A, T> && math::kHasLanes<A>) {
      if (are_short_pieces(step)) return short_pieces(step, static_cast<const T*>(x), static_cast<T*>(y), begin, end);
      if (step.reduced.count == 1 && step.inner < math::kLeaf) {
        short_rows(step, static_cast<const T*>(x), static_cast<T*>(y), begin, end);
        return;
      }
      // Short rows of whole leaves that follow each other.
      const int64_t leaves = step.inner / math::kLeaf, rows = leaves == 0 ? 0 : math::kWidth<A> / leaves;
      const bool whole = step.reduced.count == 1 && step.inner % math::kLeaf == 0 && rows != 0 && (leaves & (leaves - 1)) == 0;
      for (; whole && o + rows <= end; o += rows) {
        const int64_t first = step.kept.offset(o);
        if (step.kept.offset(o + rows - 1) != first + (rows - 1) * step.inner) break;
        A sums[math::kWidth<A>];
        math::rows_of_leaves<Reducer>(static_cast<const T*>(x) + first, leaves, sums, step.far);
        for (int64_t r = 0; r < rows; ++r) static_cast<T*>(y)[o + r] = finish(sums[r], step.divisor);
      }
    }
    for (; o < end; ++o) static_cast<T*>(y)[o] = finish(row(step, static_cast<const T*>(x), o), step.divisor);
  }

  static void run(const void* x, int64_t n, void* to) {
    *static_cast<A*>(to) = math::reduce_run<Reducer, A>(static_cast<const T*>(x), n, true);
  }

  static void open(void* state) { new (state) Stream; }
  static void push(void* state, const void* x, int64_t n) {
    static_cast<Stream*>(state)->push(static_cast<const T*>(x), n);
  }
  static void close(void* state, void* to) {
    *static_cast<A*>(to) = static_cast<Stream*>(state)->finish();
  }

  // to[j] = the tree over rows [begin, end) of column j, width <= strip_of(end - begin).
  static void strip(const ReduceShape& step, const void* x, int64_t begin, int64_t end, int64_t width,
                    void* to) {
    A levels[kStripAccumulators];
    ColumnTree tree{levels, width};
    if (step.reduced.groups == 1 && step.reduced.stride[0] == width)
      add_rows(tree, static_cast<const T*>(x) + begin * width, end - begin);
    else
      add(tree, end - begin, [&](int64_t r) { return static_cast<const T*>(x) + step.reduced.offset(begin + r); });
    end_rows(tree, to);
  }
  static void add_rows(ColumnTree& tree, const void* x, int64_t rows) {
    const T* from = static_cast<const T*>(x);
    const int64_t width = tree.width;
    if constexpr (std::is_same_v<A, T> && math::kHasLanes<A>) {
      // Of columns that fill no vector leaves are what does: nodes of up to that many.
      while (width < math::kWidth<A> && rows >= 2 * kLeafRows) {
        const int64_t begun = tree.rows % (2 * kLeafRows);
        int64_t taken = 2 * kLeafRows - begun;
        if (begun == 0) {
          int leaves = 2;
          while (leaves < math::kWidth<A> && tree.rows / kLeafRows % (2 * leaves) == 0 && rows >= 2 * leaves * kLeafRows) leaves *= 2;
          add_node(tree, from, leaves);
          taken = leaves * kLeafRows;
        } else {
          add(tree, taken, [&](int64_t r) { return from + r * width; });
        }
        from += taken * width;
        rows -= taken;
      }
    }
    add(tree, rows, [&](int64_t r) { return from + r * width; });
  }
  // A node of 2^k leaves, as many as a vector has lanes or fewer.
  static void add_node(ColumnTree& tree, const T* x, int leaves) {
    constexpr int kWidth = math::kWidth<A>;
    math::Lanes<A> sums[math::few_columns<A>()];
    math::leaves_of_columns<Reducer>(x, tree.width, leaves, sums);
    A* first = static_cast<A*>(tree.levels) + std::countr_zero(unsigned(leaves)) * tree.width;
    A* a = first;
    for (int64_t nodes = tree.rows / kLeafRows / leaves; (nodes & 1) != 0; nodes >>= 1) a += tree.width;
    for (int64_t j = 0; j < tree.width; ++j) {
      if (leaves == kWidth) {
        a[j] = math::fold_neighbours<Reducer, A, kWidth>(sums[j]);
        continue;
      }
      A lane[kWidth];
      std::memcpy(lane, &sums[j], sizeof(lane));
      for (int half = 1; half < leaves; half *= 2)
        for (int i = 0; i < leaves; i += 2 * half) lane[i] = Reducer::combine(lane[i], lane[i + half]);
      a[j] = lane[0];
    }
    carry(tree, a, first);
    tree.rows += leaves * kLeafRows;
  }
  // A leaf grows in the first level that is free, and is combined with the levels before it when it is complete.
  template <class Row>
  static void add(ColumnTree& tree, int64_t rows, Row&& row) {
    const int64_t width = tree.width;
    for (int64_t r = 0, taken; r < rows; r += taken) {
      const int64_t begun = tree.rows % kLeafRows;
      taken = std::min(kLeafRows - begun, rows - r);
      A* __restrict a = free_level(tree);
      if (taken == kLeafRows) {
        const T* x[kLeafRows];
        for (int64_t k = 0; k < kLeafRows; ++k) x[k] = row(r + k);
        int64_t j = 0;
        if constexpr (std::is_same_v<A, T> && math::kHasLanes<A>) {
          // The last vector may have some of those before it again.
          constexpr int64_t kWidth = math::kWidth<A>;
          const auto identity = math::Lanes<A>{} + Reducer::template identity<A>();
          for (; width >= kWidth && j < width; j += kWidth) {
            const int64_t at = std::min(j, width - kWidth);
            auto sum = Reducer::combine(identity, math::load_lanes(x[0] + at));
            for (int k = 1; k < kLeafRows; ++k) sum = Reducer::combine(sum, math::load_lanes(x[k] + at));
            std::memcpy(a + at, &sum, sizeof(sum));
          }
        }
        for (; j < width; ++j) {
          A sum = Reducer::combine(Reducer::template identity<A>(), A(x[0][j]));
          for (int k = 1; k < kLeafRows; ++k) sum = Reducer::combine(sum, A(x[k][j]));
          a[j] = sum;
        }
      } else {
        if (begun == 0) std::fill_n(a, width, Reducer::template identity<A>());
        for (int64_t k = 0; k < taken; ++k) {
          const T* x = row(r + k);
          for (int64_t j = 0; j < width; ++j) a[j] = Reducer::combine(a[j], A(x[j]));
        }
      }
      if (begun + taken == kLeafRows) carry(tree, a, static_cast<const A*>(tree.levels));
      tree.rows += taken;
    }
  }
  static A* free_level(const ColumnTree& tree) {
    A* level = static_cast<A*>(tree.levels);
    for (int64_t leaves = tree.rows / kLeafRows; (leaves & 1) != 0; leaves >>= 1) level += tree.width;
    return level;
  }
  static void carry(const ColumnTree& tree, A* __restrict a, const A* level) {
    for (; level != a; level += tree.width)
      for (int64_t j = 0; j < tree.width; ++j) a[j] = Reducer::combine(level[j], a[j]);
  }
  // The end of the cascade: what is left, from the youngest up.
  static void end_rows(ColumnTree& tree, void* to) {
    int64_t leaves = tree.rows / kLeafRows;
    if (tree.rows % kLeafRows != 0) {
      carry(tree, free_level(tree), static_cast<const A*>(tree.levels));
      ++leaves;
    }
    A* __restrict sums = static_cast<A*>(to);
    bool first = true;
    for (const A* level = static_cast<const A*>(tree.levels); leaves != 0; leaves >>= 1, level += tree.width) {
      if ((leaves & 1) == 0) continue;
      if (first)
        std::copy_n(level, tree.width, sums);
      else
        for (int64_t j = 0; j < tree.width; ++j) sums[j] = Reducer::combine(level[j], sums[j]);
      first = false;
    }
  }

  static void gather(const ReduceShape& step, const void* partials, int64_t distance, int64_t between,
                     int64_t chunks, void* y, int64_t n) {
    const A* from = static_cast<const A*>(partials);
    for (int64_t i = 0; i < n; ++i, from += distance) {
      math::Cascade<Reducer, A> cascade;
      for (int64_t c = 0; c < chunks; ++c) cascade.push(from[c * between]);
      static_cast<T*>(y)[i] = finish(cascade.finish(), step.divisor);
    }
  }

  static void finish_all(const ReduceShape& step, const void* accumulators, void* y, int64_t n) {
    const A* from = static_cast<const A*>(accumulators);
    for (int64_t i = 0; i < n; ++i) static_cast<T*>(y)[i] = finish(from[i], step.divisor);
  }

  static void nothing(const ReduceShape& step, void* y) {
    // 0 / 0 is the NaN of an empty float mean; an integer's is 0.
    const A identity = Reducer::template identity<A>();
    const int64_t divisor = math::kIsFloat<A> ? step.divisor : std::max<int64_t>(step.divisor, 1);
    std::fill_n(static_cast<T*>(y), step.outputs, finish(identity, divisor));
  }

  static constexpr ReduceLoops loops = {sizeof(T),  sizeof(A), rows, run,  strip, gather,
                                        finish_all, nothing,   open, push, close, add_rows,
                                        end_rows};
};

}  // namespace grafo::cpu
