// exp, log, expm1, log1p, tanh, sigmoid and softplus in three precisions: of floats, `wide` (double
// arithmetic that is good to 1e-9, for functions of a float), and of doubles. Coefficients:
// coefficients.py.
//
// exp: Cody and Waite's reduction. log: of m in [sqrt(1/2), sqrt(2)), by s = f / (2 + f) as
// fdlibm's where they are doubles. Rounding to an integer adds 1.5 * 2^mantissa, so that the
// integer is in the low bits and no conversion, undefined for NaN, is needed.
#pragma once
#include "math/base.h"
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include "math/avx512.h"
#include "math/vector_fmod.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "math/avx2.h"
#include "math/vector_fmod.h"
#endif

namespace grafo::math {

inline constexpr double kSqrt2 = 0x1.6a09e667f3bcdp+0;
inline constexpr double kLog2E = 0x1.71547652b82fep+0;
// ln 2 in two parts; the high part times an exponent is exact, which matters where there is no fma.
inline constexpr double kLn2High = 0x1.62e42feep-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
inline constexpr float kLn2HighFloat = 0x1.62e4p-1f;
inline constexpr float kLn2LowFloat = 0x1.7f7d1cp-20f;

// x = n ln 2 + r
template <class V>
struct Reduced {
  V r, n, t;  // t as times_power has it
};
template <OfFloat V>
FN Reduced<V> reduce_exp(V x) {
  const V t = fma(x, V(0x1.715476p+0f), V(kRoundFloat));
  const V n = t - V(kRoundFloat);
  return {fma(n, V(-kLn2LowFloat), fma(n, V(-kLn2HighFloat), x)), n, t};
}
template <OfDouble V>
FN Reduced<V> reduce_exp(V x) {
  const V t = fma(x, V(kLog2E), V(kRoundDouble));
  const V n = t - V(kRoundDouble);
  return {fma(n, V(-kLn2Low), fma(n, V(-kLn2High), x)), n, t};
}

template <bool kNormal, class V>
FN V times_power_of(V x, const Reduced<V>& e) {
  if constexpr (kNormal)
    return add_power(x, e.t);
  else
    return times_power(x, e.n, e.t);
}
// Up to here in magnitude the exponential is a normal number.
template <class V>
inline constexpr double kExpUsual = kOfFloat<V> ? 86.0 : 707.0;

// 1 + r + q r^2, q r small. Without a fused multiply-add the rounding of 1 + q r would come on top of the last one.
template <class V>
FN V exp_of_reduced(V q, V r) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDACC__)
  return fma(fma(q, r, V(1.0f)), r, V(1.0f));
#else
  return V(1.0f) + (r + r * r * q);
#endif
}

// exp(r), |r| <= ln 2 / 2
template <OfFloat V>
FN V exp_near_0(V r) {
  const V q =
      poly(r, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558acp-5f, 0x1.12397cp-7f, 0x1.6a5188p-10f);
  return exp_of_reduced(q, r);
}
template <OfDouble V>
FN V exp_near_0(V r) {
  const V q = poly(r, 0x1.000000000000ap-1, 0x1.5555555555508p-3, 0x1.55555555506eep-5,
                   0x1.111111112499bp-7, 0x1.6c16c18468596p-10, 0x1.a01a0139d9f77p-13,
                   0x1.a019998a8c2bep-16, 0x1.71df051e0779p-19, 0x1.28add36f150d8p-22,
                   0x1.adaf7a8b8ac34p-26);
  return exp_of_reduced(q, r);
}
template <bool kNormal, class V>
FN V exp_reduced(const Reduced<V>& e) {
  return times_power_of<kNormal>(exp_near_0(e.r), e);
}
// exp of what is neither so low nor so high that the result is 0 or Inf for long. NaN passes. kNormal: |x| <= kExpUsual, or a
// little more (any_past); of NaN anything.
template <bool kNormal = false, class V>
FN V exp_within(V x) {
  return exp_reduced<kNormal>(reduce_exp(x));
}
// Of these all else is 0.
template <OfFloat V>
FN V exp_floor(V x) {
  return at_least(x, V(-104.0f));
}
template <OfDouble V>
FN V exp_floor(V x) {
  return at_least(x, V(-746.0));
}
// Past these all is Inf.
template <OfFloat V>
FN V exp_roof(V x) {
  return at_most(x, V(89.0f));
}
template <OfDouble V>
FN V exp_roof(V x) {
  return at_most(x, V(710.0));
}
template <class V>
FN V exp(V x) {
  return exp_within(exp_roof(exp_floor(x)));
}

