// The one tree of reductions. It depends on the number of elements only, so neither threads nor
// fusion change a bit:
//   leaf     up to 8 * kLanes elements: lane l combines x[l], x[l + kLanes] ... in order, then
//   lanes in halves
//            (l with l + kLanes / 2, and so on); 32 lanes, as a warp has
//   cascade  leaves pairwise, like carries of a binary counter, the older partner first; what is
//   left at the end from the
//            youngest up. A run of 2^k leaves that starts at a multiple of 2^k is a node, so large
//            reductions are cut there.
// An error of about 8 + log2(lanes) + 2 log2(leaves) roundings, under 2 log2(n) + 2 (Higham,
// Accuracy and Stability, 4.2).
#pragma once
#include "math/functors.h"
#if !defined(__CUDACC__)
#include "math/lanes.h"
#endif

namespace grafo::math {

// A vector (lanes.h) has operators of its own.
template <class A>
concept Indexed = requires(A a) { a[0]; };

// Reducers: the identity, and combine(older, newer), also of vectors.
struct SumReducer {
  template <class A>
  FN static A identity() {
    return A(0);
  }
  template <class A>
  FN static A combine(A a, A b) {
    if constexpr (Indexed<A>)
      return reinterpret_cast<A>(wrapping(a) + wrapping(b));
    else
      return Add()(a, b);
  }
};
struct ProdReducer {
  template <class A>
  FN static A identity() {
    return A(1);
  }
  template <class A>
  FN static A combine(A a, A b) {
    if constexpr (Indexed<A>)
      return reinterpret_cast<A>(wrapping(a) * wrapping(b));
    else
      return Mul()(a, b);
  }
};
// NaN never enters the accumulator, as in Eigen's reducers (accumulator < NaN is false): a maximum
// is of the numbers, and -Inf where there are none.
struct MaxReducer {
  template <class A>
  FN static A identity() {
    if constexpr (kIsFloat<A>)
      return -kInfinity<A>;
    else
      return kLowest<A>;
  }
  template <class A>
  FN static A combine(A a, A b) {
    if constexpr (Indexed<A>)
      return a < b ? b : a;
    else
      return Maximum()(a, b);
  }
};
struct MinReducer {
  template <class A>
  FN static A identity() {
    if constexpr (kIsFloat<A>)
      return kInfinity<A>;
    else
      return kHighest<A>;
  }
  template <class A>
  FN static A combine(A a, A b) {
    if constexpr (Indexed<A>)
      return b < a ? b : a;
    else
      return Minimum()(a, b);
  }
};
// Of bytes: anything but 0 is true.
struct AllReducer {
  template <class A>
  FN static A identity() {
    return A(1);
  }
  template <class A>
  FN static A combine(A a, A b) {
    return A((a != 0) & (b != 0));
  }
};
struct AnyReducer {
  template <class A>
  FN static A identity() {
    return A(0);
  }
  template <class A>
  FN static A combine(A a, A b) {
    return A((a != 0) | (b != 0));
  }
};

inline constexpr int kLanes = 32;
inline constexpr int kLeafSteps = 8;
inline constexpr int kLeaf = kLeafSteps * kLanes;

// Of a leaf of few elements: lanes beyond those used would hold the identity.
template <class Reducer, class A>
FN A in_halves(A* lane, int used) {
  for (int half = kLanes / 2; half >= 1; half /= 2)
    for (int l = 0; l < half && l + half < used; ++l)
      lane[l] = Reducer::combine(lane[l], lane[l + half]);
  return lane[0];
}

// Asks for the lines of a leaf that is to come and is in no cache: a processor's own fetching ends with a page, which is few leaves.
// Those with AVX-512 go on by themselves, and asking costs a tenth (Zen 5).
template <class T>
FN void fetch_leaf(const T* x) {
#if !defined(__CUDACC__) && !defined(__AVX512F__)
  constexpr u64 kAhead = 8192;
  const u64 from = reinterpret_cast<u64>(x) + kAhead;  // perhaps past the end
  for (u64 i = 0; i < kLeaf * sizeof(T); i += 64) __builtin_prefetch(reinterpret_cast<const void*>(from + i));
#else
  (void)x;
#endif
}

#if defined(__CUDACC__)
#define GRAFO_OUT_OF_LINE FN
#else
#define GRAFO_OUT_OF_LINE __attribute__((noinline))
#endif

#if !defined(__CUDACC__)
template <class A>
inline constexpr int kWidth = kLaneBytes / int(sizeof(A));

// A leaf in registers, up to where its lanes fill one vector.
template <class Reducer, class A>
FN Lanes<A> leaf_vector(const A* x) {
  constexpr int kWidth = math::kWidth<A>, kVectors = kLanes / kWidth;
  const Lanes<A> identity = Lanes<A>{} + Reducer::template identity<A>();
  Lanes<A> v[kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kVectors; ++i) v[i] = Reducer::combine(identity, load_lanes(x + i * kWidth));
#pragma GCC unroll 8
  for (int s = 1; s < kLeafSteps; ++s)
#pragma GCC unroll 16
    for (int i = 0; i < kVectors; ++i) v[i] = Reducer::combine(v[i], load_lanes(x + s * kLanes + i * kWidth));
#pragma GCC unroll 4
  for (int half = kVectors / 2; half >= 1; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) v[i] = Reducer::combine(v[i], v[i + half]);
  return v[0];
}

// The same of n < kLeaf elements: lanes beyond them hold the identity, which changes nothing. `beyond`: there is a vector more to read.
template <class Reducer, class A>
FN Lanes<A> short_leaf_vector(const A* x, i64 n, bool beyond) {
  constexpr int kWidth = math::kWidth<A>, kVectors = kLanes / kWidth;
  const Lanes<A> identity = Lanes<A>{} + Reducer::template identity<A>();
  Lanes<A> v[kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kVectors; ++i) v[i] = identity;
  i64 left = n;
  for (; left >= kLanes; left -= kLanes, x += kLanes)
#pragma GCC unroll 16
    for (int i = 0; i < kVectors; ++i) v[i] = Reducer::combine(v[i], load_lanes(x + i * kWidth));
  A last[kLanes];
  if (!beyond && left % kWidth != 0) {
    for (A& a : last) a = A(0);
    __builtin_memcpy(last, x, u64(left) * sizeof(A));
    x = last;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kVectors; ++i, left -= kWidth) {
    if (left <= 0) break;
    const Lanes<A> next = load_lanes(x + i * kWidth);
    v[i] = Reducer::combine(v[i], first_lanes<kWidth, A>(next, left, identity, std::make_integer_sequence<int, kWidth>()));
  }
  if (n <= kWidth) return v[0];
#pragma GCC unroll 4
  for (int half = kVectors / 2; half >= 1; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) v[i] = Reducer::combine(v[i], v[i + half]);
  return v[0];
}

// As many leaves of n elements as a vector has lanes, `distance` apart: each ends in a lane. Of each, `size` elements are read, n or
// more: a part of a vector, one, or two.
template <class Reducer, int size, class A>
FN Lanes<A> packed_leaves(const A* x, i64 distance, i64 n) {
  constexpr int kWidth = math::kWidth<A>;
  const Lanes<A> identity = Lanes<A>{} + Reducer::template identity<A>();
  constexpr int kPiece = size < kWidth ? size : kWidth;
  constexpr auto kLane = std::make_integer_sequence<int, kWidth>();
  Lanes<A> v[kPiece];
#pragma GCC unroll 16
  for (int i = 0; i < kPiece; ++i) {
    const A* at = x + i * (kWidth / kPiece) * distance;
    const Lanes<A> pieces = load_pieces<A, kPiece, kWidth>([&](int p) { return at + p * distance; });
    v[i] = Reducer::combine(identity, first_lanes<kPiece, A>(pieces, n, identity, kLane));
    if constexpr (size > kWidth) {
      const Lanes<A> second = first_lanes<kWidth, A>(load_lanes(at + kWidth), n - kWidth, identity, kLane);
      v[i] = Reducer::combine(v[i], Reducer::combine(identity, second));
    }
  }
  return fold_each<Reducer, A, kWidth, kPiece>(v);
}

// Of `count` leaves of n < kLeaf elements, as many as a vector has lanes or fewer. Nothing is read from `end` on.
template <class Reducer, class A>
GRAFO_OUT_OF_LINE Lanes<A> short_leaves(const A* x, i64 distance, i64 n, int count, const A* end) {
  constexpr int kWidth = math::kWidth<A>;
  if (count == kWidth && n <= 2 * kWidth && end - x >= (kWidth - 1) * distance + 2 * kWidth) {
    if (n <= 2) return packed_leaves<Reducer, 2>(x, distance, n);
    if constexpr (kWidth >= 8)
      if (n <= 4) return packed_leaves<Reducer, 4>(x, distance, n);
    if constexpr (kWidth >= 16)
      if (n <= 8) return packed_leaves<Reducer, 8>(x, distance, n);
    if (n <= kWidth) return packed_leaves<Reducer, kWidth>(x, distance, n);
    return packed_leaves<Reducer, 2 * kWidth>(x, distance, n);
  }
  Lanes<A> leaf[kWidth];
  if (count < kWidth)
    for (Lanes<A>& v : leaf) v = Lanes<A>{};
#pragma GCC unroll 1
  for (int i = 0; i < count; ++i) {
    const A* at = x + i * distance;
    leaf[i] = short_leaf_vector<Reducer>(at, n, end - at >= n + kWidth);
  }
  return fold_each<Reducer, A, kWidth>(leaf);
}

// Leaves of columns, each of kLeafSteps rows of fewer than few_columns() elements, as many as a vector has lanes: sums[j] is of
// column j, and its lanes are leaves. Where there are fewer, 2^k of them, the other lanes hold the same again.
template <class A>
constexpr int few_columns() {
  return 2 * kWidth<A>;
}
template <class Reducer, class A>
GRAFO_OUT_OF_LINE void leaves_of_columns(const A* x, i64 width, int leaves, Lanes<A>* sums) {
  constexpr int kWidth = math::kWidth<A>, kPiece = 16 / int(sizeof(A));
  const Lanes<A> identity = Lanes<A>{} + Reducer::template identity<A>();
  const A* leaf[kWidth];
  for (int i = 0; i < kWidth; ++i) leaf[i] = x + (i & (leaves - 1)) * kLeafSteps * width;
  Lanes<A> element[kLeafSteps * few_columns<A>()];
  for (i64 e = 0; e < kLeafSteps * width; e += kPiece) {
#pragma GCC unroll 4
    for (int i = 0; i < kPiece; ++i)
      element[e + i] = load_pieces<A, kPiece, kWidth>([&](int p) { return leaf[p * kPiece + i] + e; });
    turn_pieces<A>(element + e);
  }
  for (i64 j = 0; j < width; ++j) {
    Lanes<A> sum = Reducer::combine(identity, element[j]);
#pragma GCC unroll 8
    for (int k = 1; k < kLeafSteps; ++k) sum = Reducer::combine(sum, element[k * width + j]);
    sums[j] = sum;
  }
}

// As many leaves as a vector has lanes, folded together: each ends in a lane. `far`: they are hardly in a cache.
template <class Reducer, class A>
FN Lanes<A> leaves(const A* x, bool far) {
  Lanes<A> leaf[kWidth<A>];
#pragma GCC unroll 1
  for (int i = 0; i < kWidth<A>; ++i) {
    if (far) fetch_leaf(x + i * kLeaf);
    leaf[i] = leaf_vector<Reducer>(x + i * kLeaf);
  }
  return fold_each<Reducer, A, kWidth<A>>(leaf);
}
// Rows of `of_row` leaves each, 2^k, that many in all: y[i] is the tree of row i.
template <class Reducer, class A>
FN void rows_of_leaves(const A* x, i64 of_row, A* y, bool far) {
  const Lanes<A> folded = leaves<Reducer>(x, far);
  A sum[kWidth<A>];
  __builtin_memcpy(sum, &folded, sizeof(sum));
  for (i64 half = 1; half < of_row; half *= 2)
    for (i64 i = 0; i < kWidth<A>; i += 2 * half) sum[i] = Reducer::combine(sum[i], sum[i + half]);
  for (i64 i = 0; i < kWidth<A> / of_row; ++i) y[i] = sum[i * of_row];
}
#endif

template <class Reducer, class A, class T>
FN A full_leaf(const T* x) {
#if !defined(__CUDACC__)
  if constexpr (__is_same(A, T) && kHasLanes<A>) return fold_lanes<Reducer, A, kWidth<A>>(leaf_vector<Reducer>(x));
#endif
  A lane[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    A a = Reducer::combine(Reducer::template identity<A>(), A(x[l]));
    for (int s = 1; s < kLeafSteps; ++s) a = Reducer::combine(a, A(x[l + s * kLanes]));
    lane[l] = a;
  }
  for (int half = kLanes / 2; half >= 1; half /= 2)
    for (int l = 0; l < half; ++l) lane[l] = Reducer::combine(lane[l], lane[l + half]);
  return lane[0];
}

// Lanes beyond n are left out; they would hold the identity, which changes nothing.
template <class Reducer, class A, class T>
GRAFO_OUT_OF_LINE A short_leaf(const T* x, i64 n) {
#if !defined(__CUDACC__)
  if constexpr (__is_same(A, T) && kHasLanes<A>) return fold_lanes<Reducer, A, kWidth<A>>(short_leaf_vector<Reducer>(x, n, false));
#endif
  A lane[kLanes];
  const int used = n < kLanes ? int(n) : kLanes;
  if (used == 0) return Reducer::template identity<A>();
  for (int l = 0; l < used; ++l)
    lane[l] = Reducer::combine(Reducer::template identity<A>(), A(x[l]));
  i64 start = kLanes;
  for (; start + kLanes <= n; start += kLanes)
    for (int l = 0; l < kLanes; ++l) lane[l] = Reducer::combine(lane[l], A(x[start + l]));
  for (int l = 0; start + l < n; ++l) lane[l] = Reducer::combine(lane[l], A(x[start + l]));
  return in_halves<Reducer>(lane, used);
}

// The cascade over values that come one by one.
template <class Reducer, class A>
struct Cascade {
  A level[56];
  u64 count = 0;

