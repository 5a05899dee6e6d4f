// exp, log, expm1, log1p, tanh, sigmoid and softplus in three precisions: float (native), `wide`
// (double arithmetic that is good to 1e-9, for functions of a float), and double. Coefficients:
// coefficients.py.
//
// Reductions are Cody and Waite's (exp) and fdlibm's (log: m in [sqrt(1/2), sqrt(2)), s = f / (2 +
// f)). Rounding to an integer adds 1.5 * 2^mantissa, so that the integer is in the low bits and no
// conversion, undefined for NaN, is needed.
#pragma once
#include "math/base.h"

namespace grafo::math {

inline constexpr float kRoundFloat = 0x1.8p23f;
inline constexpr double kRoundDouble = 0x1.8p52;
inline constexpr double kLog2E = 0x1.71547652b82fep+0;
// ln 2 in two parts; the high part times an exponent is exact, which matters where there is no fma.
inline constexpr double kLn2High = 0x1.62e42feep-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
inline constexpr float kLn2HighFloat = 0x1.62e4p-1f;
inline constexpr float kLn2LowFloat = 0x1.7f7d1cp-20f;

FN float exp(float x) {
  // Past the clamps the result is 0 or Inf all the same. NaN compares false and passes.
  float y = x < -104.0f ? -104.0f : x;
  y = y > 89.0f ? 89.0f : y;
  const float t = fma(y, 0x1.715476p+0f, kRoundFloat);
  const i32 k = i32(to_bits(t) - to_bits(kRoundFloat));
  const float n = t - kRoundFloat;
  const float r = fma(n, -kLn2LowFloat, fma(n, -kLn2HighFloat, y));
  const float q = poly(r, 0.5f, 0x1.555556p-3f, 0x1.5554eap-5f, 0x1.1110e0p-7f, 0x1.6d4324p-10f,
                       0x1.a124f2p-13f);
  const float p = 1.0f + fma(r * r, q, r);
  // 2^k in two factors: denormal results round once, in the last product.
  const i32 half = k >> 1;
  return p * from_bits(u32(half + 127) << 23) * from_bits(u32(k - half + 127) << 23);
}

struct Reduced {
  double r;    // x - k ln 2
  u64 k_2048;  // k + 2048, unsigned because AVX2 has no arithmetic shift of 64 bits
};

FN Reduced reduce_exp(double x) {
  const double t = fma(x, kLog2E, kRoundDouble);
  const double n = t - kRoundDouble;
  return {fma(n, -kLn2Low, fma(n, -kLn2High, x)), to_bits(t) - to_bits(kRoundDouble) + 2048};
}
// exp(r) - 1
FN double expm1_wide_reduced(double r) {
  const double q = poly(r, 0.5, 0x1.55555567532adp-3, 0x1.5555555c87148p-5, 0x1.1110c632a3088p-7,
                        0x1.6c16858b7acb9p-10, 0x1.a15179d80ae96p-13, 0x1.a1132015ba37ep-16);
  return fma(r * r, q, r);
}
FN double expm1_reduced(double r) {
  const double q = poly(r, 0.5, 0x1.5555555555557p-3, 0x1.5555555555556p-5, 0x1.11111111100dcp-7,
                        0x1.6c16c16c162d4p-10, 0x1.a01a01abe7fe1p-13, 0x1.a01a01a6d889cp-16,
                        0x1.71de0231960ebp-19, 0x1.27e4db646b17ep-22, 0x1.af4de97ca4194p-26,
                        0x1.1f730349868cep-29);
  return fma(r * r, q, r);
}

FN double exp_wide(double x) {
  double y = x < -700.0 ? -700.0 : x;
  y = y > 700.0 ? 700.0 : y;
  const Reduced reduced = reduce_exp(y);
  return (1.0 + expm1_wide_reduced(reduced.r)) * from_bits((reduced.k_2048 - 1025) << 52);
}
FN double expm1_wide(double x) {
  double y = x < -700.0 ? -700.0 : x;
  y = y > 700.0 ? 700.0 : y;
  const Reduced reduced = reduce_exp(y);
  const double scale = from_bits((reduced.k_2048 - 1025) << 52);
  return fma(expm1_wide_reduced(reduced.r), scale, scale - 1.0);
}

FN double exp(double x) {
  double y = x < -746.0 ? -746.0 : x;
  y = y > 710.0 ? 710.0 : y;
  const Reduced reduced = reduce_exp(y);
  const u64 half = reduced.k_2048 >> 1;
  return (1.0 + expm1_reduced(reduced.r)) * from_bits((half - 1) << 52) *
         from_bits((reduced.k_2048 - half - 1) << 52);
}
FN double expm1(double x) {
  double y = x < -50.0 ? -50.0 : x;
  y = y > 710.0 ? 710.0 : y;
  const Reduced reduced = reduce_exp(y);
  const double half = from_bits((reduced.k_2048 - 1026) << 52);  // 2^(k-1): 2^1024 would be Inf
  const double result = 2.0 * fma(expm1_reduced(reduced.r), half, half - 0.5);
  return fabs(x) < 0x1p-54 ? x : result;
}

// log(1 + f + e) + k ln 2 for 1 + f in [sqrt(1/2), sqrt(2)) and an e that rounding took from f.
FN float log_reduced(float k, float f, float e) {
  const float tail =
      poly(f, 0x1.555554p-2f, -0x1.fffffcp-3f, 0x1.999d5ap-3f, -0x1.555b4ap-3f, 0x1.23d21ap-3f,
           -0x1.fcf4c6p-4f, 0x1.dea282p-4f, -0x1.d635bcp-4f, 0x1.1d8ea6p-4f);
  const float ff = f * f;
  const float low = fma(k, kLn2LowFloat, fma(-0.5f, ff, f * ff * tail)) + e;
  return fma(k, kLn2HighFloat, f + low);
}
FN float log_edges(float x, float result) {
  const float edge = x == 0.0f ? -kInfinity<float> : x > 0.0f ? x : kNaN<float>;
  return x > 0.0f && x < kInfinity<float> ? result : edge;
}
FN float log(float x) {
  const bool tiny = x < 0x1p-126f;
  const u32 bits = to_bits(tiny ? x * 0x1p23f : x) - 0x3f3504f3u;  // sqrt(1/2)
  const float k = float(i32(bits) >> 23) - (tiny ? 23.0f : 0.0f);
  return log_edges(x, log_reduced(k, from_bits((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f, 0.0f));
}
// 1 + x is rounded; what that took joins the reduced argument again.
FN float log1p(float x) {
  const float u = 1.0f + x;
  const float lost = x < 1.0f ? x - (u - 1.0f) : 1.0f - (u - x);
  const u32 bits = to_bits(u) - 0x3f3504f3u;
  const i32 k = i32(bits) >> 23;
  const float f = from_bits((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  const float scaled = k < 64 ? lost * from_bits(u32(127 - k) << 23) : 0.0f;
  const float g = f + scaled;
  const float result = log_reduced(float(k), g, (f - g) + scaled);
  return x == 0.0f ? x : log_edges(u, result);
}

struct LogParts {
  double k;  // exponent
  double f;  // mantissa - 1
};
FN LogParts split_log(double x) {
  constexpr u64 root = u64(0x3fe6a09e667f3bcd);            // sqrt(1/2)
  const u64 bits = to_bits(x) - root + (u64(1024) << 52);  // k + 1024 on top, positive
  const double k = from_bits((bits >> 52) | u64(0x4330000000000000)) - (0x1p52 + 1024.0);
  return {k, from_bits((bits & u64(0x000fffffffffffff)) + root) - 1.0};
}

// log of a positive normal number to 1e-11; Inf, 0 and less are the caller's.
FN double log_wide(double x) {
  const LogParts parts = split_log(x);
  const double s = parts.f / (2.0 + parts.f);
  const double z = s * s;
  const double tail = poly(z, 0x1.5555555564eb7p-1, 0x1.999998cae671fp-2, 0x1.249323f5fe0a4p-2,
                           0x1.c67ad18010d25p-3, 0x1.8c8cb725e2db7p-3);
  return fma(parts.k, kLn2High + kLn2Low, fma(s * z, tail, 2.0 * s));
}
// log(1 + x) for a float x > -1: 1 + x is exact enough but next to 0, where the series is.
FN double log1p_wide(double x) {
  const double series = x * fma(x, fma(x, 1.0 / 3.0, -0.5), 1.0);
  return fabs(x) < 1e-4 ? series : log_wide(1.0 + x);
}

FN double log_edges(double x, double result) {
  const double edge = x == 0.0 ? -kInfinity<double> : x > 0.0 ? x : kNaN<double>;
  return x > 0.0 && x < kInfinity<double> ? result : edge;
}
FN double log(double x) {
  const bool tiny = x < 0x1p-1022;
  const LogParts parts = split_log(tiny ? x * 0x1p54 : x);
  const double k = parts.k - (tiny ? 54.0 : 0.0);
  const double f = parts.f;
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double tail = z * poly(z, 0x1.5555555555555p-1, 0x1.9999999999a38p-2, 0x1.2492492476c87p-2,
                               0x1.c71c720160b47p-3, 0x1.745cf901605f7p-3, 0x1.3b1c360763b8ap-3,
                               0x1.0fbe83c2cbcf3p-3, 0x1.0c04595972ab9p-3);
  const double hfsq = 0.5 * f * f;
  const double result = fma(k, kLn2High, f - (hfsq - fma(s, hfsq + tail, k * kLn2Low)));
  return log_edges(x, result);
}
FN double log1p(double x) {
  const double u = 1.0 + x;
  const double lost =
      (x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x)) / u;  // what rounding u took, to first order
  const double result = log(u) + (lost == lost ? lost : 0.0);  // u is 0 or Inf
  return fabs(x) < 0x1p-54 ? x : result;
}

FN float expm1(float x) {
  const float result = float(expm1_wide(x));
  return x == 0.0f ? x : result;
}
// 1 / (1 + exp(-x)) from exp(-|x|), which does not overflow and keeps the small results.
template <class T>
FN T sigmoid(T x) {
  const T e = exp(-fabs(x));
  const T d = T(1) + e;
  const T lost = e - (d - T(1));  // one Newton step's worth of the rounding of d
  const T numerator = x >= T(0) ? T(1) : e;
  const T q = numerator / d;
  return fma(-q, lost / d, q);
}

FN float tanh(float x) {
  const float a = fabs(x);
  const float z = x * x;
  const float near_0 = fma(
      x * z,
      poly(z, -0x1.555552p-2f, 0x1.110e1cp-3f, -0x1.b9258ap-5f, 0x1.58048ep-6f, -0x1.8f8de4p-8f),
      x);
  const float far = 1.0f - 2.0f / (exp(a + a) + 1.0f);
  return copysign(a < 0.625f ? near_0 : far, x);  // near_0 of -0 is +0
}
FN double tanh(double x) {
  const double a = fabs(x);
  const double t = expm1(2.0 * (a > 22.0 ? 22.0 : a));
  return copysign(t / (t + 2.0), x);
}

FN float softplus(float x) {
  const float result = float(log1p_wide(exp_wide(x)));
  return x < 30.0f ? result : x;
}
FN double softplus(double x) {
  const double larger = x > 0.0 ? x : 0.0;
  return larger + log1p(exp(-fabs(x)));  // NaN comes through exp
}

}  // namespace grafo::math