// exp(r) - 1
template <OfDouble V>
FN V expm1_wide_reduced(V r) {
  const V q = poly(r, 0x1.000000265cf7fp-1, 0x1.555554fad81d7p-3, 0x1.5554b0865f334p-5,
                   0x1.111178dfcfap-7, 0x1.6d726cf422bcap-10, 0x1.a0496e114e595p-13);
  return fma(r * r, q, r);
}
template <OfDouble V>
FN V expm1_series(V r) {
  return poly(r, 0.5, 0x1.5555555555557p-3, 0x1.5555555555556p-5, 0x1.11111111100dcp-7,
              0x1.6c16c16c162d4p-10, 0x1.a01a01abe7fe1p-13, 0x1.a01a01a6d889cp-16,
              0x1.71de0231960ebp-19, 0x1.27e4db646b17ep-22, 0x1.af4de97ca4194p-26,
              0x1.1f730349868cep-29);
}
template <OfDouble V>
FN V expm1_reduced(V r) {
  return fma(r * r, expm1_series(r), r);
}
template <OfDouble V>
FN V exp_wide_within(V x) {  // |x| <= 700
  const Reduced<V> e = reduce_exp(x);
  return times_normal_power(V(1.0) + expm1_wide_reduced(e.r), e.n, e.t);
}
template <OfDouble V>
FN V exp_wide(V x) {
  return exp_wide_within(at_most(at_least(x, V(-700.0)), V(700.0)));
}
template <OfDouble V>
FN V expm1_wide(V x) {
  const Reduced<V> e = reduce_exp(at_most(at_least(x, V(-700.0)), V(700.0)));
  const V scale = times_normal_power(V(1.0), e.n, e.t);
  return fma(expm1_wide_reduced(e.r), scale, scale - V(1.0));
}
template <OfDouble V>
FN V expm1(V x) {
  const Reduced<V> e = reduce_exp(exp_roof(at_least(x, V(-50.0))));
  const V half = add_power(V(0.5), e.t);  // 2^1024 would be Inf
  const V result = V(2.0) * fma(expm1_reduced(e.r), half, half - V(0.5));
  return select(fabs(x) < V(0x1p-54), x, result);
}
template <OfFloat V>
FN V expm1(V x) {
  return with_sign(narrow(expm1_wide(widen(x))), x);  // of -0 too
}

// ln 2 in the two parts that log of a V takes.
template <class V>
inline constexpr double kLogHigh = kOfFloat<V> ? double(kLn2HighFloat) : kLn2High;
template <class V>
inline constexpr double kLogLow = kOfFloat<V> ? double(kLn2LowFloat) : kLn2Low;

// log(1 + f) + low for 1 + f in [sqrt(1/2), sqrt(2)), low being what rounding took from f and the low part of ln 2.
template <OfFloat V>
FN V log_near_1(V f, V low) {
  const V ff = f * f;
  const V tail =
      poly_halves(f, ff, -0.5f, 0x1.555542p-2f, -0x1.000016p-2f, 0x1.99a734p-3f, -0x1.55583ap-3f,
                  0x1.23079ap-3f, -0x1.fc67cap-4f, 0x1.e9b32ap-4f, -0x1.dde2c8p-4f, 0x1.0e49dep-4f);
  return f + fma(ff, tail, low);
}
template <OfDouble V>
FN V log_near_1(V f, V low) {
  const V s = f / (V(2.0) + f);
  const V z = s * s;
  const V tail = z * poly_halves(z, z * z, 0x1.5555555555592p-1, 0x1.999999997ff15p-2,
                                 0x1.24924941e1f41p-2, 0x1.c71c52137d1afp-3, 0x1.74663d28e6ecap-3,
                                 0x1.39a1e14b44709p-3, 0x1.2f0413b07aec8p-3);
  const V square = V(0.5) * f * f;
  return f - (square - fma(s, square + tail, low));
}
// log(1 + f + e) + k ln 2, where e is what rounding took from f.
template <class V>
FN V log_reduced(V k, V f, V e) {
  return fma(k, V(kLogHigh<V>), log_near_1(f, fma(k, V(kLogLow<V>), e)));
}
template <class V>
FN V log(V x) {
  const Split<V> parts = split(x);
  return log_edges(x, log_reduced(parts.k, parts.m - V(1), V(0)));
}
// Of a positive normal number.
template <class V>
FN V log_normal(V x) {
  const Split<V> parts = split_normal(x);
  return log_reduced(parts.k, parts.m - V(1), V(0));
}

