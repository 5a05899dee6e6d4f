// Rows of a few bytes: copied with loads and stores whose width the compiler knows, where a call of memcpy would take longer than the copy.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

namespace grafo::cpu {

// What copies one row. Its width is a constant,
template <int kBytes>
struct RowOf {
  static constexpr int64_t bytes = kBytes;
  void operator()(char* to, const char* from) const { std::memcpy(to, from, kBytes); }
};
// or lies between one and two times kHalf, so that two halves cover it, which may overlap,
template <int kHalf>
struct RowOfHalves {
  int64_t bytes;
  void operator()(char* to, const char* from) const {
    std::memcpy(to, from, kHalf);
    std::memcpy(to + bytes - kHalf, from + bytes - kHalf, kHalf);
  }
};
// or is anything.
struct AnyRow {
  int64_t bytes;
  void operator()(char* to, const char* from) const { std::memcpy(to, from, static_cast<size_t>(bytes)); }
};

// visit(what copies rows of so many bytes): once, outside the loop over the rows.
template <class Visit>
void dispatch_row(int64_t bytes, Visit&& visit) {
  switch (bytes) {
#define GRAFO_ROW(n) \
  case n:            \
    return visit(RowOf<n>());
    GRAFO_ROW(1)
    GRAFO_ROW(2)
    GRAFO_ROW(3)
    GRAFO_ROW(4)
    GRAFO_ROW(6)
    GRAFO_ROW(8)
    GRAFO_ROW(12)
    GRAFO_ROW(16)
#undef GRAFO_ROW
  }
  if (bytes > 128 || bytes == 0) return visit(AnyRow{bytes});
  if (bytes > 64) return visit(RowOfHalves<64>{bytes});
  if (bytes > 32) return visit(RowOfHalves<32>{bytes});
  if (bytes > 16) return visit(RowOfHalves<16>{bytes});
  if (bytes > 8) return visit(RowOfHalves<8>{bytes});
  return visit(RowOfHalves<4>{bytes});
}

// Row i < n of `bytes` goes from + i * from_step -> to + i * to_step. All is passed by value: what a lambda has captured would be read
// again after each store, which might have changed it.
inline void copy_rows(char* to, int64_t to_step, const char* from, int64_t from_step, int64_t bytes, int64_t n) {
  if (to_step == bytes && from_step == bytes) {
    bytes *= n;
    n = std::min<int64_t>(n, 1);
  }
  dispatch_row(bytes, [=](auto row) {
    char* y = to;
    const char* x = from;
    for (int64_t i = 0; i < n; ++i, y += to_step, x += from_step) row(y, x);
  });
}

constexpr int64_t kLineBytes = 64;
template <class T>
constexpr int64_t kLineItems = kLineBytes / static_cast<int64_t>(sizeof(T));

// One item n times. Whole lines are written at once, as a store across two takes as long as two.
template <class T>
void splat_run(T* to, T item, int64_t n) {
  constexpr int64_t kItems = kLineItems<T>;
  if (n < 4 * kItems) {
    std::fill_n(to, n, item);
    return;
  }
  alignas(kLineBytes) T line[kItems];
  std::fill_n(line, kItems, item);
  T* const last = to + n - kItems;
  std::memcpy(to, line, kLineBytes);
  for (to += (kLineBytes - reinterpret_cast<uintptr_t>(to) % kLineBytes) / sizeof(T); to < last; to += kItems)
    std::memcpy(__builtin_assume_aligned(to, kLineBytes), line, kLineBytes);
  std::memcpy(last, line, kLineBytes);
}

// Each of `rows` items, `row` times. What is written past a row is overwritten by the next one; there is room for n items.
template <class T>
void splat_rows(T* to, const T* from, int64_t row, int64_t rows, int64_t n) {
  constexpr int64_t kItems = kLineItems<T>;
  const int64_t whole = (row + kItems - 1) / kItems * kItems;
  for (; rows > 0 && whole <= n; --rows, ++from, to += row, n -= row) {
    T line[kItems];
    std::fill_n(line, kItems, *from);
    for (int64_t i = 0; i < row; i += kItems) std::memcpy(to + i, line, kLineBytes);
  }
  for (; rows > 0; --rows, ++from, to += row) std::fill_n(to, row, *from);
}

}  // namespace grafo::cpu
