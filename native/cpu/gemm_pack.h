// Transposes in registers for packing: blocks as many rows and columns large as a vector has lanes.
#pragma once
#include <algorithm>
#include <type_traits>
#include <utility>

#include "cpu/gemm_vector.h"

namespace grafo::cpu {

// The lanes that a shuffle of two vectors takes, `of(i)` for lane i; lanes of the second count on.
template <class T, class Of, int... I>
inline Vector<T> shuffle(Vector<T> a, Vector<T> b, Of of, std::integer_sequence<int, I...>) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, of(I)...);
#else
  using Index = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  typedef Index Mask __attribute__((vector_size(kVectorBytes)));
  return __builtin_shuffle(a, b, Mask{of(I)...});
#endif
}
template <class T, class Of>
inline Vector<T> shuffle(Vector<T> a, Vector<T> b, Of of) {
  return shuffle<T>(a, b, of, std::make_integer_sequence<int, kLanes<T>>());
}

// Lanes in 16 bytes: within them a shuffle is cheap on every x86, as is moving them whole.
template <class T>
constexpr int kQuad = 16 / static_cast<int>(sizeof(T));

// In each quad q of both: (a[q + from], b[q + from]) pairs of `size` lanes.
template <class T, int kSize, int kFrom>
inline Vector<T> unpack(Vector<T> a, Vector<T> b) {
  return shuffle<T>(a, b, [](int i) constexpr {
    const int in = i % kQuad<T>, pair = in / kSize;
    return i - in + kFrom + pair / 2 * kSize + in % kSize + (pair % 2) * kLanes<T>;
  });
}
// The even or the odd quads of a and then of b.
template <class T, int kOdd>
inline Vector<T> quads(Vector<T> a, Vector<T> b) {
  return shuffle<T>(a, b, [](int i) constexpr {
    const int in = i % kQuad<T>, quad = i / kQuad<T>;
    return (2 * quad + kOdd) * kQuad<T> + in;
  });
}

// Of pairs of lanes that follow each other in a and then b: their first lanes, or their second ones.
template <class T, int kSecond>
inline Vector<T> of_pairs(Vector<T> a, Vector<T> b) {
  if constexpr (kLanes<T> == 2 * kQuad<T>) {  // AVX2: any lanes at once would be two instructions for each of both
    return shuffle<T>(quads<T, 0>(a, b), quads<T, 1>(a, b), [](int i) constexpr {
      const int in = i % kQuad<T>, pair = in % (kQuad<T> / 2);
      return i - in + 2 * pair + kSecond + (in == pair ? 0 : kLanes<T>);
    });
  } else {
    return shuffle<T>(a, b, [](int i) constexpr { return 2 * i + kSecond; });
  }
}

// kLanes / kTimes numbers, each in kTimes lanes. As many as a vector has may be read.
template <class T, int kTimes>
inline Vector<T> load_repeated(const T* p) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  // From one half to both is a load, and within halves a shuffle is one instruction.
  if constexpr (kTimes > 1 && sizeof(T) == 4) {
    const __m256i from = _mm256_setr_epi32(0, 1 / kTimes, 2 / kTimes, 3 / kTimes, 4 / kTimes, 5 / kTimes, 6 / kTimes, 7 / kTimes);
    return (Vector<T>)_mm256_permutevar_ps(_mm256_broadcast_ps(reinterpret_cast<const __m128*>(p)), from);
  }
  if constexpr (kTimes > 1 && sizeof(T) == 8) {
    const __m256i from = _mm256_setr_epi64x(0, 1 / kTimes * 2, 2 / kTimes * 2, 3 / kTimes * 2);  // by bit 1
    return (Vector<T>)_mm256_permutevar_pd(_mm256_broadcast_pd(reinterpret_cast<const __m128d*>(p)), from);
  }
#endif
  const Vector<T> x = load(p);
  return shuffle<T>(x, x, [](int i) constexpr { return i / kTimes; });
}

