// Two vectors side by side, which do not wait for each other: a type like either of them.
#pragma once
#include "math/base.h"

namespace grafo::math {

template <class V>
struct Pair {
  V low, high;
  Pair() = default;
  FN Pair(V l, V h) : low(l), high(h) {}
  template <class T>
  FN explicit Pair(T x) : low(x), high(x) {}
};
template <class M>
struct MaskPair {
  M low, high;
};
template <class V>
inline constexpr bool kOfFloat<Pair<V>> = kOfFloat<V>;
template <class V>
inline constexpr bool kOfDouble<Pair<V>> = kOfDouble<V>;

#define GRAFO_PAIR(op)                           \
  template <class V>                             \
  FN Pair<V> operator op(Pair<V> a, Pair<V> b) { \
    return {a.low op b.low, a.high op b.high};   \
  }
#define GRAFO_PAIR_COMPARE(op)                                                   \
  template <class V>                                                             \
  FN auto operator op(Pair<V> a, Pair<V> b) {                                    \
    return MaskPair<decltype(a.low op b.low)>{a.low op b.low, a.high op b.high}; \
  }
#define GRAFO_PAIR_1(f)           \
  template <class V>              \
  FN Pair<V> f(Pair<V> x) {       \
    return {f(x.low), f(x.high)}; \
  }
#define GRAFO_PAIR_2(f)                          \
  template <class V>                             \
  FN Pair<V> f(Pair<V> x, Pair<V> y) {           \
    return {f(x.low, y.low), f(x.high, y.high)}; \
  }
#define GRAFO_PAIR_3(f)                                         \
  template <class V>                                            \
  FN Pair<V> f(Pair<V> x, Pair<V> y, Pair<V> z) {               \
    return {f(x.low, y.low, z.low), f(x.high, y.high, z.high)}; \
  }
// clang-format off
GRAFO_PAIR(+) GRAFO_PAIR(-) GRAFO_PAIR(*) GRAFO_PAIR(/)
GRAFO_PAIR_COMPARE(<) GRAFO_PAIR_COMPARE(>) GRAFO_PAIR_COMPARE(<=) GRAFO_PAIR_COMPARE(>=)
GRAFO_PAIR_COMPARE(==)
GRAFO_PAIR_1(operator-) GRAFO_PAIR_1(sqrt) GRAFO_PAIR_1(fabs) GRAFO_PAIR_1(rint) GRAFO_PAIR_1(trunc)
GRAFO_PAIR_1(minus_abs)
GRAFO_PAIR_2(with_sign) GRAFO_PAIR_2(copysign) GRAFO_PAIR_2(at_least) GRAFO_PAIR_2(at_most)
GRAFO_PAIR_2(add_power)
GRAFO_PAIR_2(log_edges) GRAFO_PAIR_2(negate_odd) GRAFO_PAIR_2(negate_half_turn)
GRAFO_PAIR_3(fma) GRAFO_PAIR_3(times_power) GRAFO_PAIR_3(times_normal_power)
GRAFO_PAIR_3(by_sign) GRAFO_PAIR_3(select_odd)
// clang-format on
#undef GRAFO_PAIR
#undef GRAFO_PAIR_COMPARE
#undef GRAFO_PAIR_1
#undef GRAFO_PAIR_2
#undef GRAFO_PAIR_3
template <class M, class V>
FN Pair<V> select(MaskPair<M> m, Pair<V> x, Pair<V> y) {
  return {select(m.low, x.low, y.low), select(m.high, x.high, y.high)};
}
template <class M, class V>
FN Pair<V> only_where(MaskPair<M> m, Pair<V> x) {
  return {only_where(m.low, x.low), only_where(m.high, x.high)};
}
template <class M, class V>
FN Pair<V> add_where(MaskPair<M> m, Pair<V> x, Pair<V> y) {
  return {add_where(m.low, x.low, y.low), add_where(m.high, x.high, y.high)};
}
// Of what a function's usual path cannot take: the greatest of either.
template <class V>
FN auto rank_of_normal(Pair<V> x) {
  return greater(rank_of_normal(x.low), rank_of_normal(x.high));
}
template <class V>
FN auto rank_of_size(Pair<V> x) {
  return greater(rank_of_size(x.low), rank_of_size(x.high));
}
// Of any vectors, by what each kind of them has for it (avx512.h, avx2.h).
template <class V>
FN bool any_abnormal(V x) {
  return is_any_abnormal(rank_of_normal(x));
}
template <class V>
FN bool any_past(V x, double high) {
  return is_any_past(rank_of_size(x), high);
}
template <class V>
FN Split<Pair<V>> split(Pair<V> x) {
  const Split<V> low = split(x.low), high = split(x.high);
  return {{low.k, high.k}, {low.m, high.m}};
}
template <class V>
FN Split<Pair<V>> split_normal(Pair<V> x) {
  const Split<V> low = split_normal(x.low), high = split_normal(x.high);
  return {{low.k, high.k}, {low.m, high.m}};
}
template <class V>
FN Plus1<Pair<V>> plus_1(Pair<V> x) {
  const Plus1<V> low = plus_1(x.low), high = plus_1(x.high);
  return {{low.sum, high.sum}, {low.k, high.k}, {low.m, high.m}, {low.lost, high.lost}};
}

template <class V>
FN auto widen(Pair<V> x) {
  return Pair<decltype(widen(x.low))>(widen(x.low), widen(x.high));
}
template <class V>
FN auto narrow(Pair<Pair<V>> x) {
  return Pair<decltype(narrow(x.low))>(narrow(x.low), narrow(x.high));
}

}  // namespace grafo::math
