// max(x, 0) - x z + log(exp(-|x|) + y), or log1p(exp(-|x|)), as one instruction: the bits of its functions one after the other, whatever y is and
// wherever the result lies; and the two functions that are short where y is 1.
#include <cmath>
#include <iterator>
#include <random>

#include "math/functors.h"
#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

// kNone: log1p.
enum class Added { kOne, kAnother, kColumn, kOnes, kMixed, kNone };

template <class T>
T one_by_one(T x, T z, T y, Added added) {
  const T power = math::Exp()(math::Neg()(math::Abs()(x)));
  const T log = added == Added::kNone ? math::Log1p()(power) : math::Log()(math::Add()(power, y));
  return math::Add()(math::Sub()(math::Relu()(x), math::Mul()(x, z)), log);
}

// `over`: the input that the result lies over, 3 for none.
template <class T>
void same_bits(int64_t rows, int64_t columns, Added added, int over, int threads) {
  const DType type = sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64;
  const bool scalar = added == Added::kOne || added == Added::kAnother, column = added == Added::kColumn;
  Value x = value(type, {rows, columns}), z = x, out = x;
  Value y = scalar ? value(type, {}) : column ? value(type, {rows, 1}) : value(type, {rows, columns});
  std::mt19937 random(7);
  const T edges[] = {T(0), -T(0), T(NAN), T(INFINITY), -T(INFINITY), T(1e-40), T(17.5), T(-86.5), T(104), T(-707.5), T(0.8813736)};
  for (int64_t i = 0; i < rows * columns; ++i) {
    x.data<T>()[i] = i % 7 == 0 ? edges[random() % std::size(edges)] : T(random() % 40001) / 1000 - 20;
    z.data<T>()[i] = T(random() % 3) / 2;
  }
  // Ones but at the edges of blocks and in the middle of one.
  for (int64_t i = 0; i < y.desc.size; ++i)
    y.data<T>()[i] = added == Added::kAnother                             ? T(1.75)
                     : column                                            ? (i % 3 == 1 ? T(0.5) : T(1))
                     : added == Added::kMixed && (i % 1024 > 1021 || i == 0 || i == 3333) ? T(2)
                                                                         : T(1);
  const std::vector<T> xs(x.data<T>(), x.data<T>() + x.desc.size), zs(z.data<T>(), z.data<T>() + z.desc.size),
      ys(y.data<T>(), y.data<T>() + y.desc.size);
  Tape tape({rows, columns});
  tape.inputs = {&x, &z, &y}, tape.outputs = {&out};
  tape.storages = {0, 1, 2, over};
  const auto op = [&](const char* name, int32_t a, int32_t b = -1) { tape.op(name, type, type, a, b); };
  op("Relu", 0), op("Mul", 0, 1), op("Sub", 3, 4);
  op("Abs", 0), op("Neg", 6), op("Exp", 7);
  if (added == Added::kNone) {
    op("Log1p", 8);
    threads == 1 ? op("Add", 5, 9) : op("AddV2", 9, 5);
    tape.out(10);
  } else {
    op("Add", 8, 2), op("Log", 9), op("Add", 5, 10);
    tape.out(11);
  }
  const Status status = tape.run(threads);
  EXPECT(status.ok(), "%s", status.text);
  const T* made = (over == 0 ? x : over == 1 ? z : over == 2 ? y : out).data<T>();
  int64_t wrong = 0;
  for (int64_t i = 0; i < rows * columns; ++i) {
    const auto at = static_cast<size_t>(i);
    const T want = one_by_one(xs[at], zs[at], ys[scalar ? 0 : column ? static_cast<size_t>(i / columns) : at], added);
    wrong += std::memcmp(&want, made + i, sizeof(T)) != 0 && !(want != want && made[i] != made[i]);
  }
  EXPECT(wrong == 0, "%lld of %lld x %lld, added %d, over %d, %d threads", (long long)wrong, (long long)rows, (long long)columns,
         static_cast<int>(added), over, threads);
}

template <class T>
void same_bits_everywhere() {
  for (const Added added : {Added::kOne, Added::kAnother, Added::kColumn, Added::kOnes, Added::kMixed, Added::kNone})
    for (const int64_t columns : {1, 700, 2048})
      for (const int threads : {1, 3}) same_bits<T>(5, columns, added, 3, threads);
  for (const int over : {0, 1}) same_bits<T>(3, 1500, Added::kOne, over, 2), same_bits<T>(3, 1500, Added::kNone, over, 2);
  for (const Added added : {Added::kOnes, Added::kMixed}) same_bits<T>(3, 1500, added, 2, 1);
}

// Where only what is left beside 1 counts.
template <class T>
void same_beside_1(T x) {
  const T e = math::exp_minus_abs_beside_1(x), want = T(1) + math::Exp()(-std::fabs(x));
  const T sum = T(1) + e;
  EXPECT(sum == want || (sum != sum && want != want), "1 + exp(-|%a|): %a, not %a", double(x), double(sum), double(want));
}

}  // namespace

TEST("Fused: the cross entropy of logits, whatever is added and wherever it lies") {
  same_bits_everywhere<float>();
  same_bits_everywhere<double>();
}

TEST("log_from_1_to_2: log's bits for all floats, and for doubles about the square root of 2") {
  int64_t wrong = 0;
  for (uint32_t bits = 0x3f800000; bits <= 0x40000000; ++bits) {
    const float x = math::from_bits(bits), a = math::log_from_1_to_2(x), b = math::log(x);
    wrong += math::to_bits(a) != math::to_bits(b);
  }
  const auto differs = [](double x) { return math::to_bits(math::log_from_1_to_2(x)) != math::to_bits(math::log(x)); };
  for (int64_t step = -1000; step <= 1000; ++step) wrong += differs(math::from_bits(math::to_bits(math::kSqrt2) + static_cast<uint64_t>(step)));
  for (int64_t i = 0; i <= 100000; ++i) wrong += differs(1 + static_cast<double>(i) / 100000);
  CHECK_EQ(wrong, 0);
  CHECK(std::isnan(math::log_from_1_to_2(NAN)));
}

TEST("exp_minus_abs_beside_1: what exp leaves beside 1") {
  for (int64_t i = -2000000; i <= 2000000; ++i) same_beside_1(static_cast<float>(i) / 16384);
  for (int64_t i = -800000; i <= 800000; ++i) same_beside_1(static_cast<double>(i) / 1024);
  for (const double x : {0.0, -0.0, 16.635532333438687, 17.3286795139986, 36.7368005696771, 37.42994775023705, 1e30, double(INFINITY), double(NAN)}) {
    same_beside_1(x);
    same_beside_1(static_cast<float>(x));
  }
}
