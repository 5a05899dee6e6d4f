// Rows of `Fused`: the trigonometric, hyperbolic and error functions.
#include "cpu/fused_loops.h"
#include "math/functor_list.h"

namespace grafo::cpu {

const FunctorRow kElementaryRows[] = {
#define GRAFO_ROW(name, cost) unary_row<Floats, math::name>(#name, cost),
    GRAFO_UNARY_ELEMENTARY(GRAFO_ROW) GRAFO_UNARY_PERIODIC(GRAFO_ROW)
#undef GRAFO_ROW
        kEndRow};

}  // namespace grafo::cpu
