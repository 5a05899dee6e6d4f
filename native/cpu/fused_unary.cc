// Rows of `Fused`: one argument, cheap or by exp and log.
#include "cpu/fused_loops.h"
#include "math/functor_list.h"

namespace grafo::cpu {

const FunctorRow kUnaryRows[] = {
#define GRAFO_ROW(name, cost) unary_row<Floats, math::name>(#name, cost),
    GRAFO_UNARY_FLOAT(GRAFO_ROW) GRAFO_UNARY_EXP_LOG(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) unary_row<Numbers, math::name>(#name, cost),
        GRAFO_UNARY_NUMERIC(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) unary_row<Floats, math::name, true>(#name, cost),
            GRAFO_UNARY_TEST(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) unary_row<Booleans, math::name, true>(#name, cost),
                GRAFO_UNARY_LOGICAL(GRAFO_ROW)
#undef GRAFO_ROW
                    kEndRow};

}  // namespace grafo::cpu
