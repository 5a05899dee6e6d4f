// Checked 64-bit arithmetic on extents: the only place where dims are multiplied and bytes are counted.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace grafo {

// Each returns false on overflow and leaves *result unspecified.
inline bool checked_add(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_add_overflow(a, b, result);
}
inline bool checked_mul(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_mul_overflow(a, b, result);
}

// Product of dims. False for a negative dim, and for a product that overflows even when another dim is 0: strides are
// computed from partial products.
inline bool element_count(const int64_t* dims, int rank, int64_t* count) {
  int64_t product = 1;
  bool empty = false;
  for (int i = 0; i < rank; ++i) {
    if (dims[i] < 0) return false;
    if (dims[i] == 0) {
      empty = true;
    } else if (!checked_mul(product, dims[i], &product)) {
      return false;
    }
  }
  *count = empty ? 0 : product;
  return true;
}

// Bytes of `count` elements; 0 for strings, which live outside of byte memory.
inline bool byte_count(DType dtype, int64_t count, int64_t* bytes) {
  return checked_mul(count, static_cast<int64_t>(item_size(dtype)), bytes);
}

// The next multiple of a power of two.
inline bool checked_round_up(int64_t value, int64_t alignment, int64_t* result) {
  if (!checked_add(value, alignment - 1, result)) return false;
  *result &= ~(alignment - 1);
  return true;
}

}  // namespace grafo
