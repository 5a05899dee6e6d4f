// Measures the float functors against the C library's double functions, in ulps, over every 1021st
// float (every 127th with --all), and the double ones against long double over random arguments.
// Fails where a bound or a NaN/Inf class is missed. `--ulp NAME` takes all 2^32 floats and prints
// what it finds.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

#include "math/functors.h"
#include "test/ulp.h"

namespace {

using namespace grafo;

const char* g_only = nullptr;  // the one functor that is scanned, over all floats

uint64_t stride() {
  if (g_only != nullptr) return 1;
  return test::full ? 127 : 1021;
}

// Distance of `got` from the exact `want`, in units of the last place of a float (double) at
// `want`.
template <class T, class Exact>
double ulps(T got, Exact want, bool* class_differs) {
  const T rounded = static_cast<T>(want);
  if (std::isnan(want) || std::isnan(got)) {
    *class_differs = std::isnan(want) != std::isnan(got);
    return 0;
  }
  if (std::isinf(rounded) || std::isinf(got)) {
    *class_differs = !(rounded == got);
    return 0;
  }
  int exponent;
  std::frexp(want, &exponent);
  constexpr int digits = sizeof(T) == 4 ? 24 : 53;
  constexpr int least = sizeof(T) == 4 ? -149 : -1074;
  const int unit = want == 0 || exponent - digits < least ? least : exponent - digits;
  return static_cast<double>(std::fabs(static_cast<Exact>(got) - want) /
                             std::ldexp(Exact(1), unit));
}

struct Worst {
  double ulp = 0;
  double at = 0, second = 0;
  long classes = 0;
  double class_at = 0;

  template <class T, class Exact>
  void add(T got, Exact want, double x, double y = 0) {
    bool differs = false;
    const double error = ulps(got, want, &differs);
    if (differs && classes++ == 0) class_at = x, second = y;
    if (error > ulp) ulp = error, at = x, second = y;
  }
  void report(const char* name, const char* type, double bound) const {
    char line[256];
    std::snprintf(
        line, sizeof line,
        "%-12s %-6s %7.3f ulp at %.9g, %.9g; bound %.1f; %ld NaN or Inf differ, first at %.9g",
        name, type, ulp, at, second, bound, classes, class_at);
    if (g_only != nullptr) std::printf("%s\n", line);
    if (ulp > bound || classes != 0) test::fail(__FILE__, __LINE__, line);
  }
};

// Loops take `fast` where no element of a tile is rare: it must not differ there.
template <class Functor>
bool is_fast_the_same(float x) {
  if constexpr (requires { static_cast<bool (*)(float)>(&Functor::rare); }) {
    const float slow = Functor()(x), fast = Functor().fast(x);
    return Functor::rare(x) || std::memcmp(&slow, &fast, sizeof slow) == 0 || (slow != slow && fast != fast);
  } else {
    return true;
  }
}

// Loops take vectors where the processor has what they are written with, and end in part of one:
// each element must be what the functor gives of it alone.
template <class T>
struct Batch {
  static constexpr int kItems = 16;
  T x[kItems];
  int filled = 0;

