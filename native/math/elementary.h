// The other elementary functions. Of a float: through double arithmetic, so that the result is
// rounded once (about 0.5 ulp). Of a double: the C library's, which is under 1 ulp and too rare in
// graphs to vectorise. Coefficients: coefficients.py.
#pragma once
#include "math/exp_log.h"

namespace grafo::math {

inline constexpr double kPi = 0x1.921fb54442d18p+1;
inline constexpr double kPiHalf = 0x1.921fb54442d18p+0;

// x - n pi/2 in [-pi/4, pi/4], and n. The first part of pi/2 has 33 bits, so n times it is exact up
// to kTrigLimit.
inline constexpr float kTrigLimit = 1e6f;
struct Quadrant {
  double r;
  u64 n;
};
FN Quadrant reduce_trig(double x) {
  const double t = fma(x, 0x1.45f306dc9c883p-1, kRoundDouble);
  const double n = t - kRoundDouble;
  return {fma(n, -0x1.0b4611a626331p-34, fma(n, -0x1.921fb544p+0, x)), to_bits(t)};
}
FN double sin_reduced(double r) {
  const double z = r * r;
  return fma(r * z,
             poly(z, -0x1.555555555516bp-3, 0x1.1111110fd3b3cp-7, -0x1.a019fd9ae7168p-13,
                  0x1.71d9a9b87993fp-19, -0x1.aa283bea75579p-26),
             r);
}
FN double cos_reduced(double r) {
  const double z = r * r;
  return fma(z,
             poly(z, -0x1.ffffffffffffap-2, 0x1.5555555554134p-5, -0x1.6c16c1691d3cep-10,
                  0x1.a019fc7ae6b8bp-16, -0x1.27e0f5440bb64p-22, 0x1.1c063511f828dp-29),
             1.0);
}
FN double sin_quadrant(double r, u64 n) {
  const double value = (n & 1) != 0 ? cos_reduced(r) : sin_reduced(r);
  return from_bits(to_bits(value) ^ ((n & 2) << 62));
}
// |x| < kTrigLimit; the functors send the rest to the C library.
FN float sin_near(float x) {
  const Quadrant q = reduce_trig(x);
  return x == 0.0f ? x : float(sin_quadrant(q.r, q.n));
}
FN float cos_near(float x) {
  const Quadrant q = reduce_trig(x);
  return float(sin_quadrant(q.r, q.n + 1));
}
FN float tan_near(float x) {
  const Quadrant q = reduce_trig(x);
  return x == 0.0f ? x : float(sin_quadrant(q.r, q.n) / sin_quadrant(q.r, q.n + 1));
}

// asin(x) = 2 asin-like half angle past 1/2: pi/2 - 2 asin(sqrt((1 - x) / 2)).
FN double asin_tail(double z) {
  return poly(z, 0x1.5555555554f05p-3, 0x1.33333335a9cd6p-4, 0x1.6db6d8e71341bp-5,
              0x1.f1c81c59ea536p-6, 0x1.6e72146fda29ep-6, 0x1.1dc2ef640046fp-6,
              0x1.b02442413f6b8p-7, 0x1.00d47e7966d96p-6, -0x1.815314c864b2dp-9,
              0x1.c93a92d53b4f5p-6);
}
FN float asin_wide(float x) {
  const double a = fabs(double(x));
  const bool near_0 = a < 0.5;
  const double z = near_0 ? a * a : 0.5 * (1.0 - a);
  const double base = near_0 ? a : sqrt(z);  // NaN past 1
  const double angle = fma(base * z, asin_tail(z), base);
  return copysign(float(near_0 ? angle : kPiHalf - 2.0 * angle), x);
}
FN float acos_wide(float x) {
  const double a = fabs(double(x));
  const bool near_0 = a < 0.5;
  const double z = near_0 ? a * a : 0.5 * (1.0 - a);
  const double base = near_0 ? double(x) : sqrt(z);
  const double angle = fma(base * z, asin_tail(z), base);
  const double far = x < 0.0f ? kPi - 2.0 * angle : 2.0 * angle;
  return float(near_0 ? kPiHalf - angle : far);
}
FN double atan_unit(double x) {  // 0 <= x <= 1
  const double z = x * x;
  return fma(
      x * z,
      poly(z, -0x1.555555554e12ep-2, 0x1.9999998350a7ap-3, -0x1.2492436ae8038p-3,
           0x1.c71b46328c101p-4, -0x1.744cee862929dp-4, 0x1.3a8c2625b9aa7p-4, -0x1.0e22e4c8a6ab4p-4,
           0x1.cb4cbfd1c120cp-5, -0x1.703ae186038e6p-5, 0x1.0357b7b676e8cp-5, -0x1.26a513965d7e5p-6,
           0x1.e8b7d967003f8p-8, -0x1.01026ecc75075p-9, 0x1.fb94030f244d8p-13),
      x);
}
FN float atan_wide(float x) {
  const double a = fabs(double(x));
  const bool large = a > 1.0;
  const double angle = atan_unit(large ? 1.0 / a : a);
  return copysign(float(large ? kPiHalf - angle : angle), x);
}
FN float atan2_wide(float y, float x) {
  const double a = fabs(double(y));
  const double b = fabs(double(x));
  const bool steep = a > b;
  const double high = steep ? a : b;
  const double low = steep ? b : a;
  const double ratio = low == high ? (high == 0.0 ? 0.0 : 1.0) : low / high;  // 0/0 and Inf/Inf
  double angle = atan_unit(ratio);
  angle = steep ? kPiHalf - angle : angle;
  angle = copysign(1.0f, x) < 0.0f ? kPi - angle : angle;
  return x == x && y == y ? copysign(float(angle), y) : kNaN<float>;
}

FN float sinh_wide(float x) {
  const double a = fabs(double(x));
  const double z = a * a;
  const double series =
      fma(a * z,
          poly(z, 0x1.5555555558201p-3, 0x1.1111110857b52p-7, 0x1.a01a131097a98p-13,
               0x1.71d208a299728p-19, 0x1.b557c78eb1ae2p-26),
          a);
  const double e = exp_wide(a);
  return copysign(float(a < 1.0 ? series : 0.5 * (e - 1.0 / e)), x);
}
FN float cosh_wide(float x) {
  const double e = exp_wide(fabs(double(x)));
  return float(0.5 * (e + 1.0 / e));
}
FN float asinh_wide(float x) {
  const double a = fabs(double(x));
  const double z = a * a;
  const double far = log_wide(a + sqrt(z + 1.0));
  const float result = float(a < 1e-3 ? fma(a * z, -1.0 / 6.0, a) : far);
  return a < kInfinity<double> ? copysign(result, x) : x;
}
FN float acosh_wide(float x) {
  const double a = x;
  const double t = a - 1.0;  // exact next to 1, where a + sqrt(a a - 1) would lose it
  const float result = float(log1p_wide(t + sqrt(t * (a + 1.0))));
  return x >= 1.0f ? (x < kInfinity<float> ? result : x) : kNaN<float>;
}
FN float atanh_wide(float x) {
  const double a = fabs(double(x));
  const double series = fma(a * a * a, 1.0 / 3.0, a);
  const float result = float(a < 1e-3 ? series : 0.5 * log_wide((1.0 + a) / (1.0 - a)));
  return a < 1.0 ? copysign(result, x) : (a == 1.0 ? copysign(kInfinity<float>, x) : kNaN<float>);
}

// erfc(x) for x >= 0: exp(-x^2) times a polynomial in (x - 2) / (x + 2).
FN double erfc_positive(double a) {
  const double y = a > 10.5 ? 10.5 : a;
  const double t = (y - 2.0) / (y + 2.0);
  return exp_wide(-y * y) *
         poly(t, 0x1.058671b4f7563p-2, -0x1.b57034f1b1e1ep-2, 0x1.eeea7e01ebe56p-3,
              -0x1.437f09b730633p-4, 0x1.e945e16106074p-9, 0x1.ca9417ff5787dp-8,
              -0x1.bc02832fbdde4p-11, -0x1.01341099ed34ep-10, 0x1.67a639b58836bp-15,
              0x1.675bef5b5af06p-13, 0x1.cbaf9cbe142f1p-16, -0x1.7976d3bb4a5f7p-16,
              -0x1.6a9b2652231e5p-17, -0x1.628567e90c8f8p-20);
}
FN double erf_near(double x) {  // |x| <= 1
  const double z = x * x;
  return x * poly(z, 0x1.20dd750429b19p+0, -0x1.812746b0271ecp-2, 0x1.ce2f2197bc2efp-4,
                  -0x1.b82ce15c3b7f8p-6, 0x1.565ba0406c001p-8, -0x1.c0286cad68e02p-11,
                  0x1.f941bed7e7847p-14, -0x1.f0705a1dde9aap-17, 0x1.9ae0986f9de4fp-20,
                  -0x1.c1a515de8637ap-24);
}
FN float erf_wide(float x) {
  const double a = fabs(double(x));
  return copysign(float(a < 1.0 ? erf_near(a) : 1.0 - erfc_positive(a)), x);
}
FN float erfc_wide(float x) {
  const double a = fabs(double(x));
  const double tail = erfc_positive(a);
  const double far = x < 0.0f ? 2.0 - tail : tail;
  return float(a < 0.5 ? 1.0 - erf_near(x) : far);
}

// x^y = exp(y log|x|) in double; signs and special values by C's Annex F.
FN float pow_wide(float x, float y) {
  const double a = fabs(double(x));
  const double log_a = log_wide(a);
  const double log_x = a == 0.0 ? -kInfinity<double> : a < kInfinity<double> ? log_a : a;
  const double product = double(y) * log_x;
  double clamped = product < -300.0 ? -300.0 : product;
  clamped = clamped > 300.0 ? 300.0 : clamped;
  const float size = float(exp_wide(clamped));
  const float magnitude = fabs(y);
  const bool integer = rint(y) == y;  // so is Inf, an even one
  const bool odd = integer && magnitude < 0x1p24f && rint(y * 0.5f) != y * 0.5f;
  const bool negative = copysign(1.0f, x) < 0.0f;
  float result = negative && odd ? -size : size;
  result = x < 0.0f && a < kInfinity<double> && !integer ? kNaN<float> : result;
  result = x == -1.0f && magnitude == kInfinity<float> ? 1.0f : result;
  result = x == x && y == y ? result : kNaN<float>;
  return x == 1.0f || y == 0.0f ? 1.0f : result;
}

}  // namespace grafo::math
