// Loops over vectors give the bits that a functor gives of one element: at every length, in place, and for what a functor's usual
// path leaves to the full one.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

#include "cpu/fused_table.h"
#include "math/functor_list.h"
#include "math/functors.h"
#include "test/check.h"
#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

// Of each kind some: usual numbers in runs that are long enough for a group of vectors, and anything in between.
template <class T>
std::vector<T> numbers(int64_t n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> near(0.01, 3), exponents(-120, 120);
  const double edges[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1.0, -1.0, 1e-40, -1e-40, 5e-324, 88.5, -103.5, 709.5, -745.0, -3.0, 2.0,
                          // On both sides of where the usual ones end, in float and in double.
                          86.0, 86.00001, -87.5, 88.7, -709.5, 710.2, 707.0, 707.0000001, 707.0005, 0x1p-126, 0x1.fffffcp-127,
                          0x1p-1022, 0x1.fp-1023, 0x1.fffffep127,
                          0x1.fffffffffffffp1023, -0x1p-126, -0x1p-1022};
  std::vector<T> made(static_cast<size_t>(n));
  int64_t left = 0;
  int kind = 0;
  for (T& x : made) {
    if (left-- == 0) left = static_cast<int64_t>(random() % 150), kind = static_cast<int>(random() % 4);
    switch (kind == 3 ? random() % 4 : kind) {
      case 0:
        x = static_cast<T>(near(random));
        break;
      case 1:
        x = static_cast<T>(std::exp(exponents(random)) * (random() % 4 == 0 ? -1 : 1));
        break;
      case 2:
        x = static_cast<T>(edges[random() % std::size(edges)]);
        break;
      default: {
        const uint64_t bits = random();
        std::memcpy(&x, &bits, sizeof(T));
      }
    }
  }
  return made;
}

template <class T>
bool same(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0 || (a != a && b != b);
}

template <class T, class Each>
void compare(const char* name, bool binary, const Each& each) {
  const cpu::FunctorRow* row = cpu::find_functor(name);
  const cpu::Loop loop = row->loops[cpu::column_of(sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64)];
  constexpr int64_t kAll = 20011;
  const std::vector<T> x = numbers<T>(kAll, 1), y = numbers<T>(kAll, 2);
  std::vector<T> want(x.size());
  for (size_t i = 0; i < x.size(); ++i) want[i] = each(x[i], y[i]);
  const cpu::Loop streaming = sizeof(T) == 4 ? row->streaming.of_float : row->streaming.of_double;
  const auto check = [&](int64_t from, int64_t n, bool in_place, cpu::Loop loop, size_t offset = 0) {
    std::vector<T> memory(static_cast<size_t>(n) + 1 + offset, T(77));
    T* const made = memory.data() + offset;
    if (in_place) std::copy_n(x.begin() + from, n, made);
    loop(made, in_place ? made : x.data() + from, binary ? y.data() + from : nullptr, nullptr, n);
    for (int64_t i = 0; i < n; ++i)
      EXPECT(same(made[size_t(i)], want[size_t(from + i)]), "%s of %s: %a, %a: %a, not %a; %lld elements", name,
             sizeof(T) == 4 ? "float" : "double", double(x[size_t(from + i)]), double(y[size_t(from + i)]),
             double(made[size_t(i)]), double(want[size_t(from + i)]), (long long)n);
    EXPECT(made[n] == T(77), "%s: past the end of %lld", name, (long long)n);
    for (size_t i = 0; i < offset; ++i) EXPECT(memory[i] == T(77), "%s: before the beginning", name);
  };
  check(0, kAll, false, loop);
  check(0, kAll, true, loop);
  for (int64_t n = 0; n < 140; ++n) check(17 * n, n, n % 2 == 1, loop);
  if (streaming == nullptr) return;
  check(0, kAll, false, streaming);
  for (int64_t n = 0; n < 140; ++n) check(17 * n, n, false, streaming, size_t(n % 17));
}

// Near multiples of the divisor and of those that a quotient cannot hold, of all sizes.
template <class T>
void remainders(DType dtype) {
  constexpr int64_t kAll = 20003;
  std::mt19937_64 random(5);
  std::vector<T> x(kAll), y(kAll), made(kAll);
  const T infinity = std::numeric_limits<T>::infinity();
  for (size_t i = 0; i < x.size(); ++i) {
    const int shift = static_cast<int>(random() % (sizeof(T) == 4 ? 30 : 60));
    y[i] = std::ldexp(static_cast<T>(static_cast<int64_t>(random() % 4000) - 2000), i / 1000 % 2 == 0 ? -7 : -140);
    x[i] = y[i] * static_cast<T>(static_cast<int64_t>(random() >> (63 - shift)) - (int64_t{1} << shift) / 2);
    if (random() % 2 == 0) x[i] = std::nextafter(x[i], random() % 2 == 0 ? infinity : -infinity);
    if (random() % 500 == 0) y[i] = random() % 2 == 0 ? infinity : -infinity;
  }
  const auto check = [&](const char* name, const auto& want) {
    cpu::find_functor(name)->loops[cpu::column_of(dtype)](made.data(), x.data(), y.data(), nullptr, kAll);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT(same(made[i], want(x[i], y[i])), "%s of %a, %a: %a, not %a", name, double(x[i]), double(y[i]), double(made[i]),
             double(want(x[i], y[i])));
  };
  const auto truncated = [](T a, T b) { return std::fmod(a, b); };
  check("TruncateMod", truncated);
  check("Mod", truncated);
  check("FloorMod", [](T a, T b) {
    const T r = std::fmod(a, b);
    return r != 0 && (b < 0) != (r < 0) ? r + b : r;
  });
}

