// Loops of Reduce: product, maximum, minimum, all and any.
#include "cpu/reduce_loops.h"

namespace grafo::cpu {
namespace {

template <class Reducer, class T>
constexpr ReduceLoop kLoop = Reduction<Reducer, T, T, finish_as_is<T, T>>::run;

}  // namespace

ReduceLoop find_order_loop(ReduceOp op, DType dtype) {
  if (dtype == DType::kBool) {
    if (op == ReduceOp::kAll) return kLoop<math::AllReducer, uint8_t>;
    if (op == ReduceOp::kAny) return kLoop<math::AnyReducer, uint8_t>;
    return nullptr;
  }
  ReduceLoop loop = nullptr;
  dispatch_numeric(dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if (op == ReduceOp::kMax) loop = kLoop<math::MaxReducer, T>;
    if (op == ReduceOp::kMin) loop = kLoop<math::MinReducer, T>;
    if (op == ReduceOp::kProd) {
      if constexpr (std::is_integral_v<T>)
        loop = kLoop<math::ProdReducer, std::make_unsigned_t<T>>;
      else
        loop = kLoop<math::ProdReducer, T>;
    }
  });
  return loop;
}

}  // namespace grafo::cpu
