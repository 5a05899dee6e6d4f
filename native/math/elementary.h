// The other elementary functions. Of a float: through double arithmetic, so that the result is
// rounded once (about 0.5 ulp). Of a double: sin, cos, tan and pow; elementary_double.h has the
// others. Coefficients: coefficients.py.
#pragma once
#include "math/exp_log.h"

namespace grafo::math {

inline constexpr double kPi = 0x1.921fb54442d18p+1;
inline constexpr double kPiHalf = 0x1.921fb54442d18p+0;

// What a function of floats computes in.
template <OfFloat V>
using Wide = decltype(widen(V()));

// pi in parts: the first two have 33 bits, so a multiple of them is exact up to kTrigLimit.
inline constexpr double kPi1 = 0x1.921fb544p+1;
inline constexpr double kPi2 = 0x1.0b4611a6p-33;
inline constexpr double kPi3 = 0x1.3198a2e037073p-68;
inline constexpr double kTrigLimit = 1e6;

// sin(r), |r| <= pi/2 and a little, for a float.
template <OfDouble V>
FN V sin_wide_reduced(V r) {
  const V z = r * r;
  return r * poly(z, 1.0, -0x1.5555554766194p-3, 0x1.11110c491158ap-7, -0x1.a017d95167041p-13,
                  0x1.7170761a732c6p-19, -0x1.9a67a7d0313a5p-26);
}
// |x| <= kTrigLimit; the functors send the rest to the C library.
template <OfFloat V>
FN V sin_near(V x) {
  using W = Wide<V>;
  const W y = widen(x);
  const W t = fma(y, W(1 / kPi), W(kRoundDouble)), n = t - W(kRoundDouble);
  const W r = fma(n, W(-kPi2), fma(n, W(-kPi1), y));
  return narrow(negate_odd(sin_wide_reduced(r), t));
}
// cos(x) = -sin(x - (n + 1/2) pi) (-1)^n
template <OfFloat V>
FN V cos_near(V x) {
  using W = Wide<V>;
  const W y = widen(x);
  const W t = fma(y, W(1 / kPi), W(-0.5)) + W(kRoundDouble), n = t - W(kRoundDouble) + W(0.5);
  const W r = fma(n, W(-kPi2), fma(n, W(-kPi1), y));
  return narrow(negate_odd(sin_wide_reduced(-r), t));
}
// tan = sin / cos of r in [-pi/4, pi/4]; -cos / sin where a quarter turn is left over.
template <OfFloat V>
FN V tan_near(V x) {
  using W = Wide<V>;
  const W y = widen(x);
  const W t = fma(y, W(2 / kPi), W(kRoundDouble)), n = t - W(kRoundDouble);
  const W r = fma(n, W(-0.5 * kPi2), fma(n, W(-0.5 * kPi1), y));
  const W z = r * r;
  const W sine = r * poly(z, 1.0, -0x1.555555555516bp-3, 0x1.1111110fd3b3cp-7,
                          -0x1.a019fd9ae7168p-13, 0x1.71d9a9b87993fp-19, -0x1.aa283bea75579p-26);
  const W cosine = poly(z, 1.0, -0x1.ffffffffffffap-2, 0x1.5555555554134p-5, -0x1.6c16c1691d3cep-10,
                        0x1.a019fc7ae6b8bp-16, -0x1.27e0f5440bb64p-22, 0x1.1c063511f828dp-29);
  return narrow(select_odd(t, -cosine, sine) / select_odd(t, sine, cosine));
}

// A number as the sum of two, the second one small.
template <class V>
struct Twofold {
  V high, low;
};
// x - n pi/2 as r + e, r rounded and e what that took; t has n in its low bits.
template <class V>
struct Quadrant {
  V r, e, t;
};
template <OfDouble V>
FN Quadrant<V> reduce_trig(V x) {
  const V t = fma(x, V(2 / kPi), V(kRoundDouble)), n = t - V(kRoundDouble);
  const V a = fma(n, V(-0.5 * kPi1), x);
  const V b = n * V(0.5 * kPi2);
  const V c = a - b;
  const V rest = fma(n, V(-0.5 * kPi3), (a - c) - b);
  const V r = c + rest;
  return {r, (c - r) + rest, t};
}
// fdlibm's polynomials.
template <OfDouble V>
FN Twofold<V> sin_parts(V r, V z, V e) {
  return {r, fma(r * z,
                 poly_halves(z, z * z, -0x1.5555555555549p-3, 0x1.111111110f8a6p-7,
                             -0x1.a01a019c161d5p-13, 0x1.71de357b1fe7dp-19, -0x1.ae5e68a2b9cebp-26,
                             0x1.5d93a5acfd57cp-33),
                 e)};
}
template <OfDouble V>
FN Twofold<V> cos_parts(V r, V z, V e) {
  const V half = V(0.5) * z, top = V(1.0) - half;
  const V tail =
      poly_halves(z, z * z, 0x1.555555555554cp-5, -0x1.6c16c16c15177p-10, 0x1.a01a019cb159p-16,
                  -0x1.27e4f809c52adp-22, 0x1.1ee9ebdb4b1c4p-29, -0x1.8fae9be8838d4p-37);
  // What rounding took from 1 - z / 2 comes back.
  return {top, ((V(1.0) - top) - half) + fma(z * z, tail, -(r * e))};
}
template <OfDouble V>
FN V sin_reduced(V r, V z, V e) {
  const Twofold<V> value = sin_parts(r, z, e);
  return value.high + value.low;
}
template <OfDouble V>
FN V cos_reduced(V r, V z, V e) {
  const Twofold<V> value = cos_parts(r, z, e);
  return value.high + value.low;
}
template <OfDouble V>
FN V sin_near(V x) {
  const Quadrant<V> q = reduce_trig(x);
  const V z = q.r * q.r;
  const V value = select_odd(q.t, cos_reduced(q.r, z, q.e), sin_reduced(q.r, z, q.e));
  return select(x == V(0), x, negate_half_turn(value, q.t));
}
template <OfDouble V>
FN V cos_near(V x) {
  const Quadrant<V> q = reduce_trig(x);
  const V z = q.r * q.r;
  const V value = select_odd(q.t, sin_reduced(q.r, z, q.e), cos_reduced(q.r, z, q.e));
  return negate_half_turn(value, q.t + V(1.0));
}
template <OfDouble V>
FN V tan_near(V x) {
  const Quadrant<V> q = reduce_trig(x);
  const V z = q.r * q.r;
  const Twofold<V> s = sin_parts(q.r, z, q.e), c = cos_parts(q.r, z, q.e);
  const V sine = s.high + s.low, cosine = c.high + c.low;
  const V top = select_odd(q.t, -cosine, sine), bottom = select_odd(q.t, sine, cosine);
  // What rounding took from either, and from the quotient; a division takes half an ulp at most.
  const V sine_low = (s.high - sine) + s.low;
  const V cosine_low = ((c.high - cosine) + c.low) - V(0.5) * fma(q.r, q.r, -z);
  const V top_low = select_odd(q.t, -cosine_low, sine_low), bottom_low = select_odd(q.t, sine_low, cosine_low);
  if constexpr (!kFmaRoundsOnce) {
    const V quotient = top / bottom;
    return select(x == V(0), x, quotient + (top_low - quotient * bottom_low) / bottom);
  }
  const V inverse = V(1.0) / bottom, quotient = top * inverse;
  const V low = (fma(-quotient, bottom, top) + fma(-quotient, bottom_low, top_low)) * inverse;
  return select(x == V(0), x, quotient + low);
}

// asin(x) = 2 asin-like half angle past 1/2: pi/2 - 2 asin(sqrt((1 - x) / 2)).
template <OfDouble V>
FN V asin_tail(V z) {
  return poly(z, 0x1.5555555554f05p-3, 0x1.33333335a9cd6p-4, 0x1.6db6d8e71341bp-5,
              0x1.f1c81c59ea536p-6, 0x1.6e72146fda29ep-6, 0x1.1dc2ef640046fp-6,
              0x1.b02442413f6b8p-7, 0x1.00d47e7966d96p-6, -0x1.815314c864b2dp-9,
              0x1.c93a92d53b4f5p-6);
}
template <OfFloat V>
FN V asin_wide(V x) {
  using W = Wide<V>;
  const W a = fabs(widen(x));
  const auto near_0 = a < W(0.5);
  const W z = select(near_0, a * a, W(0.5) * (W(1.0) - a));
  const W base = select(near_0, a, sqrt(z));  // NaN past 1
  const W angle = fma(base * z, asin_tail(z), base);
  return copysign(narrow(select(near_0, angle, W(kPiHalf) - W(2.0) * angle)), x);
}
template <OfFloat V>
FN V acos_wide(V x) {
  using W = Wide<V>;
  const W y = widen(x), a = fabs(y);
  const auto near_0 = a < W(0.5);
  const W z = select(near_0, a * a, W(0.5) * (W(1.0) - a));
  const W base = select(near_0, y, sqrt(z));
  const W angle = fma(base * z, asin_tail(z), base);
  const W twice = W(2.0) * angle;
  const W far = select(y < W(0.0), W(kPi) - twice, twice);
  return narrow(select(near_0, W(kPiHalf) - angle, far));
}
template <OfDouble V>
FN V atan_unit(V x) {  // 0 <= x <= 1
  const V z = x * x;
  return fma(x * z,
             poly_halves(z, z * z, -0x1.555555554e12ep-2, 0x1.9999998350a7ap-3,
                         -0x1.2492436ae8038p-3, 0x1.c71b46328c101p-4, -0x1.744cee862929dp-4,
                         0x1.3a8c2625b9aa7p-4, -0x1.0e22e4c8a6ab4p-4, 0x1.cb4cbfd1c120cp-5,
                         -0x1.703ae186038e6p-5, 0x1.0357b7b676e8cp-5, -0x1.26a513965d7e5p-6,
                         0x1.e8b7d967003f8p-8, -0x1.01026ecc75075p-9, 0x1.fb94030f244d8p-13),
             x);
}
template <OfFloat V>
FN V atan_wide(V x) {
  using W = Wide<V>;
  const W a = fabs(widen(x));
  const auto large = a > W(1.0);
  const W angle = atan_unit(select(large, W(1.0) / a, a));
  return copysign(narrow(select(large, W(kPiHalf) - angle, angle)), x);
}
template <OfFloat V>
FN V atan2_wide(V y, V x) {
  using W = Wide<V>;
  const W a = fabs(widen(y)), b = fabs(widen(x));
  const W high = select(a > b, a, b), low = select(a > b, b, a);
  const W equal =
      select(high == W(0.0), W(0.0), W(1.0));  // where the ratio would be 0/0 or Inf/Inf
  W angle = atan_unit(select(low == high, equal, low / high));
  angle = select(a > b, W(kPiHalf) - angle, angle);
  angle = select(widen(copysign(V(1.0f), x)) < W(0.0), W(kPi) - angle, angle);
  const V result = copysign(narrow(angle), y);
  return select(x == x, select(y == y, result, y), x);
}

template <OfFloat V>
FN V sinh_wide(V x) {
  using W = Wide<V>;
  const W a = fabs(widen(x));
  const W z = a * a;
  const W series = fma(a * z,
                       poly(z, 0x1.5555555558201p-3, 0x1.1111110857b52p-7, 0x1.a01a131097a98p-13,
                            0x1.71d208a299728p-19, 0x1.b557c78eb1ae2p-26),
                       a);
  const W e = exp_wide(a);
  return copysign(narrow(select(a < W(1.0), series, W(0.5) * (e - W(1.0) / e))), x);
}
template <OfFloat V>
FN V cosh_wide(V x) {
  using W = Wide<V>;
  const W e = exp_wide(fabs(widen(x)));
  return narrow(W(0.5) * (e + W(1.0) / e));
}
template <OfFloat V>
FN V asinh_wide(V x) {
  using W = Wide<V>;
  const W a = fabs(widen(x));
  const W z = a * a;
  const W far = log_wide(a + sqrt(z + W(1.0)));
  const V result = narrow(select(a < W(1e-3), fma(a * z, W(-1.0 / 6.0), a), far));
  return select(fabs(x) < V(kInfinity<float>), copysign(result, x), x);
}
template <OfFloat V>
FN V acosh_wide(V x) {
  using W = Wide<V>;
  const W a = widen(x);
  const W t = a - W(1.0);  // exact next to 1, where a + sqrt(a a - 1) would lose it
  const V result = narrow(log_wide(W(1.0) + (t + sqrt(t * (a + W(1.0))))));  // of 1, or of 1.0004 and more
  return select(x >= V(1.0f), select(x < V(kInfinity<float>), result, x), V(kNaN<float>));
}
template <OfFloat V>
FN V atanh_wide(V x) {
  using W = Wide<V>;
  const W a = fabs(widen(x));
  const W series = fma(a * a * a, W(1.0 / 3.0), a);
  const V result =
      narrow(select(a < W(1e-3), series, W(0.5) * log_wide((W(1.0) + a) / (W(1.0) - a))));
  const V size = fabs(x);
  const V edge = select(size == V(1.0f), copysign(V(kInfinity<float>), x), V(kNaN<float>));
  return select(size < V(1.0f), copysign(result, x), edge);
}

// erfc(x) for x >= 0: exp(-x^2) times a polynomial in (x - 2) / (x + 2).
template <OfDouble V>
FN V erfc_positive(V a) {
  const V y = at_most(a, V(10.5));
  const V t = (y - V(2.0)) / (y + V(2.0));
  return exp_wide(-y * y) *
         poly_halves(t, t * t, 0x1.058671b4f7563p-2, -0x1.b57034f1b1e1ep-2, 0x1.eeea7e01ebe56p-3,
                     -0x1.437f09b730633p-4, 0x1.e945e16106074p-9, 0x1.ca9417ff5787dp-8,
                     -0x1.bc02832fbdde4p-11, -0x1.01341099ed34ep-10, 0x1.67a639b58836bp-15,
                     0x1.675bef5b5af06p-13, 0x1.cbaf9cbe142f1p-16, -0x1.7976d3bb4a5f7p-16,
                     -0x1.6a9b2652231e5p-17, -0x1.628567e90c8f8p-20);
}
template <OfDouble V>
FN V erf_near(V x) {  // |x| <= 1
  const V z = x * x;
  return x * poly(z, 0x1.20dd750429b19p+0, -0x1.812746b0271ecp-2, 0x1.ce2f2197bc2efp-4,
                  -0x1.b82ce15c3b7f8p-6, 0x1.565ba0406c001p-8, -0x1.c0286cad68e02p-11,
                  0x1.f941bed7e7847p-14, -0x1.f0705a1dde9aap-17, 0x1.9ae0986f9de4fp-20,
                  -0x1.c1a515de8637ap-24);
}
// Near 0 x times a polynomial of its square, then 1 - exp(a polynomial), which is 1 past 4.
template <OfFloat V>
FN V erf_wide(V x) {
  const V a = at_most(fabs(x), V(4.0f));
  const V z = x * x;
  const V near_0 = fma(poly(z, 0x1.06eba6p-3f, -0x1.8126e4p-2f, 0x1.ce19eap-4f, -0x1.b6820ap-6f,
                            0x1.46fe42p-8f, -0x1.390aa4p-11f),
                       x, x);
  const V p = poly(a, 0x1.077b06p-3f, 0x1.45305ap-1f, 0x1.b342a6p-4f, -0x1.85b642p-6f,
                   0x1.deebc8p-9f, -0x1.5570bcp-12f, 0x1.82598p-17f);
  const V far = V(1.0f) - exp_within<true>(-fma(p, a, a));
  return select(a >= V(0.9275f), copysign(far, x), near_0);
}
template <OfFloat V>
FN V erfc_wide(V x) {
  using W = Wide<V>;
  const W y = widen(x), a = fabs(y);
  const W tail = erfc_positive(a);
  const W far = select(y < W(0.0), W(2.0) - tail, tail);
  return narrow(select(a < W(0.5), W(1.0) - erf_near(y), far));
}

// x^y = exp(y log|x|): of floats in double, of doubles with a logarithm in two parts, as y makes an error of it as many times
// larger. Signs and special values by C's Annex F.
// What x^y is where |x|^y is `size`, which is NaN where x or y is.
template <class V>
FN V signed_power(V x, V y, V size) {
  const V half = V(0.5f) * y, none = V(0), one = V(1), infinity = V(kInfinity<float>);
  const auto whole = rint(y) == y;  // so is Inf, an even one
  V result = with_sign(size, select(whole, select(rint(half) == half, none, x), none));
  const V of_negative = select(x > -infinity, V(kNaN<float>), result);
  result = select(whole, result, select(x < none, of_negative, result));
  result = select(x == -one, select(fabs(y) == infinity, one, result), result);
  return select(x == one, one, select(y == none, one, result));
}

template <OfFloat V>
FN V power_of(Wide<V> logarithm, V y) {
  using W = Wide<V>;
  return narrow(exp_wide_within(at_most(at_least(widen(y) * logarithm, W(-300.0)), W(300.0))));
}
template <OfFloat V>
FN V pow_wide(V x, V y) {
  const Wide<V> a = fabs(widen(x));
  return signed_power(x, y, power_of(log_edges(a, log_wide(a)), y));
}
// The same for a positive normal number and a finite power.
template <OfFloat V>
FN V pow_normal(V x, V y) {
  return power_of(log_wide(widen(x)), y);
}

// log(2^k m) to about 2^-66 of it: k ln 2 + s (2 + 2/3 z + ...) for s = f / (2 + f), z = s^2.
template <OfDouble V>
FN Twofold<V> log_twofold(const Split<V>& parts) {
  const V two = V(2.0), third = V(0x1.5555555555555p-1), third_low = V(0x1.5555555555555p-55);
  const V f = parts.m - V(1.0);
  const V d = two + f, d_low = f - (d - two);
  const V r = V(1.0) / d;
  const V s = f * r, s_low = fma(-s, d_low, fma(-s, d, f)) * r;
  const V z = s * s, z_low = fma(two * s, s_low, fma(s, s, -z));
  const V tail = z * poly_halves(z, z * z, 0x1.9999999999996p-2, 0x1.2492492492f51p-2,
                                 0x1.c71c71c5968bcp-3, 0x1.745d18295a685p-3, 0x1.3b1364c7c07e3p-3,
                                 0x1.11206f797081fp-3, 0x1.de3d627515eaep-4, 0x1.eac642fa9c5b7p-4);
  const V t = third + tail, t_low = ((third - t) + tail) + third_low;
  const V u = z * t, u_low = fma(z, t_low, fma(z_low, t, fma(z, t, -u)));
  const V v = two + u, v_low = ((two - v) + u) + u_low;
  const V w = s * v, w_low = fma(s, v_low, fma(s_low, v, fma(s, v, -w)));
  const V k = parts.k * V(kLn2High);  // exact
  const V sum = k + w;
  return {sum, ((k - sum) + w) + fma(parts.k, V(kLn2Low), w_low)};
}
template <OfDouble V>
FN V power_of(const Twofold<V>& logarithm, V y) {
  const V product = y * logarithm.high, bound = V(800.0);
  const V rest = fma(y, logarithm.low, fma(y, logarithm.high, -product));
  const V low = select(fabs(product) < bound, rest, V(0.0));
  Reduced<V> e = reduce_exp(at_most(at_least(product, -bound), bound));
  e.r = fma(e.n, V(-kLn2High), at_most(at_least(product, -bound), bound)) + fma(e.n, V(-kLn2Low), low);
  return exp_reduced<false>(e);
}
template <OfDouble V>
FN V pow_twofold(V x, V y) {
  const V a = fabs(x);
  const Twofold<V> l = log_twofold(split(a));
  const V high = log_edges(a, l.high);
  return signed_power(x, y, power_of(Twofold<V>{high, select(high == l.high, l.low, V(0.0))}, y));
}
template <OfDouble V>
FN V pow_normal(V x, V y) {
  return power_of(log_twofold(split_normal(x)), y);
}

}  // namespace grafo::math
