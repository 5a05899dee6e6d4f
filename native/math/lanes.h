// Values side by side in a vector, as wide as the processor has them, and a reducer over them: the same combinations as element by
// element, so the same bits, without a way through memory. For the host only; a GPU's lanes are its threads.
#pragma once
#include <type_traits>
#include <utility>

#include "math/base.h"

namespace grafo::math {

#if defined(__AVX512F__)
inline constexpr int kLaneBytes = 64;
#elif defined(__AVX__)
inline constexpr int kLaneBytes = 32;
#else
inline constexpr int kLaneBytes = 16;
#endif

template <class T, int n>
struct LanesOf {
  typedef T type __attribute__((vector_size(n * sizeof(T))));
};
template <class T, int n = kLaneBytes / int(sizeof(T))>
using Lanes = typename LanesOf<T, n>::type;

// Types of which a vector has 2 to 16.
template <class T>
inline constexpr bool kHasLanes = sizeof(T) == 4 || sizeof(T) == 8;

// What sums and products of integers are made with: they wrap, which those of signed ones need not.
template <class V>
FN auto wrapping(V v) {
  using T = std::remove_cvref_t<decltype(v[0])>;
  if constexpr (std::is_integral_v<T>)
    return reinterpret_cast<typename LanesOf<std::make_unsigned_t<T>, sizeof(V) / sizeof(T)>::type>(v);
  else
    return v;
}

template <class T>
FN Lanes<T> load_lanes(const T* x) {
  Lanes<T> v;
  __builtin_memcpy(&v, x, sizeof(v));
  return v;
}

// The first n lanes of each piece of `size` lanes, and another vector's after them.
template <int size, class T, int... l>
FN Lanes<T> first_lanes(Lanes<T> v, i64 n, Lanes<T> rest, std::integer_sequence<int, l...>) {
  using Int = std::conditional_t<sizeof(T) == 4, i32, i64>;
  return Lanes<Int>{l % size...} < Int(n) ? v : rest;
}

template <class V, int... l>
FN auto side_by_side(V a, V b, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(a, b, l...);
}
// `width` lanes from pieces of `size`; piece p is at(p).
template <class T, int size, int width, class At>
FN Lanes<T, width> load_pieces(At&& at, int first = 0) {
  if constexpr (size == width) {
    Lanes<T, width> v;
    __builtin_memcpy(&v, at(first), sizeof(v));
    return v;
  } else {
    return side_by_side(load_pieces<T, size, width / 2>(at, first), load_pieces<T, size, width / 2>(at, first + width / 2 / size),
                        std::make_integer_sequence<int, width>());
  }
}

// Of pieces of 16 bytes: low or high elements of a's and b's in turn, one or two at a time.
template <int size, int at_a_time, int high, class V, int... l>
FN V in_turn(V a, V b, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(a, b, (l / size * size + l % size / (2 * at_a_time) * at_a_time + l % at_a_time + high * size / 2 +
                                        l / at_a_time % 2 * int(sizeof...(l)))...);
}
// v[i] holds x[row(p * size + i)][0 .. size) in its piece p, of 16 bytes; then v[c] holds x[row(l)][c] in its lane l.
template <class T>
FN void turn_pieces(Lanes<T>* v) {
  constexpr int kSize = 16 / int(sizeof(T));
  constexpr auto kLane = std::make_integer_sequence<int, kLaneBytes / int(sizeof(T))>();
  if constexpr (kSize == 2) {
    const Lanes<T> a = v[0], b = v[1];
    v[0] = in_turn<2, 1, 0>(a, b, kLane);
    v[1] = in_turn<2, 1, 1>(a, b, kLane);
  } else {
    const Lanes<T> ab = in_turn<4, 1, 0>(v[0], v[1], kLane), ab2 = in_turn<4, 1, 1>(v[0], v[1], kLane);
    const Lanes<T> cd = in_turn<4, 1, 0>(v[2], v[3], kLane), cd2 = in_turn<4, 1, 1>(v[2], v[3], kLane);
    v[0] = in_turn<4, 2, 0>(ab, cd, kLane);
    v[1] = in_turn<4, 2, 1>(ab, cd, kLane);
    v[2] = in_turn<4, 2, 0>(ab2, cd2, kLane);
    v[3] = in_turn<4, 2, 1>(ab2, cd2, kLane);
  }
}

// Lane l with lane l + n / 2, and so on: the halves of a tree.
template <class Reducer, class T, int n>
FN T fold_lanes(Lanes<T, n> v) {
  if constexpr (n == 16) {
    return fold_lanes<Reducer, T, 8>(Reducer::combine(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7),
                                                      __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)));
  } else if constexpr (n == 8) {
    return fold_lanes<Reducer, T, 4>(
        Reducer::combine(__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7)));
  } else if constexpr (n == 4 && sizeof(T) == 4) {
    v = Reducer::combine(v, __builtin_shufflevector(v, v, 2, 3, 2, 3));
    return Reducer::combine(T(v[0]), T(v[1]));
  } else if constexpr (n == 4) {
    return fold_lanes<Reducer, T, 2>(
        Reducer::combine(__builtin_shufflevector(v, v, 0, 1), __builtin_shufflevector(v, v, 2, 3)));
  } else {
    return Reducer::combine(T(v[0]), T(v[1]));
  }
}

// Of all pieces of a, then of b, `size` lanes each, the first half or the second one.
template <int size, int which, class V, int... l>
FN V halves_of(V a, V b, std::integer_sequence<int, l...>) {
  constexpr int kHalf = size / 2;
  return __builtin_shufflevector(a, b, (l / kHalf * size + which * kHalf + l % kHalf)...);
}
// fold_lanes of each of n vectors, in their order; v is what it works in.
template <class Reducer, class T, int n, int size = n>
FN Lanes<T, n> fold_each(Lanes<T, n>* v) {
  constexpr auto kLane = std::make_integer_sequence<int, n>();
#pragma GCC unroll 8
  for (int i = 0; i < size / 2; ++i)
    v[i] = Reducer::combine(halves_of<size, 0>(v[2 * i], v[2 * i + 1], kLane), halves_of<size, 1>(v[2 * i], v[2 * i + 1], kLane));
  if constexpr (size == 2)
    return v[0];
  else
    return fold_each<Reducer, T, n, size / 2>(v);
}

template <class V, int... l>
FN auto even_lanes(V v, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(v, v, (2 * l)...);
}
template <class V, int... l>
FN auto odd_lanes(V v, std::integer_sequence<int, l...>) {
  return __builtin_shufflevector(v, v, (2 * l + 1)...);
}
// Neighbours, then neighbours of what that gives.
template <class Reducer, class T, int n>
FN T fold_neighbours(Lanes<T, n> v) {
  if constexpr (n == 2) {
    return Reducer::combine(T(v[0]), T(v[1]));
  } else {
    constexpr auto kLane = std::make_integer_sequence<int, n / 2>();
    return fold_neighbours<Reducer, T, n / 2>(Reducer::combine(even_lanes(v, kLane), odd_lanes(v, kLane)));
  }
}

}  // namespace grafo::math
