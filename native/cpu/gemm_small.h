// Products of which a row of C is part of a vector and k a few: all of B in registers, and no tile to find. An element is summed as a
// tile's, over k from 0 on, so the bits are the same.
#pragma once
#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "cpu/gemm.h"
#include "cpu/gemm_vector.h"

namespace grafo::cpu {

constexpr int64_t kMostSmallDepth = 8;

// Of integers what gemm_vector.h has of floats.
template <class U>
  requires std::is_integral_v<U>
Vector<U> load_some(const U* p, int64_t count) {
  U lanes[kLanes<U>] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = p[i];
  return load(lanes);
}
template <class U>
  requires std::is_integral_v<U>
void store_some(U* p, Vector<U> v, int64_t count) {
  U lanes[kLanes<U>];
  store(lanes, v);
  for (int64_t i = 0; i < count; ++i) p[i] = lanes[i];
}
inline Vector<uint32_t> fma(Vector<uint32_t> a, Vector<uint32_t> b, Vector<uint32_t> c) { return a * b + c; }
inline Vector<uint64_t> fma(Vector<uint64_t> a, Vector<uint64_t> b, Vector<uint64_t> c) { return a * b + c; }

// `rows` rows of C, row_a and step_a from one row and one k of A to the next.
template <class T, int K>
void multiply_small_rows(const T* a, int64_t row_a, int64_t step_a, const Vector<T>* b, T* c, int64_t rows, int64_t n) {
  Vector<T> row_b[K];
  GRAFO_UNROLL for (int k = 0; k < K; ++k) row_b[k] = b[k];
  for (int64_t r = 0; r < rows; ++r, a += row_a, c += n) {
    Vector<T> sum{};
    GRAFO_UNROLL for (int k = 0; k < K; ++k) sum = fma(broadcast(a[k * step_a]), row_b[k], sum);
    // Past a row's end, where the next ones follow.
    if ((rows - r) * n >= kLanes<T>)
      store(c, sum);
    else
      store_some(c, sum, n);
  }
}
template <class T>
using SmallRows = void (*)(const T*, int64_t, int64_t, const Vector<T>*, T*, int64_t, int64_t);
template <class T, int... K>
constexpr std::array<SmallRows<T>, sizeof...(K)> make_small_rows(std::integer_sequence<int, K...>) {
  return {multiply_small_rows<T, K + 1>...};
}
template <class T>
constexpr auto kSmallRows = make_small_rows<T>(std::make_integer_sequence<int, kMostSmallDepth>());

template <class T>
bool is_small(const GemmShape& shape) {
  if (shape.m < 2 || shape.n < 2 || shape.n > kLanes<T> || shape.k > kMostSmallDepth) return false;
  if constexpr (std::is_floating_point_v<T>) return choose_thin<T>(shape) == Thin::kNot;
  return true;
}

// Rows [begin, end) of C.
template <class T>
void multiply_small(const GemmShape& shape, const T* a, const T* b, T* c, int64_t begin, int64_t end) {
  Vector<T> rows[kMostSmallDepth];
  if (shape.transpose_b) {
    T turned[kMostSmallDepth][kLanes<T>] = {};
    for (int64_t j = 0; j < shape.n; ++j)
      for (int64_t k = 0; k < shape.k; ++k) turned[k][j] = b[j * shape.k + k];
    for (int64_t k = 0; k < shape.k; ++k) rows[k] = load(turned[k]);
  } else {
    for (int64_t k = 0; k < shape.k; ++k) rows[k] = load_some(b + k * shape.n, shape.n);
  }
  const int64_t row_a = shape.transpose_a ? 1 : shape.k, step_a = shape.transpose_a ? shape.m : 1;
  kSmallRows<T>[static_cast<size_t>(shape.k - 1)](a + begin * row_a, row_a, step_a, rows, c + begin * shape.n, end - begin, shape.n);
}

}  // namespace grafo::cpu
