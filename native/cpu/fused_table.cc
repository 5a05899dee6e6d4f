// Look-ups in the functor tables, and what the backend tells about them.
#include "cpu/fused_table.h"

#include <cstring>

#include "cpu/kernels.h"
#include "math/functor_list.h"

namespace grafo::cpu {
namespace {

constexpr const FunctorRow* const kParts[] = {kUnaryRows,   kElementaryRows, kBinaryRows,
                                              kIntegerRows, kCompareRows,    kSelectRows};

#define GRAFO_NAME(name, cost) #name,
constexpr const char* kFunctorNames[] = {
    GRAFO_UNARY_FLOAT(GRAFO_NAME) GRAFO_UNARY_EXP_LOG(GRAFO_NAME) GRAFO_UNARY_NUMERIC(GRAFO_NAME)
        GRAFO_UNARY_TEST(GRAFO_NAME) GRAFO_UNARY_LOGICAL(GRAFO_NAME)
            GRAFO_UNARY_ELEMENTARY(GRAFO_NAME) GRAFO_UNARY_PERIODIC(GRAFO_NAME)
                GRAFO_BINARY_NUMERIC(GRAFO_NAME) GRAFO_BINARY_FLOAT(GRAFO_NAME)
                    GRAFO_BINARY_CHECKED(GRAFO_NAME) GRAFO_BINARY_BITWISE(GRAFO_NAME)
                        GRAFO_BINARY_ORDER(GRAFO_NAME) GRAFO_BINARY_EQUAL(GRAFO_NAME)
                            GRAFO_BINARY_LOGICAL(GRAFO_NAME) "Select",
    "Cast"};
#undef GRAFO_NAME

}  // namespace

const FunctorRow* find_functor(const char* name) {
  for (const FunctorRow* part : kParts)
    for (const FunctorRow* row = part; row->name; ++row)
      if (std::strcmp(row->name, name) == 0) return row;
  return nullptr;
}

int32_t functor_names(const char* const** names) {
  *names = kFunctorNames;
  return sizeof kFunctorNames / sizeof kFunctorNames[0];
}

int32_t has_functor(const char* name, DType operand, DType result) {
  if (std::strcmp(name, "Cast") == 0) return find_cast(operand, result) != nullptr;
  const FunctorRow* row = find_functor(name);
  const int column = column_of(operand);
  if (!row || column < 0 || !row->loops[column]) return 0;
  return result == (row->to_bool ? DType::kBool : operand);
}

}  // namespace grafo::cpu
