// One struct per elementwise op, named as TensorFlow's op type, with TensorFlow 1.15's CPU
// semantics. A functor's operator() takes values of one type; what it returns follows from its list
// in functor_list.h.
//
// `rare(x)` of a functor tells the arguments its fast() cannot take; loops test a tile for them
// first, so that fast() stays branch-free. Integer division and power are checked by the loop
// (`refuses`); they are defined for every argument all the same.
#pragma once
#include "math/elementary.h"
#if !defined(__CUDACC__)
#include "math/elementary_double.h"
#endif

namespace grafo::math {

// A functor with kVectors also takes the vectors of avx512.h and avx2.h: so many of them at a time.
// One with usual() gives the same by less work where unusual(), which judges vectors as a whole, is false; loops over
// vectors that have no instructions for the other cases test for them, and all of them where there is kTestsAlways.

// --- one argument ---

#define GRAFO_UNARY(name, expression) \
  struct name {                       \
    template <class T>                \
    FN T operator()(T x) const {      \
      return expression;              \
    }                                 \
  };

#define GRAFO_UNARY_VECTORS(at_once, name, expression) \
  struct name {                                        \
    static constexpr int kVectors = at_once;           \
    template <class T>                                 \
    FN T operator()(T x) const {                       \
      return expression;                               \
    }                                                  \
  };

#define GRAFO_UNARY_USUAL(name, expression, test, usual_expression) \
  struct name {                                                     \
    static constexpr int kVectors = 4;                              \
    template <class T>                                              \
    FN T operator()(T x) const {                                    \
      return expression;                                            \
    }                                                               \
    template <class T>                                              \
    FN static bool unusual(T x) {                                   \
      return test;                                                  \
    }                                                               \
    template <class T>                                              \
    FN T usual(T x) const {                                         \
      return usual_expression;                                      \
    }                                                               \
  };

struct Neg {
  template <class T>
  FN T operator()(T x) const {
    if constexpr (OfFloat<T> || OfDouble<T>)
      return -x;
    else
      return T(Wrap<T>(0) - Wrap<T>(x));
  }
};
struct Abs {
  template <class T>
  FN T operator()(T x) const {
    if constexpr (kIsFloat<T>)
      return fabs(x);
    else
      return x < T(0) ? T(Wrap<T>(0) - Wrap<T>(x)) : x;
  }
};
struct Square {
  template <class T>
  FN T operator()(T x) const {
    if constexpr (OfFloat<T> || OfDouble<T>)
      return x * x;
    else
      return T(Wrap<T>(x) * Wrap<T>(x));
  }
};
GRAFO_UNARY(Sign, T(T(x > T(0)) - T(x < T(0))))  // Sign(NaN) is 0
GRAFO_UNARY(Sqrt, sqrt(x))
GRAFO_UNARY(Rsqrt, T(1) / sqrt(x))
GRAFO_UNARY(Reciprocal, T(1) / x)
GRAFO_UNARY(Inv, T(1) / x)
GRAFO_UNARY_USUAL(Exp, exp(x), any_past(x, kExpUsual<T>), exp_within<true>(x))
GRAFO_UNARY_USUAL(ExpMinusAbs, exp_minus_abs(x), any_past(x, kExpUsual<T>), exp_within<true>(minus_abs(x)))
GRAFO_UNARY_VECTORS(4, Expm1, expm1(x))
GRAFO_UNARY_USUAL(Log, log(x), any_abnormal(x), log_normal(x))
GRAFO_UNARY_USUAL(Log1p, log1p(x), any_abnormal(T(1) + x), log1p_normal(x))
GRAFO_UNARY_VECTORS(4, Tanh, tanh(x))
GRAFO_UNARY(Floor, floor(x))
GRAFO_UNARY(Ceil, ceil(x))
GRAFO_UNARY(Rint, rint(x))
GRAFO_UNARY(Relu, at_least(x, T(0)))  // NaN stays
GRAFO_UNARY(Softsign, x / (fabs(x) + T(1)))

// By two stages: end(x, First()(x)).
#define GRAFO_UNARY_STAGES(name, first, last) \
  struct name {                               \
    static constexpr int kVectors = 4;        \
    using First = first;                      \
    template <class V>                        \
    FN V end(V x, V begun) const {            \
      return last(x, begun);                  \
    }                                         \
    template <class V>                        \
    FN V operator()(V x) const {              \
      return end(x, First()(x));              \
    }                                         \
  };
GRAFO_UNARY_STAGES(Softplus, ExpMinusAbs, softplus_of)
GRAFO_UNARY_STAGES(Sigmoid, ExpMinusAbs, sigmoid_of)

struct Relu6 {
  template <class T>
  FN T operator()(T x) const {
    const T y = x < T(0) ? T(0) : x;
    return T(6) < y ? T(6) : y;
  }
};
// Half to even. TensorFlow computes floor(x) + 1 where the fraction is large: a negative that
// rounds to 0 gives +0.
struct Round {
  template <class T>
  FN T operator()(T x) const {
    if constexpr (kIsFloat<T>) {
      const T r = rint(x);
      return r == T(0) && x != T(0) ? T(0) : r;
    } else {
      return x;
    }
  }
};
// expm1 where TensorFlow has exp(x) - 1: the same function without its cancellation.
GRAFO_UNARY_VECTORS(4, Elu, select(x < T(0), expm1(x), x))
inline constexpr double kSeluScale = 1.0507009873554804934193349852946;
inline constexpr double kSeluScaleAlpha = 1.7580993408473768599402175208123;
GRAFO_UNARY_VECTORS(4, Selu, select(x < T(0), T(kSeluScaleAlpha) * expm1(x), T(kSeluScale) * x))

// Whether the functions of doubles are elementary_double.h's.
#if defined(__CUDACC__)
inline constexpr bool kTwofoldOfDoubles = false;
#else
inline constexpr bool kTwofoldOfDoubles = kFmaRoundsOnce;
#endif
#define GRAFO_ELEMENTARY(name, function) \
  struct name {                          \
    static constexpr int kVectors = 2;   \
    template <OfFloat V>                 \
    FN V operator()(V x) const {         \
      return function##_wide(x);         \
    }                                    \
    template <OfDouble V>                \
    FN V operator()(V x) const {         \
      if constexpr (kTwofoldOfDoubles)   \
        return function##_twofold(x);    \
      else                               \
        return function(x);              \
    }                                    \
  };
GRAFO_ELEMENTARY(Asin, asin)
GRAFO_ELEMENTARY(Acos, acos)
GRAFO_ELEMENTARY(Atan, atan)
GRAFO_ELEMENTARY(Sinh, sinh)
GRAFO_ELEMENTARY(Cosh, cosh)
GRAFO_ELEMENTARY(Asinh, asinh)
GRAFO_ELEMENTARY(Acosh, acosh)
GRAFO_ELEMENTARY(Atanh, atanh)
GRAFO_ELEMENTARY(Erf, erf)
GRAFO_ELEMENTARY(Erfc, erfc)

#define GRAFO_PERIODIC(name, function)                   \
  struct name {                                          \
    static constexpr int kVectors = 2;                   \
    template <class T>                                   \
    FN static bool rare(T x) {                           \
      return !(fabs(x) <= T(kTrigLimit));                \
    }                                                    \
    template <class V>                                   \
    FN V fast(V x) const {                               \
      return function##_near(x);                         \
    }                                                    \
    template <class T>                                   \
    FN T operator()(T x) const {                         \
      return rare(x) ? T(function(double(x))) : fast(x); \
    }                                                    \
  };
GRAFO_PERIODIC(Sin, sin)
GRAFO_PERIODIC(Cos, cos)
GRAFO_PERIODIC(Tan, tan)

#define GRAFO_TEST(name, expression) \
  struct name {                      \
    template <class T>               \
    FN bool operator()(T x) const {  \
      return expression;             \
    }                                \
  };
GRAFO_TEST(IsNan, x != x)
GRAFO_TEST(IsInf, fabs(x) == kInfinity<T>)
GRAFO_TEST(IsFinite, fabs(x) < kInfinity<T>)
GRAFO_TEST(LogicalNot, x == T(0))

// --- two arguments ---

#define GRAFO_BINARY(name, expression) \
  struct name {                        \
    template <class T>                 \
    FN T operator()(T x, T y) const {  \
      return expression;               \
    }                                  \
  };
#define GRAFO_BINARY_VECTORS(name, expression) \
  struct name {                                \
    static constexpr int kVectors = 4;         \
    template <class T>                         \
    FN T operator()(T x, T y) const {          \
      return expression;                       \
    }                                          \
  };
#define GRAFO_ARITHMETIC(name, sign)          \
  struct name {                               \
    template <class T>                        \
    FN T operator()(T x, T y) const {         \
      if constexpr (OfFloat<T> || OfDouble<T>) \
        return x sign y;                      \
      else                                    \
        return T(Wrap<T>(x) sign Wrap<T>(y)); \
    }                                         \
  };
GRAFO_ARITHMETIC(Add, +)
GRAFO_ARITHMETIC(AddV2, +)
GRAFO_ARITHMETIC(Sub, -)
GRAFO_ARITHMETIC(Mul, *)
GRAFO_BINARY(SquaredDifference, Square()(Sub()(x, y)))
GRAFO_BINARY(RealDiv, x / y)
GRAFO_BINARY(BitwiseAnd, T(x& y))
GRAFO_BINARY(BitwiseOr, T(x | y))
GRAFO_BINARY(BitwiseXor, T(x ^ y))
// Eigen's scalar_max and scalar_min are std::max and std::min: x where either is NaN.
GRAFO_BINARY(Maximum, x < y ? y : x)
GRAFO_BINARY(Minimum, y < x ? y : x)

// x / y of integers, y not 0 nor -1. Vectors divide floating-point numbers only. Of integers with half their bits or less these
// quotients are whole, or further from the next whole number than they are rounded by.
template <class T>
FN T whole_quotient(T x, T y) {
#if !defined(__CUDACC__)
  if constexpr (sizeof(T) <= 2) return T(i32(float(x) / float(y)));
  if constexpr (sizeof(T) == 4) return T(double(x) / double(y));
#endif
#if defined(__AVX512DQ__)
  if constexpr (sizeof(T) == 8 && kIsSigned<T>) {
    // Of the sizes: a first quotient, that of what it leaves (from -2^12 to |y| + 2^12), and one more or less.
    const i64 x_sign = x >> 63, y_sign = y >> 63;  // all ones of negatives
    const u64 a = u64(x ^ x_sign) - u64(x_sign), b = u64(y ^ y_sign) - u64(y_sign);
    const double inverse = 1.0 / double(b);
    const u64 first = u64(double(a) * inverse);
    const u64 second = u64(i64(double(i64(a - first * b)) * inverse));
    const u64 left = a - (first + second) * b;
    const u64 q = first + second + (i64(left) < 0 ? ~u64(0) : u64(left >= b));
    const u64 sign = u64(x_sign ^ y_sign);
    return T((q ^ sign) - sign);
  }
#endif
  return T(x / y);
}
// Integer quotient and remainder: 0 for a zero divisor (the loop has refused it), and the lowest
// number by -1 wraps instead of trapping.
template <class T>
FN T quotient(T x, T y) {
  const bool simple = y == T(0) || (kIsSigned<T> && y == T(-1));
  const T q = whole_quotient(x, simple ? T(1) : y);
  return simple ? T(Wrap<T>(x) * Wrap<T>(y)) : q;
}
template <class T>
FN T remainder(T x, T y) {
  return y == T(0) ? T(0) : T(Wrap<T>(x) - Wrap<T>(quotient(x, y)) * Wrap<T>(y));
}
struct RefusesZero {
  template <class T>
  FN static bool refuses(T y) {
    return y == T(0);
  }
};
struct TruncateDiv : RefusesZero {
  template <class T>
  FN T operator()(T x, T y) const {
    if constexpr (kIsFloat<T>)
      return x / y;
    else
      return quotient(x, y);
  }
};
struct Div : TruncateDiv {};
struct FloorDiv : RefusesZero {
  template <class T>
  FN T operator()(T x, T y) const {
    if constexpr (kIsFloat<T>) {
      return floor(x / y);
    } else {
      const T q = quotient(x, y);
      const T left = T(Wrap<T>(x) - Wrap<T>(q) * Wrap<T>(y));
      return T(Wrap<T>(q) - Wrap<T>(((left ^ y) < 0) & (left != T(0)) & (y != T(0))));
    }
  }
};
struct TruncateMod : RefusesZero {
  static constexpr bool kTestsAlways = true;
  static constexpr int kVectors = 4;
  template <class T>
  FN T operator()(T x, T y) const {
    if constexpr (OfFloat<T> || OfDouble<T>)
      return fmod(x, y);
    else
      return remainder(x, y);
  }
  template <class V>
  FN static bool unusual(V x, V y) {
    return any_fmod_unusual(x, y);
  }
  template <class V>
  FN V usual(V x, V y) const {
    return fmod_usual(x, y);
  }
};
struct Mod : TruncateMod {};
struct FloorMod : TruncateMod {
  template <class T>
  FN static T floored(T r, T y) {
    if constexpr (!kIsFloat<T> && (OfFloat<T> || OfDouble<T>))
      return select(copysign(r, y) == r, r, r + y);
    else
      return r != T(0) && (y < T(0)) != (r < T(0)) ? T(r + y) : r;
  }
  template <class T>
  FN T operator()(T x, T y) const {
    return floored(TruncateMod()(x, y), y);
  }
  template <class V>
  FN V usual(V x, V y) const {
    return floored(fmod_usual(x, y), y);
  }
};
struct Pow {
  static constexpr bool kTestsAlways = true;
#if defined(__AVX512F__)
  static constexpr int kVectors = 4;
#else
  static constexpr int kVectors = 2;  // each keeps many values
#endif
  template <class T>
  FN static bool refuses(T y) {
    return y < T(0);
  }
  template <OfFloat V>
  FN V operator()(V x, V y) const {
    return pow_wide(x, y);
  }
  template <OfDouble V>
  FN V operator()(V x, V y) const {
    if constexpr (kFmaRoundsOnce)
      return pow_twofold(x, y);
    else
      return pow(x, y);
  }
  template <class V>
  FN static bool unusual(V x, V y) {
    return any_abnormal(x) || any_past(y, kOfFloat<V> ? double(kHighest<float>) : kHighest<double>);
  }
  template <class V>
  FN V usual(V x, V y) const {
    return pow_normal(x, y);
  }
  template <class T>
    requires(!OfFloat<T> && !OfDouble<T>)
  FN T operator()(T x, T y) const {
    Wrap<T> base = Wrap<T>(x), power = 1;
    for (Wrap<T> left = y < T(0) ? 0 : Wrap<T>(y); left != 0; left >>= 1) {
      power = (left & 1) != 0 ? power * base : power;
      base *= base;
    }
    return T(power);
  }
};

GRAFO_BINARY(DivNoNan, y == T(0) ? T(0) : x / y)
GRAFO_BINARY(MulNoNan, y == T(0) ? T(0) : x * y)
GRAFO_BINARY(Xdivy, x == T(0) ? T(0) : x / y)
GRAFO_BINARY_VECTORS(Xlogy, select(x == T(0), T(0), x* log(y)))
struct Atan2 {
  static constexpr int kVectors = 2;
  template <OfFloat V>
  FN V operator()(V y, V x) const {
    return atan2_wide(y, x);
  }
  template <OfDouble V>
  FN V operator()(V y, V x) const {
    if constexpr (kTwofoldOfDoubles)
      return atan2_twofold(y, x);
    else
      return atan2(y, x);
  }
};

#define GRAFO_COMPARE(name, expression)  \
  struct name {                          \
    template <class T>                   \
    FN bool operator()(T x, T y) const { \
      return expression;                 \
    }                                    \
  };
GRAFO_COMPARE(Less, x < y)
GRAFO_COMPARE(LessEqual, x <= y)
GRAFO_COMPARE(Greater, x > y)
GRAFO_COMPARE(GreaterEqual, x >= y)
GRAFO_COMPARE(Equal, x == y)
GRAFO_COMPARE(NotEqual, x != y)
GRAFO_COMPARE(LogicalAnd, (x != T(0)) & (y != T(0)))
GRAFO_COMPARE(LogicalOr, (x != T(0)) | (y != T(0)))

// Gradients, in TensorFlow's argument order: of the output y (SigmoidGrad ... InvGrad), or
// gradients first (ReluGrad ...).
GRAFO_BINARY(SigmoidGrad, y*(x*(T(1) - x)))
GRAFO_BINARY(TanhGrad, y*(T(1) - x * x))
GRAFO_BINARY(ReciprocalGrad, MulNoNan()(-(x* x), y))
GRAFO_BINARY(InvGrad, MulNoNan()(-(x* x), y))
GRAFO_BINARY(SqrtGrad, MulNoNan()(T(0.5) / x, y))
GRAFO_BINARY(RsqrtGrad, MulNoNan()(T(-0.5) * (x * x), MulNoNan()(x, y)))
GRAFO_BINARY(ReluGrad, Mul()(x, T(y > T(0))))
GRAFO_BINARY(Relu6Grad, Mul()(x, T((y > T(0)) & (y < T(6)))))
GRAFO_BINARY(EluGrad, y < T(0) ? (y + T(1)) * x : x)
GRAFO_BINARY(SeluGrad, y < T(0) ? x * (y + T(kSeluScaleAlpha)) : x * T(kSeluScale))
struct SoftplusGrad {
  static constexpr int kVectors = 4;
  template <class T>
  FN T operator()(T x, T y) const {
    return x / (exp(-y) + T(1));
  }
  template <class T>
  FN static bool unusual(T, T y) {
    return any_past(y, kExpUsual<T>);
  }
  template <class T>
  FN T usual(T x, T y) const {
    return x / (exp_within<true>(-y) + T(1));
  }
};
GRAFO_BINARY(SoftsignGrad, x / Square()(fabs(y) + T(1)))

// --- conversion ---

// A float to an integer truncates; what does not fit gives what x86's conversions give (the lowest
// number of the type they go through), here without undefined behaviour.
template <class To, class From>
FN To truncate(From x) {
  // -2^(bits - 1) is exact in both float types, and every smaller float but -2^31 - fraction is
  // past it.
  constexpr From limit = From(Wrap<To>(1) << (8 * sizeof(To) - 1));
  const From whole = trunc(x);
  const bool fits = whole >= -limit && whole < limit;
  return fits ? To(fits ? whole : From(0)) : kLowest<To>;
}
template <class To, class From>
FN To cast(From x) {
  if constexpr (kIsFloat<From> && !kIsFloat<To>) {
    if constexpr (sizeof(To) < 4)
      return To(truncate<i32>(x));
    else if constexpr (!kIsSigned<To> && sizeof(To) == 4)
      return To(truncate<i64>(x));
    else if constexpr (!kIsSigned<To>)
      return x < From(0x1p63) ? To(truncate<i64>(x))
                              : To(truncate<i64>(x - From(0x1p63))) ^ (To(1) << 63);
    else
      return truncate<To>(x);
  } else {
    return To(x);
  }
}

}  // namespace grafo::math