  template <class Functor>
  bool are_vectors_the_same() {
    bool same = true;
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    using V = std::conditional_t<sizeof(T) == 4, math::F32x16, math::F64x8>;
    if constexpr (requires(V v) { Functor()(v); }) {
      const auto apply = [](V v) {
        if constexpr (requires { Functor().fast(v); })
          return Functor().fast(v);
        else
          return Functor()(v);
      };
      T y[kItems];
      for (int i = 0; i < filled; i += V::kLanes) {
        const int n = std::min(filled - i, V::kLanes);
        if (n == V::kLanes)
          math::store(y + i, apply(math::load(x + i)));
        else
          math::store(y + i, apply(math::load(x + i, n)), n);
      }
      for (int i = 0; i < filled; ++i) {
        const T alone = Functor()(x[i]);
        same &= std::memcmp(&alone, y + i, sizeof alone) == 0 || (alone != alone && y[i] != y[i]);
      }
    }
#endif
    filled = 0;
    return same;
  }
  template <class Functor>
  bool add(T item) {
    if constexpr (requires { Functor::rare(item); }) {
      if (Functor::rare(item)) return true;
    }
    x[filled++] = item;
    return filled < kItems || are_vectors_the_same<Functor>();
  }
};

template <class Functor, class Reference>
void scan(const char* name, double bound, Reference reference) {
  if (g_only != nullptr && std::strcmp(g_only, name) != 0) return;
  Worst worst;
  Batch<float> batch;
  bool same = true;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += stride()) {
    const uint32_t word = static_cast<uint32_t>(bits);
    float x;
    std::memcpy(&x, &word, 4);
    worst.add(Functor()(x), static_cast<double>(reference(static_cast<double>(x))), x);
    if (!is_fast_the_same<Functor>(x)) test::fail(__FILE__, __LINE__, std::string(name) + ": fast differs");
    same &= batch.add<Functor>(x);
  }
  for (float x :
       {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1.0f, -1.0f, 0x1p-149f, -0x1p-149f, 0x1.fffffep127f,
        -0x1.fffffep127f, 88.7228394f, 88.722832f, -103.972076f, -103.97208f, 0x1p-126f}) {
    worst.add(Functor()(x), static_cast<double>(reference(static_cast<double>(x))), x);
    same &= batch.add<Functor>(x);
  }
  same &= batch.are_vectors_the_same<Functor>();
  if (!same) test::fail(__FILE__, __LINE__, std::string(name) + ": vectors differ");
  worst.report(name, "float", bound);
}

// Where there is no fma that rounds once, or a GPU's kernels run, these are the C library's, with
// its own errors.
constexpr double own(double bound) { return math::kTwofoldOfDoubles ? bound : 4; }

// Also from low to high, and 2^-50 to 1 beside each of them.
template <class Functor, class Reference>
void sample(const char* name, double bound, Reference reference, double low = -30,
            double high = 30) {
  Worst worst;
  Batch<double> batch;
  bool same = true;
  std::mt19937_64 random(1);
  for (int i = 0; i < 400000; ++i) {
    const uint64_t word = random();
    double x;
    if (i % 4 == 0)
      std::memcpy(&x, &word, 8);
    else if (i % 4 == 1)
      x = low + (high - low) * (static_cast<double>(word) / 0x1p64);
    else if (i % 8 == 2)
      x = word % 2 == 0 ? low + std::ldexp(static_cast<double>(word) / 0x1p64,
                                           -static_cast<int>(random() % 50))
                        : high - std::ldexp(static_cast<double>(word) / 0x1p64,
                                            -static_cast<int>(random() % 50));
    else
      x = std::ldexp(static_cast<double>(word) / 0x1p63 - 1, static_cast<int>(random() % 14) - 4);
    worst.add(Functor()(x), reference(static_cast<long double>(x)), x);
    same &= batch.add<Functor>(x);
  }
  for (double x :
       {0.0, -0.0, (double)INFINITY, -(double)INFINITY, (double)NAN, 1.0, -1.0, 0x1p-1074,
        -0x1p-1074, 0x1.fffffffffffffp1023, 709.782712893384, 709.7827128933841, -745.1332191019411,
        -745.1332191019412, 0x1p-1022, -0x1p-60,
        // Where sinh and cosh end, and erfc; and on both sides of where other ways to a result
        // begin.
        710.4758600739439, 710.475860073944, -710.4758600739439, -710.475860073944, 26.5, 26.543,
        27.226, 27.3, -27.3, 0.5, 0.6, 0.8, 0x1.a827999fcef32p-2, 0x1.3504f333f9de6p+1, 0x1p28,
        0x1.fffffffffffffp27, 0x1p511, 0x1p513, 0x1.fffffffffffffp-1, -0x1.fffffffffffffp-1,
        0x1.0000000000001p0, -0x1p-28, 0x1.5f619980c4337p-3}) {
    worst.add(Functor()(x), reference(static_cast<long double>(x)), x);
    same &= batch.add<Functor>(x);
  }
  same &= batch.are_vectors_the_same<Functor>();
  if (!same) test::fail(__FILE__, __LINE__, std::string(name) + ": vectors differ");
  worst.report(name, "double", bound);
}

