// Which loops of Reduce there are, by op and C++ type.
#pragma once
#include "cpu/reduce_exact.h"

namespace grafo::cpu {

#define GRAFO_WIDE_DTYPES(X)     \
  X(kFloat32, float, "float")    \
  X(kFloat64, double, "double")  \
  X(kInt32, int32_t, "int32")    \
  X(kInt64, int64_t, "int64")
#define GRAFO_NARROW_DTYPES(X)   \
  X(kUint8, uint8_t, "uint8")    \
  X(kInt16, int16_t, "int16")    \
  X(kInt8, int8_t, "int8")       \
  X(kUint16, uint16_t, "uint16") \
  X(kUint32, uint32_t, "uint32") \
  X(kUint64, uint64_t, "uint64")
GRAFO_DISPATCH(dispatch_wide, GRAFO_WIDE_DTYPES)
GRAFO_DISPATCH(dispatch_narrow, GRAFO_NARROW_DTYPES)

template <class Reducer, class T>
constexpr const ReduceLoops& kLoops = reduce_loops<Reducer, T, T, finish_as_is<T, T>>();

// Integers wrap, so their sums and products are those of the unsigned type.
template <class T>
struct Wrapping {
  using type = std::make_unsigned_t<T>;
};
template <>
struct Wrapping<float> {
  using type = float;
};
template <>
struct Wrapping<double> {
  using type = double;
};

// Means of integers are of 64-bit sums, which 2^32 elements of 32 bits cannot overflow.
template <class T>
using MeanSum = std::conditional_t<std::is_floating_point_v<T>, T,
                                   std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

template <class T>
const ReduceLoops* sum_loops(ReduceOp op) {
  using Sum = MeanSum<T>;
  if (op == ReduceOp::kSum) return &kLoops<math::SumReducer, typename Wrapping<T>::type>;
  if (op == ReduceOp::kMean) return &reduce_loops<math::SumReducer, Sum, T, finish_mean<T, Sum>>();
  return nullptr;
}

template <class T>
const ReduceLoops* order_loops(ReduceOp op) {
  if (op == ReduceOp::kMax) return &kLoops<math::MaxReducer, T>;
  if (op == ReduceOp::kMin) return &kLoops<math::MinReducer, T>;
  if (op == ReduceOp::kProd) return &kLoops<math::ProdReducer, typename Wrapping<T>::type>;
  return nullptr;
}

}  // namespace grafo::cpu
