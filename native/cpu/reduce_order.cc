// Loops of Reduce: product, maximum and minimum.
#include "cpu/reduce_table.h"

namespace grafo::cpu {

const ReduceLoops* find_order_loops(ReduceOp op, DType dtype) {
  const ReduceLoops* loops = nullptr;
  dispatch_wide(dtype, [&](auto type) { loops = order_loops<typename decltype(type)::type>(op); });
  return loops;
}

}  // namespace grafo::cpu