// Of two arguments: the vectors' results are those of single elements.
template <class Functor, class T>
bool are_pairs_the_same(const T* x, const T* y) {
  bool same = true;
#if defined(__AVX512F__) && defined(__AVX512DQ__)
  constexpr int kLanes = 64 / sizeof(T);
  T z[kLanes];
  math::store(z, Functor()(math::load(x), math::load(y)));
  for (int i = 0; i < kLanes; ++i) {
    const T alone = Functor()(x[i], y[i]);
    same &= std::memcmp(&alone, z + i, sizeof alone) == 0 || (alone != alone && z[i] != z[i]);
  }
#else
  (void)x, (void)y;
#endif
  return same;
}

void scan_pairs(long n) {
  Worst worst;
  std::mt19937_64 random(2);
  const float special[] = {0.0f,
                           -0.0f,
                           INFINITY,
                           -INFINITY,
                           NAN,
                           1.0f,
                           -1.0f,
                           2.0f,
                           -2.0f,
                           3.0f,
                           -3.0f,
                           0.5f,
                           -0.5f,
                           1.5f,
                           -2.5f,
                           0x1p-149f,
                           -0x1p-149f,
                           0x1.fffffep127f,
                           -0x1.fffffep127f,
                           16777217.0f,
                           16777215.0f,
                           -16777215.0f};
  bool same = true;
  float xs[16], ys[16];
  long filled = 0;
  const auto compare = [&](float x, float y) {
    xs[filled % 16] = x, ys[filled % 16] = y;
    if (++filled % 16 == 0)
      same &= are_pairs_the_same<math::Pow>(xs, ys) && are_pairs_the_same<math::Atan2>(xs, ys);
  };
  for (float x : special)
    for (float y : special) {
      compare(x, y);
      worst.add(math::Pow()(x, y), std::pow((double)x, (double)y), x, y);
      const float got = math::Pow()(x, y), want = (float)std::pow((double)x, (double)y);
      if (!std::isnan(want) && std::signbit(got) != std::signbit(want)) CHECK(false);
      const float angle = math::Atan2()(x, y), exact = (float)std::atan2((double)x, (double)y);
      if (std::isnan(angle) != std::isnan(exact) ||
          (!std::isnan(exact) &&
           (std::fabs(angle - exact) > 1e-6f || std::signbit(angle) != std::signbit(exact))))
        CHECK(false);
    }
  Worst angle;
  for (long i = 0; i < n; ++i) {
    const uint64_t word = random();
    const uint32_t bits = static_cast<uint32_t>(word);
    float x, y = std::ldexp(static_cast<float>(word >> 32) / 0x1p31f - 1,
                            static_cast<int>(random() % 20) - 8);
    std::memcpy(&x, &bits, 4);
    if (i % 3 == 0)
      x = 1.0f +
          std::ldexp(static_cast<float>(bits) / 0x1p32f - 0.5f, -static_cast<int>(random() % 12));
    if (i % 5 == 0) y = std::rint(y);
    compare(x, y);
    worst.add(math::Pow()(x, y), std::pow((double)x, (double)y), x, y);
    angle.add(math::Atan2()(x, y), std::atan2((double)x, (double)y), x, y);
  }
  CHECK(same);
  worst.report("Pow", "float", 2);
  angle.report("Atan2", "float", 2);
}

// In all quadrants, of all sizes, and of sizes beside each other.
void sample_angles(long n) {
  Worst worst;
  std::mt19937_64 random(3);
  const double special[] = {0.0,
                            -0.0,
                            INFINITY,
                            -INFINITY,
                            NAN,
                            1.0,
                            -1.0,
                            3.0,
                            -0.5,
                            0x1p-1074,
                            -0x1p-1074,
                            0x1p-1022,
                            0x1p-1000,
                            0x1.fffffffffffffp1023,
                            -0x1.fffffffffffffp1023,
                            0x1p400,
                            0x1p-400,
                            0x1.a827999fcef32p-2,
                            -0x1p600};
  for (double y : special)
    for (double x : special) {
      const double got = math::Atan2()(y, x);
      const long double want = std::atan2(static_cast<long double>(y), static_cast<long double>(x));
      worst.add(got, want, y, x);
      CHECK(want != want || std::signbit(got) == std::signbit(want));
    }
  bool same = true;
  double ys[8], xs[8];
  for (long i = 0; i < n; ++i) {
    const uint64_t a = random(), b = random();
    double y, x = static_cast<double>(static_cast<int64_t>(b)) * 0x1p-63;
    std::memcpy(&y, &a, 8);
    if (i / 8 % 4 == 0) std::memcpy(&x, &b, 8);
    if (i / 8 % 4 == 1) x *= y * 8;
    if (i / 8 % 4 >= 2)
      y = std::ldexp(static_cast<double>(static_cast<int64_t>(a)) * 0x1p-63,
                     static_cast<int>(random() % 60) - 30);
    ys[i % 8] = y, xs[i % 8] = x;
    if (i % 8 == 7) same &= are_pairs_the_same<math::Atan2>(ys, xs);
    worst.add(math::Atan2()(y, x),
              std::atan2(static_cast<long double>(y), static_cast<long double>(x)), y, x);
  }
  CHECK(same);
  worst.report("Atan2", "double", own(1.0));
}

