// One element repeated: how a tape reads a scalar that is no point (fused_point.cc).
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

namespace grafo::cpu {

template <class T>
void splat(void* to, const void* from, int64_t n) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  std::fill_n(static_cast<T*>(to), n, value);
}

#define GRAFO_BY_ITEM(item, call) \
  switch (item) {                 \
    case 1:                       \
      call(uint8_t);              \
      break;                      \
    case 2:                       \
      call(uint16_t);             \
      break;                      \
    case 4:                       \
      call(uint32_t);             \
      break;                      \
    default:                      \
      call(uint64_t);             \
  }

// Writes the element at `from`, of `item` bytes, n times.
inline void splat_item(int item, void* to, const void* from, int64_t n) {
#define GRAFO_SPLAT(T) splat<T>(to, from, n)
  GRAFO_BY_ITEM(item, GRAFO_SPLAT)
#undef GRAFO_SPLAT
}

}  // namespace grafo::cpu
