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

// The C library's functions by the names without suffixes, for both types.
#if defined(__CUDACC__)
#define GRAFO_LIBM(name, builtin) ::builtin
#else
#define GRAFO_LIBM(name, builtin) __builtin_##builtin
#endif
#define GRAFO_LIBM_1(X)                                                                          \
  X(sqrt)                                                                                        \
  X(floor) X(ceil) X(rint) X(trunc) X(fabs) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) \
      X(cosh) X(asinh) X(acosh) X(atanh) X(erf) X(erfc)
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

// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <class T>
FN T poly(T, T c0) {
  return c0;
}
template <class T, class... Rest>
FN T poly(T x, T c0, Rest... rest) {
  return fma(poly(x, rest...), x, c0);
}

}  // namespace grafo::math
