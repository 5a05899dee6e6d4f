// The functors of `Fused` as loops over tiles: one row a functor, one column a dtype. The rows are
// in several files because each instantiates some hundred vectorised loops.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace grafo::cpu {

// dst[i] = f(a[i], b[i], c[i]) for i < n. dst may be a, b or c itself, never overlap them
// otherwise.
using Loop = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);
// Whether every b[i] is allowed: a zero divisor and a negative integer exponent are not.
using Check = bool (*)(const void* b, int64_t n);

// Columns of the tables: the dtypes with bytes in the order of GRAFO_DTYPES; -1 for the others.
constexpr int kColumns = 11;
constexpr int column_of(DType dtype) {
  int column = 0;
#define GRAFO_COLUMN(enumerator, type, text)     \
  if (dtype == DType::enumerator) return column; \
  ++column;
  GRAFO_DTYPES(GRAFO_COLUMN)
#undef GRAFO_COLUMN
  return -1;
}

// Null where there is none.
struct FloatLoops {
  Loop of_float = nullptr, of_double = nullptr;
  Loop of(DType dtype) const {
    return dtype == DType::kFloat32 ? of_float : dtype == DType::kFloat64 ? of_double : nullptr;
  }
};

struct FunctorRow {
  const char* name;
  int8_t arity;
  bool to_bool;          // the result is bool, else the operands' dtype
  int16_t cost;          // simple operations per element
  const char* refusal;   // the text when a check fails
  Loop loops[kColumns];  // by operand dtype; null where it has none
  Check checks[kColumns];
  FloatLoops streaming;  // that store past the caches (fused_stream.cc)
  // By the argument of which they read one element, for all of a tile (fused_point.cc).
  struct {
    FloatLoops loops, streaming;
  } points[3];
};

// The tables' parts, each ended by a row without a name.
extern const FunctorRow kUnaryRows[];
extern const FunctorRow kElementaryRows[];
extern const FunctorRow kBinaryRows[];
extern const FunctorRow kIntegerRows[];
extern const FunctorRow kCompareRows[];
extern const FunctorRow kSelectRows[];

const FunctorRow* find_functor(const char* name);
// The loop of Cast, null where a dtype has no bytes.
Loop find_cast(DType from, DType to);

}  // namespace grafo::cpu
