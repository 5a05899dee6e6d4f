// Loops of Reduce: sum and mean.
#include "cpu/reduce_table.h"

namespace grafo::cpu {

const ReduceLoops* find_sum_loops(ReduceOp op, DType dtype) {
  const ReduceLoops* loops = nullptr;
  dispatch_wide(dtype, [&](auto type) { loops = sum_loops<typename decltype(type)::type>(op); });
  return loops;
}

}  // namespace grafo::cpu
