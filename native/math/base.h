// What the element functions are written with: bits, fused multiply-add where the ISA has it,
// polynomials. Freestanding, so that g++, nvcc and NVRTC compile the same text; branch-free, so
// that g++ vectorises the loops around it.
#pragma once

#if defined(__CUDACC__)
#define FN __host__ __device__ __forceinline__
#else
#define FN inline __attribute__((always_inline))
#endif

namespace grafo::math {

using i8 = signed char;
using i16 = short;
using i32 = int;
using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
#if defined(__CUDACC__)
using i64 = long long;
using u64 = unsigned long long;
#else
using i64 = __INT64_TYPE__;
using u64 = __UINT64_TYPE__;
#endif

template <class T>
inline constexpr bool kIsFloat = false;
template <>
inline constexpr bool kIsFloat<float> = true;
template <>
inline constexpr bool kIsFloat<double> = true;

// The unsigned type integer arithmetic is done in, so that it wraps: at least int's width, or it
// would be promoted to int.
template <int bytes>
struct WrapOf {
  using type = u32;
};
template <>
struct WrapOf<8> {
  using type = u64;
};
template <class T>
using Wrap = typename WrapOf<sizeof(T)>::type;

template <class T>
inline constexpr bool kIsSigned = T(-1) < T(0);

template <class T>
inline constexpr T kLowest = kIsSigned<T> ? T(Wrap<T>(1) << (8 * sizeof(T) - 1)) : T(0);
template <class T>
inline constexpr T kHighest = T(~kLowest<T>);
template <>
inline constexpr float kLowest<float> = -0x1.fffffep127f;
template <>
inline constexpr float kHighest<float> = 0x1.fffffep127f;
template <>
inline constexpr double kLowest<double> = -0x1.fffffffffffffp1023;
template <>
inline constexpr double kHighest<double> = 0x1.fffffffffffffp1023;

template <class T>
inline constexpr T kInfinity = T(0);
template <>
inline constexpr float kInfinity<float> = __builtin_bit_cast(float, 0x7f800000u);
template <>
inline constexpr double kInfinity<double> = __builtin_bit_cast(double, u64(0x7ff0000000000000));
template <class T>
inline constexpr T kNaN = T(0);
template <>
inline constexpr float kNaN<float> = __builtin_bit_cast(float, 0x7fc00000u);
template <>
inline constexpr double kNaN<double> = __builtin_bit_cast(double, u64(0x7ff8000000000000));

FN u32 to_bits(float x) { return __builtin_bit_cast(u32, x); }
FN u64 to_bits(double x) { return __builtin_bit_cast(u64, x); }
FN float from_bits(u32 x) { return __builtin_bit_cast(float, x); }
FN double from_bits(u64 x) { return __builtin_bit_cast(double, x); }

// a * b + c. Bits are promised per ISA level, and a level has the instruction or has it not.
#if defined(__CUDACC__)
FN float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
FN double fma(double a, double b, double c) { return ::fma(a, b, c); }
#elif defined(__FMA__) || defined(__ARM_FEATURE_FMA)
FN float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
FN double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
FN float fma(float a, float b, float c) { return a * b + c; }
FN double fma(double a, double b, double c) { return a * b + c; }
#endif

// Whether fma rounds once, which what is computed in two parts rests on.
#if defined(__CUDACC__) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
inline constexpr bool kFmaRoundsOnce = true;
#else
inline constexpr bool kFmaRoundsOnce = false;
#endif

// The C library's functions by the names without suffixes, for both types.
#if defined(__CUDACC__)
#define GRAFO_LIBM(name, builtin) ::builtin
#else
#define GRAFO_LIBM(name, builtin) __builtin_##builtin
#endif
#define GRAFO_LIBM_1(X) \
  X(sqrt)               \
  X(floor)              \
  X(ceil)               \
  X(rint)               \
  X(trunc)              \
  X(fabs)               \
  X(sin)                \
  X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(asinh) X(acosh) X(atanh) X(erf) X(erfc)
#define GRAFO_LIBM_2(X) X(copysign) X(fmod) X(pow) X(atan2)
#define GRAFO_WRAP(name)                                          \
  FN float name(float x) { return GRAFO_LIBM(name, name##f)(x); } \
  FN double name(double x) { return GRAFO_LIBM(name, name)(x); }
GRAFO_LIBM_1(GRAFO_WRAP)
#undef GRAFO_WRAP
#define GRAFO_WRAP(name)                                                      \
  FN float name(float x, float y) { return GRAFO_LIBM(name, name##f)(x, y); } \
  FN double name(double x, double y) { return GRAFO_LIBM(name, name)(x, y); }
GRAFO_LIBM_2(GRAFO_WRAP)
#undef GRAFO_WRAP

// What a function of one element is written over: float and double, and on processors that have
// them vectors of either (avx512.h), for which these primitives have instructions of their own.
template <class V>
inline constexpr bool kOfFloat = false;
template <>
inline constexpr bool kOfFloat<float> = true;
template <class V>
inline constexpr bool kOfDouble = false;
template <>
inline constexpr bool kOfDouble<double> = true;
template <class V>
concept OfFloat = kOfFloat<V>;
template <class V>
concept OfDouble = kOfDouble<V>;

inline constexpr float kRoundFloat = 0x1.8p23f;
inline constexpr double kRoundDouble = 0x1.8p52;

template <class T>
FN T select(bool condition, T x, T y) {
  return condition ? x : y;
}
template <class T>
FN T only_where(bool condition, T x) {
  return condition ? x : T(0);
}
template <class T>
FN T add_where(bool condition, T x, T y) {
  return condition ? x + y : x;
}
// Bounds that NaN passes, and the lesser of two, which is y where one is NaN.
template <class T>
FN T at_least(T x, T low) {
  return low > x ? low : x;
}
template <class T>
FN T at_most(T x, T high) {
  return high < x ? high : x;
}
template <class T>
FN T lesser(T x, T y) {
  return x < y ? x : y;
}
// x with s's sign, where x has it already or none.
FN float with_sign(float x, float s) { return from_bits(to_bits(x) | (to_bits(s) & 0x80000000u)); }
FN double with_sign(double x, double s) {
  return from_bits(to_bits(x) | (to_bits(s) & (u64(1) << 63)));
}

FN float minus_abs(float x) { return -fabs(x); }
FN double minus_abs(double x) { return -fabs(x); }
// By the sign of x; either where x is 0 or NaN.
template <class T>
FN T by_sign(T x, T positive, T negative) {
  return x >= T(0) ? positive : negative;
}

// x * 2^n for |n| < 250 (2000), rounded once. t is n + kRoundFloat (kRoundDouble), which has n in
// its low bits.
FN float times_power(float x, float, float t) {
  const i32 n = i32(to_bits(t) - to_bits(kRoundFloat));
  const i32 half = n >> 1;
  return x * from_bits(u32(half + 127) << 23) * from_bits(u32(n - half + 127) << 23);
}
FN double times_power(double x, double, double t) {
  // Unsigned because AVX2 has no arithmetic shift of 64 bits.
  const u64 n_2048 = to_bits(t) - to_bits(kRoundDouble) + 2048;
  const u64 half = n_2048 >> 1;
  return x * from_bits((half - 1) << 52) * from_bits((n_2048 - half - 1) << 52);
}
// x * 2^n for -127 < n < 128 (-1023 < n < 1024) where it is a normal number. NaN stays.
FN float times_normal_power(float x, float, float t) {
  return x * from_bits((to_bits(t) << 23) + to_bits(1.0f));
}
FN double times_normal_power(double x, double, double t) {
  return x * from_bits((to_bits(t) << 52) + to_bits(1.0));
}
// The same for an x that is a normal number; of NaN anything.
FN float add_power(float x, float t) { return from_bits(to_bits(x) + (to_bits(t) << 23)); }
FN double add_power(double x, double t) { return from_bits(to_bits(x) + (to_bits(t) << 52)); }

// x = 2^k m for a positive x, m in [sqrt(1/2), sqrt(2)); of others what log_edges puts right.
template <class V>
struct Split {
  V k, m;
};
FN Split<float> split(float x) {
  const bool tiny = x < 0x1p-126f;
  const u32 bits = to_bits(tiny ? x * 0x1p23f : x) - 0x3f3504f3u;
  return {float(i32(bits) >> 23) - (tiny ? 23.0f : 0.0f),
          from_bits((bits & 0x007fffffu) + 0x3f3504f3u)};
}
FN Split<double> split(double x) {
  constexpr u64 least = u64(0x3fe6a09e667f3bcd);
  const bool tiny = x < 0x1p-1022;
  // k + 1024 on top, positive
  const u64 bits = to_bits(tiny ? x * 0x1p54 : x) - least + (u64(1024) << 52);
  const double k = from_bits((bits >> 52) | u64(0x4330000000000000)) - (0x1p52 + 1024.0);
  return {k - (tiny ? 54.0 : 0.0), from_bits((bits & u64(0x000fffffffffffff)) + least)};
}
// Of a normal number.
FN Split<float> split_normal(float x) {
  const u32 bits = to_bits(x) - 0x3f3504f3u;
  return {float(i32(bits) >> 23), from_bits((bits & 0x007fffffu) + 0x3f3504f3u)};
}
FN Split<double> split_normal(double x) {
  constexpr u64 least = u64(0x3fe6a09e667f3bcd);
  const u64 bits = to_bits(x) - least + (u64(1024) << 52);
  const double k = from_bits((bits >> 52) | u64(0x4330000000000000)) - (0x1p52 + 1024.0);
  return {k, from_bits((bits & u64(0x000fffffffffffff)) + least)};
}
// 1 + x as 2^k (m + lost): rounded, and what that took. Of no use where x is not more than -1 and
// finite.
template <class V>
struct Plus1 {
  V sum, k, m, lost;
};
FN Plus1<float> plus_1(float x) {
  const float high = x > 1.0f ? x : 1.0f, low = x > 1.0f ? 1.0f : x;
  const float sum = high + low;
  const i32 k = i32(to_bits(sum) - 0x3f3504f3u) >> 23;
  // What is far below high is 0. Where k is not 0, low is no denormal.
  const i32 k_low = k > 127 ? 127 : k;
  const float m = from_bits(to_bits(sum) - (u32(k) << 23));
  const float a = from_bits(to_bits(high) - (u32(k) << 23));
  const float b = from_bits(to_bits(low) - (u32(k_low) << 23));
  return {sum, float(k), m, b - (m - a)};
}
FN Plus1<double> plus_1(double x) {
  const double high = x > 1.0 ? x : 1.0, low = x > 1.0 ? 1.0 : x;
  const double sum = high + low;
  // k + 1024 on top, positive
  const u64 shifted = (to_bits(sum) - u64(0x3fe6a09e667f3bcd) + (u64(1024) << 52)) >> 52;
  const u64 k_low = shifted > 2047 ? 2047 : shifted;
  const double m = from_bits(to_bits(sum) - ((shifted - 1024) << 52));
  const double a = from_bits(to_bits(high) - ((shifted - 1024) << 52));
  const double b = from_bits(to_bits(low) - ((k_low - 1024) << 52));
  return {sum, from_bits(shifted | u64(0x4330000000000000)) - (0x1p52 + 1024.0), m, b - (m - a)};
}
// The logarithm of x, where `result` is that of a positive finite one.
template <class T>
FN T log_edges(T x, T result) {
  const T edge = x == T(0) ? -kInfinity<T> : x > T(0) ? x : kNaN<T>;
  return x > T(0) && x < kInfinity<T> ? result : edge;
}

// Of an integer n in the low bits of t = n + kRoundDouble: x or, where n is even, y; x with another
// sign where n is odd, and where it has its second bit.
FN double select_odd(double t, double x, double y) {
  const u64 mask = 0 - (to_bits(t) & 1);
  return from_bits((to_bits(x) & mask) | (to_bits(y) & ~mask));
}
FN double negate_odd(double x, double t) { return from_bits(to_bits(x) ^ (to_bits(t) << 63)); }
FN double negate_half_turn(double x, double t) {
  return from_bits(to_bits(x) ^ ((to_bits(t) & 2) << 62));
}

// Between a function of floats and one of doubles.
FN double widen(float x) { return x; }
FN float narrow(double x) { return float(x); }

// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <class V, class C>
FN V poly(V, C c0) {
  return V(c0);
}
template <class V, class C, class... Rest>
FN V poly(V x, C c0, Rest... rest) {
  return fma(poly(x, rest...), x, V(c0));
}

// c0 + c2 xx + c4 xx^2 + ...
template <class V, class C>
FN V poly_even(V, C c0) {
  return V(c0);
}
template <class V, class C>
FN V poly_even(V, C c0, C) {
  return V(c0);
}
template <class V, class C, class... Rest>
FN V poly_even(V xx, C c0, C, Rest... rest) {
  return fma(poly_even(xx, rest...), xx, V(c0));
}
// poly by even and odd powers, which do not wait for each other; xx is x * x.
template <class V, class C, class... Rest>
FN V poly_halves(V x, V xx, C c0, Rest... rest) {
  return fma(poly_even(xx, rest...), x, poly_even(xx, c0, rest...));
}

}  // namespace grafo::math