#define REF(expression) [](auto x) { return expression; }

void scan_floats() {
  scan<math::Exp>("Exp", 1.0, REF(std::exp(x)));
  scan<math::Log>("Log", 1.0, REF(std::log(x)));
  scan<math::Tanh>("Tanh", 2.0, REF(std::tanh(x)));
  scan<math::Sigmoid>("Sigmoid", 2.0,
                      REF(x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x))));
  scan<math::Expm1>("Expm1", 1.0, REF(std::expm1(x)));
  scan<math::Log1p>("Log1p", 1.0, REF(std::log1p(x)));
  scan<math::Softplus>("Softplus", 2.0, REF(x > 50 ? x : std::log1p(std::exp(x))));
  scan<math::Elu>("Elu", 2.0, REF(x < 0 ? std::expm1(x) : x));
  // By the floats of its factors, as TensorFlow: beside the largest float the others' product overflows one float earlier or later.
  scan<math::Selu>("Selu", 2.0,
                   REF(x < 0 ? float(math::kSeluScaleAlpha) * std::expm1(x) : float(math::kSeluScale) * x));
  scan<math::Softsign>("Softsign", 2.0, REF(std::isinf(x) ? x / x : x / (std::fabs(x) + 1)));
  scan<math::Sqrt>("Sqrt", 0.5, REF(std::sqrt(x)));
  scan<math::Rsqrt>("Rsqrt", 2.0, REF(1 / std::sqrt(x)));
  scan<math::Reciprocal>("Reciprocal", 0.5, REF(1 / x));
  scan<math::Sin>("Sin", 1.0, REF(std::sin(x)));
  scan<math::Cos>("Cos", 1.0, REF(std::cos(x)));
  scan<math::Tan>("Tan", 1.0, REF(std::tan(x)));
  scan<math::Asin>("Asin", 1.0, REF(std::asin(x)));
  scan<math::Acos>("Acos", 1.0, REF(std::acos(x)));
  scan<math::Atan>("Atan", 1.0, REF(std::atan(x)));
  scan<math::Sinh>("Sinh", 1.0, REF(std::sinh(x)));
  scan<math::Cosh>("Cosh", 1.0, REF(std::cosh(x)));
  scan<math::Asinh>("Asinh", 1.0, REF(std::asinh(x)));
  scan<math::Acosh>("Acosh", 1.0, REF(std::acosh(x)));
  scan<math::Atanh>("Atanh", 1.0, REF(std::atanh(x)));
  scan<math::Erf>("Erf", 1.5, REF(std::erf(x)));
  scan<math::Erfc>("Erfc", 1.0, REF(std::erfc(x)));
}

}  // namespace

int grafo::test::scan_all_floats(const char* functor) {
  g_only = functor;
  scan_floats();
  g_only = nullptr;
  return failures;
}

TEST("Functors of float: within their ulp bounds, the same NaN and Inf as the reference") {
  scan_floats();
}

TEST("Pow and Atan2 of float: within their bounds, signs and special values by Annex F") {
  scan_pairs(test::full ? 20000000 : 2000000);
}

