// Rows of `Fused`: comparisons, logic and Select.
#include "cpu/fused_loops.h"
#include "math/functor_list.h"

namespace grafo::cpu {
namespace {

// Equality of bools is of truth values, not of bytes.
template <class Functor>
void bool_equality(void* dst, const void* a, const void* b, const void*, int64_t n) {
  auto* to = static_cast<uint8_t*>(dst);
  auto* x = static_cast<const uint8_t*>(a);
  auto* y = static_cast<const uint8_t*>(b);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint8_t>(Functor()(x[i] != 0, y[i] != 0));
}
template <class Functor>
constexpr FunctorRow equality_row(const char* name, int cost) {
  FunctorRow row = binary_row<Numbers, Functor, true>(name, cost);
  row.loops[column_of(DType::kBool)] = bool_equality<Functor>;
  return row;
}

// Moves bytes, so one loop an item size.
template <class T>
void select_loop(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  auto* to = static_cast<T*>(dst);
  auto* condition = static_cast<const uint8_t*>(a);
  auto* x = static_cast<const T*>(b);
  auto* y = static_cast<const T*>(c);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T then = x[i], otherwise = y[i];
    to[i] = condition[i] != 0 ? then : otherwise;
  }
}
constexpr Loop select_of(size_t bytes) {
  return bytes == 1   ? select_loop<uint8_t>
         : bytes == 2 ? select_loop<uint16_t>
         : bytes == 4 ? select_loop<uint32_t>
                      : select_loop<uint64_t>;
}
constexpr FunctorRow select_row() {
  FunctorRow row{"Select", 3, false, 1, nullptr, {}, {}, {}, {}};
#define GRAFO_CELL(enumerator, type, text) \
  row.loops[column_of(DType::enumerator)] = select_of(sizeof(type));
  GRAFO_DTYPES(GRAFO_CELL)
#undef GRAFO_CELL
  return row;
}

}  // namespace

const FunctorRow kCompareRows[] = {
#define GRAFO_ROW(name, cost) binary_row<Numbers, math::name, true>(#name, cost),
    GRAFO_BINARY_ORDER(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) equality_row<math::name>(#name, cost),
        GRAFO_BINARY_EQUAL(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) binary_row<Booleans, math::name, true>(#name, cost),
            GRAFO_BINARY_LOGICAL(GRAFO_ROW)
#undef GRAFO_ROW
                kEndRow};

const FunctorRow kSelectRows[] = {select_row(), kEndRow};

}  // namespace grafo::cpu
