// Rows of `Fused`: division, remainder and power, which integers refuse for some arguments; bitwise
// operations.
#include "cpu/fused_loops.h"
#include "math/functor_list.h"

namespace grafo::cpu {
namespace {

constexpr const char* refusal_of(const char* name) {
  return name[0] == 'P' ? "Integers to negative integer powers are not allowed"
                        : "Integer division by zero";
}

}  // namespace

const FunctorRow kIntegerRows[] = {
#define GRAFO_ROW(name, cost) checked_row<math::name>(#name, cost, refusal_of(#name)),
    GRAFO_BINARY_CHECKED(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) binary_row<Integers, math::name>(#name, cost),
        GRAFO_BINARY_BITWISE(GRAFO_ROW)
#undef GRAFO_ROW
            kEndRow};

}  // namespace grafo::cpu