  // A node of 2^l values, whose number so far is a multiple of that.
  FN void push(A a, int l = 0) {
    u64 bits = count >> l;
    count += u64(1) << l;
    for (; (bits & 1) != 0; bits >>= 1) a = Reducer::combine(level[l++], a);
    level[l] = a;
  }
  FN A finish() const {
    A a;
    if constexpr (Indexed<A>) a = A{};  // there are values
    else a = Reducer::template identity<A>();
    bool first = true;
    int l = 0;
    for (u64 bits = count; bits != 0; bits >>= 1, ++l) {
      if ((bits & 1) == 0) continue;
      a = first ? level[l] : Reducer::combine(level[l], a);
      first = false;
    }
    return a;
  }
};

// All and any: whether an element decides, asked for blocks, of which the first is short.
template <class Reducer>
inline constexpr bool kDecides = __is_same(Reducer, AllReducer) || __is_same(Reducer, AnyReducer);
template <class Reducer, class T>
FN bool decided(const T* x, i64 n) {
  i64 block = 256;
  for (i64 start = 0; start < n; start += block, block = 4096) {
    const i64 end = n - start < block ? n : start + block;
    unsigned char found = 0;
    i64 i = start;
#if !defined(__CUDACC__)
    if constexpr (sizeof(T) == 1) {
      // What is 0, or is not, of four vectors a turn.
      using V = Lanes<unsigned char>;
      constexpr i64 kBytes = sizeof(V);
      V some[4] = {};
      for (; i + 4 * kBytes <= end; i += 4 * kBytes)
        for (int v = 0; v < 4; ++v) {
          V bytes;
          __builtin_memcpy(&bytes, x + i + v * kBytes, sizeof(bytes));
          some[v] |= __is_same(Reducer, AnyReducer) ? bytes : reinterpret_cast<V>(bytes == 0);
        }
      some[0] |= some[1] | some[2] | some[3];
      unsigned char each[kBytes];
      __builtin_memcpy(each, some, sizeof(each));
      for (const unsigned char one : each) found |= one;
    }
#endif
    for (; i < end; ++i) found |= static_cast<unsigned char>((x[i] != 0) == __is_same(Reducer, AnyReducer));
    if (found != 0) return true;
  }
  return false;
}

// The tree over n contiguous elements; `far`: they are hardly in a cache. Not inlined: the leaf is long.
template <class Reducer, class A, class T>
GRAFO_OUT_OF_LINE A reduce_run(const T* x, i64 n, bool far = false) {
  if constexpr (kDecides<Reducer>) return A(decided<Reducer>(x, n) == __is_same(Reducer, AnyReducer));
  if (n < kLeaf) return short_leaf<Reducer, A>(x, n);
  Cascade<Reducer, A> cascade;
  i64 start = 0;
#if !defined(__CUDACC__)
  if constexpr (__is_same(A, T) && kHasLanes<A>) {
    constexpr int kLeaves = kWidth<A>;
    // Each with its neighbour, as the cascade would.
    for (; start + kLeaves * kLeaf <= n; start += kLeaves * kLeaf)
      cascade.push(fold_neighbours<Reducer, A, kLeaves>(leaves<Reducer>(x + start, far)), __builtin_ctz(kLeaves));
  }
#endif
  for (; start + kLeaf <= n; start += kLeaf) {
    if (far) fetch_leaf(x + start);
    cascade.push(full_leaf<Reducer, A>(x + start));
  }
  if (start < n) cascade.push(short_leaf<Reducer, A>(x + start, n - start));
  return cascade.finish();
}

// The same tree over elements that come in pieces, of any length.
template <class Reducer, class A>
struct RunStream {
  Cascade<Reducer, A> cascade;
  A lane[kLanes];
  i64 filled = 0;  // elements of the leaf that is begun

