// `Cast` of `Fused`: every pair of dtypes. Pairs that move or convert the same bits share a loop.
#include "cpu/fused_loops.h"

namespace grafo::cpu {
namespace {

template <class To, class From>
void cast_loop(void* dst, const void* a, const void*, const void*, int64_t n) {
  auto* to = static_cast<Stored<To>*>(dst);
  auto* x = static_cast<const Stored<From>*>(a);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (std::is_same_v<To, bool>)
      to[i] = x[i] != 0;
    else if constexpr (std::is_same_v<From, bool>)
      to[i] = x[i] != 0 ? To(1) : To(0);
    else
      to[i] = math::cast<To>(x[i]);
  }
}

// An integer to an integer no wider keeps its low bits: signs do not matter.
template <class To, class From>
constexpr Loop cast_of() {
  constexpr bool whole = Integers::has<To> && Integers::has<From>;
  if constexpr (whole && sizeof(To) <= sizeof(From)) {
    return cast_loop<std::make_unsigned_t<To>, std::make_unsigned_t<From>>;
  } else if constexpr (whole) {
    return cast_loop<std::make_unsigned_t<To>, From>;
  } else if constexpr (std::is_same_v<To, bool> && Integers::has<From>) {
    return cast_loop<bool, std::make_unsigned_t<From>>;
  } else {
    return cast_loop<To, From>;
  }
}

struct CastTable {
  Loop loops[kColumns][kColumns];  // from, to
};

template <class From>
constexpr void fill_row(Loop* row) {
#define GRAFO_CELL(enumerator, type, text) *row++ = cast_of<type, From>();
  GRAFO_DTYPES(GRAFO_CELL)
#undef GRAFO_CELL
}

constexpr CastTable make_casts() {
  CastTable table{};
#define GRAFO_CELL(enumerator, type, text) \
  fill_row<type>(table.loops[column_of(DType::enumerator)]);
  GRAFO_DTYPES(GRAFO_CELL)
#undef GRAFO_CELL
  return table;
}

constexpr CastTable kCasts = make_casts();

}  // namespace

Loop find_cast(DType from, DType to) {
  const int row = column_of(from), column = column_of(to);
  return row < 0 || column < 0 ? nullptr : kCasts.loops[row][column];
}

}  // namespace grafo::cpu
