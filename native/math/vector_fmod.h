// fmod of vectors, whose instructions have none. It is exact, so any way to it gives the bits of the C library's.
#pragma once
#include "math/pair.h"

namespace grafo::math {

// Of a quotient up to here the whole part is right or one too far from 0: whole numbers have numbers of their own, and rounding
// keeps their order.
template <class V>
inline constexpr double kFmodUsual = kOfFloat<V> ? 0x1p23 : 0x1p52;
template <class V>
FN bool any_fmod_unusual(V x, V y) {
  return any_past(only_where(fabs(y) > V(0), x / y), kFmodUsual<V>);  // by 0: NaN either way
}
// What is left is a multiple of y's last bit and at most y: fma does not round it.
template <class V>
FN V fmod_usual(V x, V y) {
  const V left = fma(-trunc(x / y), y, x);
  const V near = select(copysign(left, x) == left, left, left + copysign(y, x));
  return select(fabs(x) < fabs(y), x, copysign(near, x));  // an infinite y among them
}

template <class V>
  requires requires { typename V::Item; }
FN V fmod(V x, V y) {
  typename V::Item left[V::kLanes], right[V::kLanes];
  store(left, x);
  store(right, y);
  for (int i = 0; i < V::kLanes; ++i) left[i] = fmod(left[i], right[i]);
  return load(left);
}
template <class V>
FN Pair<V> fmod(Pair<V> x, Pair<V> y) {
  return {fmod(x.low, y.low), fmod(x.high, y.high)};
}

}  // namespace grafo::math
