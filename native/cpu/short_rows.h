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

}  // namespace grafo::cpu