  template <class T>
  FN void push(const T* x, i64 n) {
    for (i64 taken; n > 0; x += taken, n -= taken) {
      if (filled == 0 && n >= kLeaf) {
        taken = kLeaf;
        cascade.push(full_leaf<Reducer, A>(x));
      } else {
        taken = n < kLeaf - filled ? n : kLeaf - filled;
        grow(x, taken);
        if (filled == kLeaf) end_leaf();
      }
    }
  }
  FN A finish() {
    if (filled != 0) end_leaf();
    return cascade.finish();
  }

 private:
  template <class T>
  FN void grow(const T* x, i64 n) {
    i64 i = 0;
    if (filled % kLanes == 0 && n >= kLanes) {
      A a[kLanes];  // of registers
      for (int l = 0; l < kLanes; ++l)
        a[l] = filled == 0 ? Reducer::template identity<A>() : lane[l];
      for (; i + kLanes <= n; i += kLanes)
        for (int l = 0; l < kLanes; ++l) a[l] = Reducer::combine(a[l], A(x[i + l]));
      for (int l = 0; l < kLanes; ++l) lane[l] = a[l];
    }
    for (; i < n; ++i) {
      const i64 at = filled + i;
      const A before = at < kLanes ? Reducer::template identity<A>() : lane[at % kLanes];
      lane[at % kLanes] = Reducer::combine(before, A(x[i]));
    }
    filled += n;
  }
  FN void end_leaf() {
    cascade.push(in_halves<Reducer>(lane, filled < kLanes ? int(filled) : kLanes));
    filled = 0;
  }
};

}  // namespace grafo::math