// 1 + x is rounded; what that took joins the reduced argument again.
template <class V>
FN V log_of_plus_1(const Plus1<V>& p) {
  const V g = p.m - V(1), f = g + p.lost;
  return log_reduced(p.k, f, p.lost - (f - g));
}
template <class V>
FN V log1p(V x) {
  const Plus1<V> p = plus_1(x);
  return with_sign(log_edges(p.sum, log_of_plus_1(p)), x);
}
template <class V>
FN V log1p_normal(V x) {  // 1 + x is a positive normal number
  return with_sign(log_of_plus_1(plus_1(x)), x);
}

// The same bits for 0 <= x <= 1, where the exponent is 0 or 1.
template <class V>
FN V log1p_unit(V x) {
  const auto high = V(1) + x >= V(kSqrt2);
  const V less = x - V(1), lost = x - (less + V(1)), half = V(0.5);
  const V f = select(high, less * half, x);
  return log_reduced(only_where(high, V(1)), f, only_where(high, lost * half));
}
// log's bits for 1 <= x <= 2. NaN passes.
template <class V>
FN V log_from_1_to_2(V x) {
  const auto high = x >= V(kSqrt2);
  const V f = select(high, fma(x, V(0.5), V(-1)), x - V(1));
  return add_where(high, log_near_1(f, only_where(high, V(kLogLow<V>))), V(kLogHigh<V>));
}

// log of a positive normal number to 1e-11; Inf, 0 and less are the caller's.
template <OfDouble V>
FN V log_wide(V x) {
  const Split<V> parts = split_normal(x);
  const V f = parts.m - V(1.0);
  const V s = f / (V(2.0) + f);
  const V z = s * s;
  const V tail = poly(z, 0x1.555554fd8c3afp-1, 0x1.999a7aa67d593p-2, 0x1.2438d13056684p-2,
                      0x1.e2f74b437b9b7p-3);
  return fma(parts.k, V(kLn2High + kLn2Low), fma(s * z, tail, V(2.0) * s));
}
template <class V>
FN V exp_minus_abs(V x) {
  return exp_within(exp_floor(minus_abs(x)));
}
// What is to be added to 1: of what is less than half of 1's last bit it does not matter how much it is. NaN passes.
template <class V>
FN V exp_minus_abs_beside_1(V x) {
  const Reduced<V> e = reduce_exp(at_least(minus_abs(x), V(-kExpUsual<V>)));
  return times_normal_power(exp_near_0(e.r), e.n, e.t);
}

// 1 / (1 + exp(-x)) from e = exp(-|x|), which does not overflow and keeps the small results.
template <class V>
FN V sigmoid_of(V x, V e) {
  const V d = V(1) + e;
  const V lost = e - (d - V(1));  // what rounding took from d, times about 1 / d
  const V q = by_sign(x, V(1), e) / d;
  return fma(-q, lost * fma(d, V(-0.5f), V(1.457f)), q);
}
template <OfFloat V>
FN V tanh(V x) {
  const V a = fabs(x);
  const V z = x * x;
  const V near_0 = fma(
      x * z,
      poly(z, -0x1.555552p-2f, 0x1.110e1cp-3f, -0x1.b9258ap-5f, 0x1.58048ep-6f, -0x1.8f8de4p-8f),
      x);
  const V far = V(1.0f) - V(2.0f) / (exp_within<true>(at_most(a + a, V(40.0f))) + V(1.0f));
  return copysign(select(a >= V(0.625f), far, near_0), x);  // near_0 of -0 is +0
}
template <OfDouble V>
FN V tanh(V x) {
  const V a = at_most(fabs(x), V(22.0));
  const V t = expm1(a + a);
  return copysign(t / (t + V(2.0)), x);
}

// log(1 + exp(x)) from e = exp(-|x|). NaN comes through exp.
template <class V>
FN V softplus_of(V x, V e) {
  return at_least(x, V(0)) + log1p_unit(e);
}

}  // namespace grafo::math
