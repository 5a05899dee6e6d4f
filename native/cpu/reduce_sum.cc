// Loops of Reduce: sum and mean.
#include "cpu/reduce_loops.h"

namespace grafo::cpu {
namespace {

// Means of integers are of 64-bit sums, which 2^32 elements of 32 bits cannot overflow.
template <class T>
using MeanSum = std::conditional_t<std::is_floating_point_v<T>, T,
                                   std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

}  // namespace

ReduceLoop find_sum_loop(ReduceOp op, DType dtype) {
  ReduceLoop loop = nullptr;
  dispatch_numeric(dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if (op == ReduceOp::kSum) {
      // Sums of integers wrap: a sum of either sign is the unsigned one.
      if constexpr (std::is_integral_v<T>) {
        using U = std::make_unsigned_t<T>;
        loop = Reduction<math::SumReducer, U, U, finish_as_is<U, U>>::run;
      } else {
        loop = Reduction<math::SumReducer, T, T, finish_as_is<T, T>>::run;
      }
    } else if (op == ReduceOp::kMean) {
      loop = Reduction<math::SumReducer, MeanSum<T>, T, finish_mean<T, MeanSum<T>>>::run;
    }
  });
  return loop;
}

}  // namespace grafo::cpu
