// From a dtype, a number of bytes or a size to the type that a kernel is compiled for.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "base/dtype.h"

namespace grafo::cuda {

template <class T>
struct Type {
  using type = T;
};

// Integers are added and multiplied as unsigned ones, which wrap around.
template <class T>
using Wrapping =
    typename std::conditional_t<std::is_floating_point_v<T>, Type<T>, std::make_unsigned<T>>::type;

template <class Visit>
void dispatch_numeric(DType dtype, Visit&& visit) {
  switch (dtype) {
#define GRAFO_CASE(name, type, text) \
  case DType::name:                  \
    visit(Type<type>{});             \
    break;
    GRAFO_NUMERIC_DTYPES(GRAFO_CASE)
#undef GRAFO_CASE
    default:
      break;
  }
}

// For kernels that only move memory: 1, 2, 4 or 8 bytes.
template <class Visit>
void dispatch_bytes(int64_t bytes, Visit&& visit) {
  switch (bytes) {
    case 1:
      visit(Type<uint8_t>{});
      break;
    case 2:
      visit(Type<uint16_t>{});
      break;
    case 4:
      visit(Type<uint32_t>{});
      break;
    default:
      visit(Type<uint64_t>{});
  }
}

// The same, and 16 bytes, which one instruction moves.
template <class Visit>
void dispatch_unit(int64_t bytes, Visit&& visit) {
  if (bytes == 16) visit(Type<uint4>{});
  else dispatch_bytes(bytes, visit);
}

// The type of positions below n: 32 bits where they do.
template <class Visit>
void dispatch_index(int64_t n, Visit&& visit) {
  if (n < int64_t{1} << 31) visit(Type<uint32_t>{});
  else visit(Type<uint64_t>{});
}

// The widest unit that divides every number of bytes it was told of. Storages begin at multiples of 64.
struct Unit {
  int64_t bytes = 16;
  void fit(int64_t n) {
    while (n % bytes != 0) bytes /= 2;
  }
};

// Division by a number that is known when a step is prepared. 32 bits: a multiplication, for dividends below 2^31 (Granlund
// and Montgomery, Division by invariant integers, 1994).
template <class I>
struct Divisor {
  uint64_t by = 1;

  Divisor() = default;
  explicit Divisor(int64_t d) : by(static_cast<uint64_t>(d)) {}
  __device__ uint64_t quotient(uint64_t n) const { return n / by; }
};
template <>
struct Divisor<uint32_t> {
  uint32_t by = 1, magic = 1, shift = 0;

  Divisor() = default;
  explicit Divisor(int64_t divisor) : by(static_cast<uint32_t>(divisor)) {
    const uint64_t d = static_cast<uint64_t>(divisor);
    while ((uint64_t{1} << shift) < d) ++shift;
    magic = static_cast<uint32_t>((uint64_t{1} << 32) * ((uint64_t{1} << shift) - d) / d + 1);
  }
  __device__ uint32_t quotient(uint32_t n) const {
    return (static_cast<uint32_t>(uint64_t{n} * magic >> 32) + n) >> shift;
  }
};

}  // namespace grafo::cuda
