// Loops of Reduce for the integers that are rarely reduced: half of all loops, so they are compiled once for every level (native/units).
#include "cpu/reduce_table.h"

namespace grafo::cpu {

const ReduceLoops* find_narrow_loops(ReduceOp op, DType dtype) {
  if (dtype == DType::kBool) {
    if (op == ReduceOp::kAll) return &kLoops<math::AllReducer, uint8_t>;
    if (op == ReduceOp::kAny) return &kLoops<math::AnyReducer, uint8_t>;
    return nullptr;
  }
  const ReduceLoops* loops = nullptr;
  dispatch_narrow(dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    loops = op == ReduceOp::kSum || op == ReduceOp::kMean ? sum_loops<T>(op) : order_loops<T>(op);
  });
  return loops;
}

}  // namespace grafo::cpu