template <class T>
void quotients(DType dtype) {
  constexpr size_t kAll = 20003;
  using U = std::make_unsigned_t<T>;
  const U low = std::is_signed_v<T> ? U(1) << (8 * sizeof(T) - 1) : 0, high = U(low - 1);
  std::mt19937_64 random(6);
  const auto any = [&] {
    const U edges[] = {0, 1, 2, 7, low, high, U(high / 2), U(low / 2), U(high / 3), U(high - 1000), U(uint64_t{1} << 53), U(uint64_t{1} << 31)};
    const U value = random() % 2 == 0 ? edges[random() % std::size(edges)] : U(random());
    return random() % 2 == 0 ? T(U(value + random() % 9 - 4)) : T(T(value) >> random() % (8 * sizeof(T)));
  };
  std::vector<T> x(kAll), y(kAll), made(kAll);
  for (size_t i = 0; i < kAll; ++i) {
    y[i] = any();
    x[i] = random() % 3 == 0 ? T(uint64_t(y[i]) * uint64_t(any()) + random() % 3 - 1) : any();
  }
  const auto check = [&](const char* name, const auto& want) {
    cpu::find_functor(name)->loops[cpu::column_of(dtype)](made.data(), x.data(), y.data(), nullptr, kAll);
    for (size_t i = 0; i < kAll; ++i)
      EXPECT(made[i] == want(x[i], y[i]), "%s of %lld, %lld: %lld", name, (long long)x[i], (long long)y[i], (long long)made[i]);
  };
  // 0 by 0, and what wraps.
  const auto divide = [](T a, T b) { return b == 0 ? T(0) : std::is_signed_v<T> && b == T(-1) ? T(U(0) - U(a)) : T(a / b); };
  const auto left = [=](T a, T b) { return b == 0 ? T(0) : T(uint64_t(a) - uint64_t(divide(a, b)) * uint64_t(b)); };
  const auto apart = [=](T a, T b) { return left(a, b) != 0 && (b < 0) != (left(a, b) < 0); };
  for (const char* name : {"Div", "TruncateDiv"}) check(name, divide);
  for (const char* name : {"Mod", "TruncateMod"}) check(name, left);
  check("FloorDiv", [=](T a, T b) { return T(U(divide(a, b)) - U(apart(a, b))); });
  check("FloorMod", [=](T a, T b) { return apart(a, b) ? T(U(left(a, b)) + U(b)) : left(a, b); });
}

}  // namespace

TEST("Fused: remainders of floats are exact") {
  remainders<float>(DType::kFloat32);
  remainders<double>(DType::kFloat64);
}

TEST("Fused: quotients and remainders of integers, at every edge") {
  quotients<int8_t>(DType::kInt8), quotients<uint8_t>(DType::kUint8), quotients<int16_t>(DType::kInt16);
  quotients<uint16_t>(DType::kUint16), quotients<int32_t>(DType::kInt32), quotients<uint32_t>(DType::kUint32);
  quotients<int64_t>(DType::kInt64), quotients<uint64_t>(DType::kUint64);
}

TEST("Fused: logic of bools is of truth values, whatever their bytes") {
  std::vector<uint8_t> x(65536), y(65536), made(65536);
  for (size_t i = 0; i < x.size(); ++i) x[i] = uint8_t(i), y[i] = uint8_t(i >> 8);
  const auto check = [&](const char* name, const auto& want) {
    for (const int64_t n : {65536, 65521, 7}) {
      cpu::find_functor(name)->loops[cpu::column_of(DType::kBool)](made.data(), x.data(), y.data(), nullptr, n);
      int64_t wrong = 0;
      for (size_t i = 0; i < size_t(n); ++i) wrong += made[i] != want(x[i] != 0, y[i] != 0);
      CHECK_EQ(wrong, 0);
    }
  };
  check("LogicalAnd", [](bool a, bool b) { return a && b; });
  check("LogicalOr", [](bool a, bool b) { return a || b; });
  check("Equal", [](bool a, bool b) { return a == b; });
  check("NotEqual", [](bool a, bool b) { return a != b; });
}

#define GRAFO_COMPARE_UNARY(name, cost)                                               \
  compare<float>(#name, false, [](float x, float) { return math::name()(x); });       \
  compare<double>(#name, false, [](double x, double) { return math::name()(x); });
#define GRAFO_COMPARE_BINARY(name)                                                     \
  compare<float>(#name, true, [](float x, float y) { return math::name()(x, y); });    \
  compare<double>(#name, true, [](double x, double y) { return math::name()(x, y); });

TEST("Fused: vectors give the bits of single elements") {
  GRAFO_COMPARE_UNARY(Neg, 1)
  GRAFO_COMPARE_UNARY(Square, 1)
  GRAFO_COMPARE_UNARY(Sqrt, 1)
  GRAFO_UNARY_EXP_LOG(GRAFO_COMPARE_UNARY)
  GRAFO_UNARY_ELEMENTARY(GRAFO_COMPARE_UNARY)
  GRAFO_UNARY_PERIODIC(GRAFO_COMPARE_UNARY)
  GRAFO_COMPARE_BINARY(Pow)
  GRAFO_COMPARE_BINARY(Atan2)
  GRAFO_COMPARE_BINARY(Xlogy)
  GRAFO_COMPARE_BINARY(SoftplusGrad)
  GRAFO_COMPARE_BINARY(TruncateMod)
  GRAFO_COMPARE_BINARY(FloorMod)
  GRAFO_COMPARE_BINARY(Add)
  GRAFO_COMPARE_BINARY(AddV2)
  GRAFO_COMPARE_BINARY(Sub)
  GRAFO_COMPARE_BINARY(Mul)
  GRAFO_COMPARE_BINARY(RealDiv)
}