// put(c, column c) for the columns of a square block of kLanes rows.
template <class T, class Put>
inline void transpose_lanes(const Vector<T> (&x)[kLanes<T>], Put put) {
  constexpr int kSide = kLanes<T>, kIn = kQuad<T>, kQuads = kSide / kIn;
  Vector<T> y[kSide];
  // y[g + j]: quad b holds column b * kIn + j of the rows of group g.
  GRAFO_UNROLL for (int g = 0; g < kSide; g += kIn) {
    if constexpr (kIn == 2) {
      y[g] = unpack<T, 1, 0>(x[g], x[g + 1]);
      y[g + 1] = unpack<T, 1, 1>(x[g], x[g + 1]);
    } else {
      const Vector<T> a = unpack<T, 1, 0>(x[g], x[g + 1]);
      const Vector<T> b = unpack<T, 1, 2>(x[g], x[g + 1]);
      const Vector<T> c = unpack<T, 1, 0>(x[g + 2], x[g + 3]);
      const Vector<T> d = unpack<T, 1, 2>(x[g + 2], x[g + 3]);
      y[g] = unpack<T, 2, 0>(a, c);
      y[g + 1] = unpack<T, 2, 2>(a, c);
      y[g + 2] = unpack<T, 2, 0>(b, d);
      y[g + 3] = unpack<T, 2, 2>(b, d);
    }
  }
  GRAFO_UNROLL for (int j = 0; j < kIn; ++j) {
    if constexpr (kQuads == 1) {
      put(j, y[j]);
    } else if constexpr (kQuads == 2) {
      put(j, quads<T, 0>(y[j], y[kIn + j]));
      put(kIn + j, quads<T, 1>(y[j], y[kIn + j]));
    } else {
      const Vector<T> a = quads<T, 0>(y[j], y[kIn + j]);
      const Vector<T> b = quads<T, 1>(y[j], y[kIn + j]);
      const Vector<T> c = quads<T, 0>(y[2 * kIn + j], y[3 * kIn + j]);
      const Vector<T> d = quads<T, 1>(y[2 * kIn + j], y[3 * kIn + j]);
      put(j, quads<T, 0>(a, c));
      put(kIn + j, quads<T, 0>(b, d));
      put(2 * kIn + j, quads<T, 1>(a, c));
      put(3 * kIn + j, quads<T, 1>(b, d));
    }
  }
}

// to[c * to_row + r] = from[r * from_row + c] for kLanes rows and columns. By itself, so that it
// has all registers and addresses that run along.
template <class T>
__attribute__((noinline)) void transpose_square(const T* from, int64_t from_row, T* to,
                                                int64_t to_row) {
  Vector<T> x[kLanes<T>];
  GRAFO_UNROLL for (int i = 0; i < kLanes<T>; ++i) x[i] = load(from + i * from_row);
  transpose_lanes<T>(x, [&](int i, Vector<T> v) { store(to + i * to_row, v); });
}

// The same for rows, columns <= kLanes. Zeros follow in each row of `to` up to a whole vector.
template <class T>
__attribute__((noinline)) void transpose_part(const T* from, int64_t from_row, T* to,
                                              int64_t to_row, int64_t rows, int64_t columns) {
  Vector<T> x[kLanes<T>];
  GRAFO_UNROLL for (int i = 0; i < kLanes<T>; ++i)
    x[i] = i < rows ? load_some(from + i * from_row, columns) : Vector<T>{};
  transpose_lanes<T>(x, [&](int i, Vector<T> v) {
    if (i < columns) store(to + i * to_row, v);
  });
}

// The same for any number of rows and columns.
template <class T>
inline void transpose_into(const T* from, int64_t from_row, T* to, int64_t to_row, int64_t rows,
                           int64_t columns) {
  constexpr int kSide = kLanes<T>;
  for (int64_t c = 0; c < columns; c += kSide)
    for (int64_t r = 0; r < rows; r += kSide) {
      const T* const in = from + r * from_row + c;
      T* const out = to + c * to_row + r;
      const int64_t high = std::min<int64_t>(kSide, rows - r);
      const int64_t wide = std::min<int64_t>(kSide, columns - c);
      if (high == kSide && wide == kSide)
        transpose_square(in, from_row, out, to_row);
      else
        transpose_part(in, from_row, out, to_row, high, wide);
    }
}

}  // namespace grafo::cpu
