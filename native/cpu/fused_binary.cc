// Rows of `Fused`: arithmetic of two arguments and the gradients of activations.
#include "cpu/fused_loops.h"
#include "math/functor_list.h"

namespace grafo::cpu {

const FunctorRow kBinaryRows[] = {
#define GRAFO_ROW(name, cost) binary_row<Numbers, math::name>(#name, cost),
    GRAFO_BINARY_NUMERIC(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) binary_row<Floats, math::name>(#name, cost),
        GRAFO_BINARY_FLOAT(GRAFO_ROW)
#undef GRAFO_ROW
            kEndRow};

}  // namespace grafo::cpu
