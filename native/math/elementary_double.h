// The elementary functions of doubles, of one and of vectors: what rounding takes from the large
// terms is carried beside them to the last sum, so that a result is within 1 ulp or hardly more
// (math_ulp.cc has the bounds). They rest on an fma that rounds once; where there is none, and on
// GPUs, which have their own, the functors take the C library's. Coefficients: coefficients.py.
#pragma once
#include "math/elementary.h"

namespace grafo::math {

// pi/4 in two parts: a small multiple of the first one is exact.
inline constexpr double kPiQuarterHigh = 0.25 * kPi1;
inline constexpr double kPiQuarterLow = 0.25 * (kPi2 + kPi3);

// a + b, |a| >= |b| or a = 0, and what rounding took from it.
template <OfDouble V>
FN Twofold<V> sum_of(V a, V b) {
  const V sum = a + b;
  return {sum, (a - sum) + b};
}

// k pi/4 + atan((top + top_low) / (bottom + bottom_low)), the quotient within tan(pi/8).
template <OfDouble V>
FN V atan_beside(V k, const Twofold<V>& top, const Twofold<V>& bottom) {
  const V r = V(1.0) / bottom.high;
  const V t = top.high * r;
  const V low = (fma(-t, bottom.high, top.high) + fma(-t, bottom.low, top.low)) * r;
  const V z = t * t;
  const V tail = poly_halves(z, z * z, -0x1.555555555553dp-2, 0x1.99999999958a1p-3,
                             -0x1.24924922af44ap-3, 0x1.c71c70e6e5d06p-4, -0x1.745cf8f5d8609p-4,
                             0x1.3b111aebce7d7p-4, -0x1.10ebcd0c84b2cp-4, 0x1.df10799769a43p-5,
                             -0x1.9cd8080f86411p-5, 0x1.37e2f7e7c0aeap-5, -0x1.25873092c4ee8p-6);
  const Twofold<V> sum = sum_of(k * V(kPiQuarterHigh), t);
  return sum.high + (sum.low + fma(k, V(kPiQuarterLow), fma(t * z, tail, low)));
}
inline constexpr double kTanEighth = 0x1.a827999fcef32p-2;  // tan(pi/8)
template <OfDouble V>
FN V atan_twofold(V x) {
  const V a = at_most(fabs(x), V(0x1p64)), one = V(1.0), none = V(0.0);
  const auto small = a <= V(kTanEighth), large = a >= V(1.0 / kTanEighth);
  const V less = a - one, more = a + one;
  const V k = select(small, none, select(large, V(2.0), one));
  const V top = select(small, a, select(large, -one, less));
  const V bottom = select(small, one, select(large, a, more));
  const V top_low = select(small, none, select(large, none, a - (less + one)));
  const V bottom_low = select(small, none, select(large, none, a - (more - one)));
  return copysign(atan_beside(k, Twofold<V>{top, top_low}, Twofold<V>{bottom, bottom_low}), x);
}
template <OfDouble V>
FN V atan2_twofold(V y, V x) {
  const V a = fabs(y), b = fabs(x), none = V(0.0), infinity = V(kInfinity<double>),
          most = V(kHighest<double>);
  const auto steep = a > b;
  const V longest = select(steep, a, b), shortest = select(steep, b, a);
  // Inf is the largest number, beside which all but another Inf is 0; and 0 by 0 is 0.
  const V high = at_least(at_most(longest, most), V(0x1p-1074));
  const V low = select(longest == infinity,
                       select(shortest < infinity, none, at_most(shortest, most)), shortest);
  // So that neither sums nor reciprocals leave the range, and no digit of a small quotient is lost.
  const V scale = select(high >= V(0x1p400), V(0x1p-60), V(0x1p200));
  const V p = high * scale, q = low * scale;
  const auto small = q <= V(kTanEighth) * p;
  const V less = q - p, more = p + q;
  const V top = select(small, q, less), top_low = select(small, none, q - (less + p));
  const V bottom = select(small, p, more), bottom_low = select(small, none, q - (more - p));
  // From the nearer axis, of which there are two in each quadrant.
  const auto left = copysign(V(1.0), x) < none;
  const V octant = select(small, none, V(1.0)), quadrant = select(steep, V(2.0) - octant, octant);
  const V k = select(left, V(4.0) - quadrant, quadrant);
  const V sign = select(steep, select(left, V(1.0), V(-1.0)), select(left, V(-1.0), V(1.0)));
  return copysign(
      atan_beside(k, Twofold<V>{top * sign, top_low * sign}, Twofold<V>{bottom, bottom_low}), y);
}

// asin(base) = base + base_low + base z asin_series(z), z = base^2 <= 1/4
template <OfDouble V>
FN V asin_series(V z) {
  return poly_halves(z, z * z, 0x1.5555555555578p-3, 0x1.333333332df3ep-4, 0x1.6db6db72280c7p-5,
                     0x1.f1c71a8d48996p-6, 0x1.6e8bdfae3a1d3p-6, 0x1.1c49e27e700eep-6,
                     0x1.ca20cde6d172ep-7, 0x1.757ba24cfd9f5p-7, 0x1.61725dc4cdbb8p-7,
                     0x1.e2df6e160a25bp-9, 0x1.6486633f45459p-6, -0x1.5940543c71312p-6,
                     0x1.0ba953cf9d18cp-5);
}
// The argument of that: |x| itself, and past 1/2 the half angle's sqrt((1 - |x|) / 2), of which
// base_low is what rounding took.
template <class V>
struct HalfAngle {
  V base, tail;  // tail: base_low and the series
};
template <OfDouble V>
FN HalfAngle<V> half_angle(V a) {
  const auto near_0 = a <= V(0.5);
  const V z = select(near_0, a * a, V(0.5) * (V(1.0) - a));
  const V root = sqrt(z);  // NaN past 1
  const V root_low = fma(-root, root, z) * (V(0.5) / at_least(root, V(0x1p-60)));
  const V base = select(near_0, a, root);
  return {base, fma(base * z, asin_series(z), select(near_0, V(0.0), root_low))};
}
// k pi/2 + angle
template <OfDouble V>
FN V quarter_turns_and(V k, V angle, V tail) {
  const Twofold<V> sum = sum_of(k * V(2.0 * kPiQuarterHigh), angle);
  return sum.high + (sum.low + fma(k, V(2.0 * kPiQuarterLow), tail));
}
template <OfDouble V>
FN V asin_twofold(V x) {
  const V a = fabs(x);
  const HalfAngle<V> half = half_angle(a);
  const auto near_0 = a <= V(0.5);
  const V times = select(near_0, V(1.0), V(-2.0));
  return copysign(
      quarter_turns_and(select(near_0, V(0.0), V(1.0)), times * half.base, times * half.tail), x);
}
template <OfDouble V>
FN V acos_twofold(V x) {
  const V a = fabs(x);
  const HalfAngle<V> half = half_angle(a);
  const auto near_0 = a <= V(0.5), negative = x < V(0.0);
  const V k = select(near_0, V(1.0), select(negative, V(2.0), V(0.0)));
  const V size = select(near_0, V(1.0), V(2.0));
  const V times = select(near_0, select(negative, size, -size), select(negative, -size, size));
  return quarter_turns_and(k, times * half.base, times * half.tail);
}

// x = n ln 2 + r + low
template <OfDouble V>
FN V low_of_reduced(V x, const Reduced<V>& e) {
  return fma(e.n, V(-kLn2Low), fma(e.n, V(-kLn2High), x) - e.r);
}
// Half of sinh(a) or cosh(a), a >= 0, from those of n ln 2, which powers of 2 are, and of r:
// without a quotient. Half, because the largest results come of a power of 2 that is no number.
template <bool kOdd, OfDouble V>
FN V half_hyperbolic(V size) {
  const V a = at_most(size, V(710.5));
  const Reduced<V> e = reduce_exp(a);
  const V r = e.r, r_low = low_of_reduced(a, e), z = r * r;
  // 2^n / 4 and 2^-n / 4; past 2^64 the second one does not matter.
  const V p = add_power(V(0.25), e.t);
  const V m = add_power(V(0.25), V(2.0 * kRoundDouble) - at_most(e.t, V(kRoundDouble + 64.0)));
  const V major = kOdd ? p - m : p + m, minor = kOdd ? p + m : p - m;
  const V major_low = kOdd ? (p - major) - m : (p - major) + m;
  const V u = minor * r, u_low = fma(minor, r_low, fma(minor, r, -u));
  const Twofold<V> sum = sum_of(major, u);
  const V sine = poly(z, 0x1.5555555555559p-3, 0x1.111111110f64fp-7, 0x1.a01a01b00672fp-13,
                      0x1.71ddf80822070p-19, 0x1.af5f37429366dp-26);
  const V cosine = poly(z, 0.5, 0x1.5555555553169p-5, 0x1.6c16c17cf47e0p-10, 0x1.a019aa9546283p-16,
                        0x1.28a01e75281ccp-22);
  return sum.high + fma(u * z, sine, fma(major * z, cosine, sum.low + (u_low + major_low)));
}
template <OfDouble V>
FN V sinh_twofold(V x) {
  const V a = fabs(x);
  return select(a < V(0x1p-27), x, copysign(V(2.0) * half_hyperbolic<true>(a), x));
}
template <OfDouble V>
FN V cosh_twofold(V x) {
  return V(2.0) * half_hyperbolic<false>(fabs(x));
}

// log(2^k (high + low)), high a positive normal number; past 2^64 low is 0.
template <OfDouble V>
FN V log_of_sum(V k, const Twofold<V>& x) {
  Split<V> parts = split_normal(x.high);
  const V n = at_most(parts.k, V(64.0));
  const V low = times_normal_power(x.low, -n, V(kRoundDouble) - n);
  // 1 / m by Newton's step from the quotient that log_twofold takes too.
  const V r = V(1.0) / (V(2.0) + (parts.m - V(1.0))),
          inverse = (r + r) * fma(-parts.m, r + r, V(2.0));
  parts.k = parts.k + k;
  const Twofold<V> l = log_twofold(parts);
  return l.high + fma(low, inverse, l.low);
}
// The root of a sum.
template <OfDouble V>
FN Twofold<V> root_of(const Twofold<V>& x) {
  const V root = sqrt(x.high);
  return {root, (fma(-root, root, x.high) + x.low) * (V(0.5) / at_least(root, V(0x1p-60)))};
}
// log(a + sqrt(a^2 + one)), one being 1 or -1. Past 2^28 that is log(2 a).
template <OfDouble V>
FN V log_of_a_and_root(V a, const Twofold<V>& sum, V square_low) {
  const Twofold<V> root = root_of(Twofold<V>{sum.high, sum.low + square_low});
  const auto near = a < V(0x1p28);
  const V c = at_most(a, V(0x1p28));
  const V high = at_least(root.high, c), low = at_most(root.high, c);
  const Twofold<V> w = sum_of(high, low);
  return log_of_sum(select(near, V(0.0), V(1.0)),
                    Twofold<V>{select(near, w.high, a), only_where(near, w.low + root.low)});
}
template <OfDouble V>
FN V asinh_twofold(V x) {
  const V a = fabs(x), c = at_most(a, V(0x1p28)), one = V(1.0);
  const V square = c * c, square_low = fma(c, c, -square);
  const Twofold<V> sum = sum_of(at_least(square, one), at_most(square, one));
  const V result = copysign(log_of_a_and_root(a, sum, square_low), x);
  return select(a < V(0x1p-28), x, select(a < V(kInfinity<double>), result, x));
}
template <OfDouble V>
FN V acosh_twofold(V x) {
  const V c = at_most(x, V(0x1p28));
  const V square = c * c, square_low = fma(c, c, -square);
  const V result = log_of_a_and_root(x, sum_of(square, V(-1.0)), square_low);
  return select(x >= V(1.0), select(x < V(kInfinity<double>), result, x), V(kNaN<double>));
}
// 1/2 log((1 + a) / (1 - a)) = k/2 ln 2 + atanh(s), where s = a or, further from 0, the quotient of
// the difference and the sum of 1 + a and 2^k (1 - a).
template <OfDouble V>
FN V atanh_twofold(V x) {
  const V a = fabs(x), one = V(1.0);
  const auto near_0 = a <= V(0x1.5f619980c4337p-3);  // (sqrt(2) - 1) / (sqrt(2) + 1)
  const V more = one + a, more_low = a - (more - one);
  const V less = one - a, less_low = (one - less) - a;
  const Split<V> parts = split_normal(less);
  const V scaled_low = times_normal_power(less_low, -parts.k, V(kRoundDouble) - parts.k);
  const auto twice = more > V(kSqrt2) * parts.m;
  const V m = select(twice, parts.m + parts.m, parts.m),
          m_low = select(twice, scaled_low + scaled_low, scaled_low);
  const V k = select(near_0, V(0.0), select(twice, one - parts.k, -parts.k));
  const V top = more - m, bottom = more + m, part = bottom - more;
  const V bottom_low = ((more - (bottom - part)) + (m - part)) + (more_low + m_low);
  const V r = one / bottom, quotient = top * r;
  const V quotient_low =
      (fma(-quotient, bottom, top) + fma(-quotient, bottom_low, more_low - m_low)) * r;
  const V s = select(near_0, a, quotient), s_low = select(near_0, V(0.0), quotient_low);
  const V z = s * s;
  const V series = poly_halves(z, z * z, 0x1.5555555555592p-2, 0x1.999999997ff15p-3,
                               0x1.24924941e1f41p-3, 0x1.c71c52137d1afp-4, 0x1.74663d28e6ecap-4,
                               0x1.39a1e14b44709p-4, 0x1.2f0413b07aec8p-4);
  const Twofold<V> sum = sum_of(k * V(0.5 * kLn2High), s);
  const V result = sum.high + (sum.low + fma(k, V(0.5 * kLn2Low), fma(s * z, series, s_low)));
  const V edge = select(a == one, V(kInfinity<double>), V(kNaN<double>));
  return copysign(select(a < one, result, edge), x);
}

inline constexpr double kErfNear = 0.6;
// erf(x) = x + x erf_series(x^2), |x| <= kErfNear
template <OfDouble V>
FN V erf_series(V z) {
  return poly(z, 0x1.06eba8214db69p-3, -0x1.812746b037a5ep-2, 0x1.ce2f21a04d2bap-4,
              -0x1.b82ce3183fcabp-6, 0x1.565bcea7020b6p-8, -0x1.c02e374de820ap-11,
              0x1.f9bcddce0d1a2p-14, -0x1.f7f0be4d9acd7p-17, 0x1.f46d7488f3161p-20,
              -0x1.df8bec6377043p-22, 0x1.6d5a3cd154cb0p-23);
}
// erfc(size), size >= kErfNear: exp(-a^2) (1 + a polynomial in (a - 4) / (a + 4)) / (2 a + 1).
template <OfDouble V>
FN V erfc_far(V size) {
  const V a = at_most(size, V(27.5));  // past 27.3 it is 0
  const V square = a * a, square_low = fma(a, a, -square);
  const Reduced<V> e = reduce_exp(-square);
  const V r_low = low_of_reduced(-square, e) - square_low;
  const V a_4 = a + V(4.0), twice = a + a, d = twice + V(1.0), d_low = V(1.0) - (d - twice);
  const V inverse_of_both = V(1.0) / (a_4 * d);
  const V inverse = a_4 * inverse_of_both, inverse_a_4 = d * inverse_of_both;
  const V top = a - V(4.0), first = top * inverse_a_4;
  const V lost = fma(-first, a - (a_4 - V(4.0)), a - (top + V(4.0)));
  const V t = fma(fma(-first, a_4, top) + lost, inverse_a_4, first);
  const V slope = poly_halves(
      t, t * t, -0x1.1df1ad154a28ep-3, 0x1.f7f5df66fddfap-7, 0x1.16ecefcfa532cp-4,
      -0x1.9ddb23c3eb861p-4, 0x1.7fee004e13bf4p-4, -0x1.0fb06dfe18dbdp-4, 0x1.3079edf63c9e5p-5,
      -0x1.0962388c50b01p-6, 0x1.49c672a2e6757p-8, -0x1.8d4a9560c420ap-11, -0x1.a1df4126994c5p-13,
      0x1.3be013815d745p-13, -0x1.995519552860dp-16, -0x1.78853ab3783d7p-17, 0x1.7ef566628587dp-18,
      0x1.3bdb4fcfde85ep-22, -0x1.b7ebfc5d998a2p-21, 0x1.33686d6364333p-24, 0x1.bab52e14bd5d2p-24,
      -0x1.dc2c33a20a8d3p-27, -0x1.4840b6f2ea14ep-27);
  const Twofold<V> level = sum_of(V(1.0), fma(t, slope, V(0x1.dd2c8b74febf6p-3)));
  const V y = level.high * inverse;
  const V y_low = (fma(-y, d, level.high) + fma(-y, d_low, level.low)) * inverse;
  const V series = e.r * e.r * expm1_series(e.r), power = V(1.0) + (e.r + series);
  const V tail = fma(r_low, power, series);  // exp(r + r_low) = 1 + r + tail
  const V rest = fma(y, e.r, fma(y, tail, y_low * power));
  return times_power(y + rest, e.n, e.t);
}
template <OfDouble V>
FN V erf_twofold(V x) {
  const V a = fabs(x);
  return select(a < V(kErfNear), fma(x, erf_series(x * x), x), copysign(V(1.0) - erfc_far(a), x));
}
template <OfDouble V>
FN V erfc_twofold(V x) {
  const V a = fabs(x), tail = erfc_far(a);
  const Twofold<V> rest = sum_of(V(1.0), -x);
  const V near_0 = rest.high + fma(-x, erf_series(x * x), rest.low);
  return select(a < V(kErfNear), near_0, select(x < V(0.0), V(2.0) - tail, tail));
}

}  // namespace grafo::math