TEST("Functors of double: within their ulp bounds") {
  sample<math::Exp>("Exp", 1.0, REF(std::exp(x)));
  sample<math::Log>("Log", 1.0, REF(std::log(x)));
  sample<math::Tanh>("Tanh", 2.5, REF(std::tanh(x)));
  sample<math::Sigmoid>("Sigmoid", 2.0,
                        REF(x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x))));
  sample<math::Expm1>("Expm1", 2.0, REF(std::expm1(x)));
  sample<math::Log1p>("Log1p", 2.0, REF(std::log1p(x)));
  sample<math::Softplus>("Softplus", 2.0, REF(x > 100 ? x : std::log1p(std::exp(x))));
  sample<math::Sin>("Sin", 1.0, REF(std::sin(x)));
  sample<math::Cos>("Cos", 1.0, REF(std::cos(x)));
  sample<math::Tan>("Tan", math::kFmaRoundsOnce ? 1.25 : 2.0, REF(std::tan(x)));
  sample<math::Asin>("Asin", own(0.75), REF(std::asin(x)), -1, 1);
  sample<math::Acos>("Acos", own(0.75), REF(std::acos(x)), -1, 1);
  sample<math::Atan>("Atan", own(0.9), REF(std::atan(x)), -3, 3);
  sample<math::Sinh>("Sinh", own(0.95), REF(std::sinh(x)), -710.4, 710.4);
  sample<math::Cosh>("Cosh", own(0.9), REF(std::cosh(x)), -710.4, 710.4);
  sample<math::Asinh>("Asinh", own(0.75), REF(std::asinh(x)), -8, 8);
  sample<math::Acosh>("Acosh", own(0.75), REF(std::acosh(x)), 1, 9);
  sample<math::Atanh>("Atanh", own(0.75), REF(std::atanh(x)), -1, 1);
  sample<math::Erf>("Erf", own(1.0), REF(std::erf(x)), -6, 6);
  sample<math::Erfc>("Erfc", own(1.25), REF(std::erfc(x)), -6, 27.3);
}

TEST("Functors of double: exact values and signs") {
  const double pi = math::kPi, most = 0x1.fffffffffffffp1023;
  CHECK(math::Asin()(1.0) == pi / 2 && math::Asin()(-1.0) == -pi / 2);
  CHECK(math::Acos()(-1.0) == pi && math::Acos()(0.0) == pi / 2 && math::Acos()(1.0) == 0 &&
        !std::signbit(math::Acos()(1.0)));
  CHECK(math::Atan()(double(INFINITY)) == pi / 2 && math::Atan()(-most) == -pi / 2 &&
        math::Atan()(1.0) == pi / 4);
  CHECK(math::Acosh()(1.0) == 0 && !std::signbit(math::Acosh()(1.0)));
  CHECK(math::Atanh()(1.0) == INFINITY && math::Atanh()(-1.0) == -INFINITY);
  CHECK(math::Cosh()(0.0) == 1 && math::Cosh()(710.475860073944) == INFINITY &&
        math::Cosh()(-710.4758600739439) < INFINITY);
  CHECK(math::Sinh()(-710.475860073944) == -INFINITY && math::Sinh()(710.4758600739439) < INFINITY);
  CHECK(math::Erfc()(27.3) == 0 && math::Erfc()(26.6) > 0 && math::Erfc()(-7.0) == 2 &&
        math::Erfc()(0.0) == 1);
  CHECK(math::Erf()(6.0) == 1 && math::Erf()(-double(INFINITY)) == -1);
  CHECK(math::Atan2()(-0.0, -1.0) == -pi && math::Atan2()(1.0, -0.0) == pi / 2 &&
        math::Atan2()(-1.0, -1.0) == -0.75 * pi);
  // Odd and even functions are so to the bit, -0 among their arguments.
  std::mt19937_64 random(4);
  for (int i = 0; i < 100000; ++i) {
    const double x = i < 2 ? 0x1p-1074 * i
                           : std::ldexp(static_cast<double>(random()) * 0x1p-64,
                                        static_cast<int>(random() % 40) - 34);
    const auto is_odd = [x](auto f) {
      const double a = f(x), b = -f(-x);
      return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
    };
    CHECK(is_odd(math::Asin()) && is_odd(math::Atan()) && is_odd(math::Sinh()) &&
          is_odd(math::Asinh()) && is_odd(math::Atanh()) && is_odd(math::Erf()));
    CHECK(math::Cosh()(x) == math::Cosh()(-x));
  }
}

TEST("Atan2 of double: within its bound, signs and special values by Annex F") {
  sample_angles(test::full ? 20000000 : 400000);
}
