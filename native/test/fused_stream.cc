// Tapes whose results go past the caches give the bits of small ones, whoever stores them: the last instruction itself, or a copy.
#include <cmath>

#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

struct Op {
  const char* name;
  int32_t a, b;
};

constexpr int64_t kPeriod = 3001;

// Results of `ops` over x, y and the scalar z: those of the instructions in `outputs`.
template <class T>
std::vector<Value> run(Value& x, Value& y, Value& z, const std::vector<Op>& ops, const std::vector<int32_t>& outputs, int32_t threads,
                       size_t begin = 0) {
  const DType type = x.desc.dtype;
  std::vector<Value> out;
  for (size_t o = 0; o < outputs.size(); ++o) out.push_back(value(type, {x.desc.size})), out[o].begin = begin;
  Tape tape({x.desc.size});
  tape.inputs = {&x, &y, &z};
  for (Value& result : out) tape.outputs.push_back(&result);
  for (const Op& op : ops) tape.op(op.name, type, type, op.a, op.b);
  for (const int32_t output : outputs) tape.out(3 + output);
  const Status status = tape.run(threads);
  EXPECT(status.ok(), "%s: %s", ops.back().name, status.text);
  return out;
}

template <class T>
void stored_past_the_caches() {
  const DType type = sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64;
  constexpr int64_t kItems = (int64_t{17} << 20) / static_cast<int64_t>(sizeof(T)) + 37;
  Value x = value(type, {kItems}), y = value(type, {kItems}), z = value(type, {1});
  const T edges[] = {T(0), -T(0), T(NAN), T(INFINITY), -T(INFINITY), T(1e-40), T(-2), T(300)};
  for (int64_t i = 0; i < kItems; ++i) {
    const auto k = static_cast<int>(i % kPeriod);
    x.data<T>()[i] = k % 97 == 5 ? edges[k % 8] : static_cast<T>(k % 811) / 200;
    y.data<T>()[i] = k % 89 == 7 ? edges[k % 7] : static_cast<T>(k % 613) / 300 - 1;
  }
  z.data<T>()[0] = static_cast<T>(1.75);
  Value small_x = value(type, {kPeriod}), small_y = value(type, {kPeriod});
  std::copy_n(x.data<T>(), kPeriod, small_x.data<T>());
  std::copy_n(y.data<T>(), kPeriod, small_y.data<T>());

  const auto check = [&](const std::vector<Op>& ops, const std::vector<int32_t>& outputs, int32_t threads, size_t begin = 0) {
    std::vector<Value> made = run<T>(x, y, z, ops, outputs, threads, begin), want = run<T>(small_x, small_y, z, ops, outputs, 1);
    for (size_t o = 0; o < outputs.size(); ++o) {
      int64_t wrong = 0;
      const T *a = made[o].data<T>(), *b = want[o].data<T>();
      for (int64_t i = 0; i < kItems; ++i) {
        const T p = a[i], q = b[i % kPeriod];
        wrong += std::memcmp(&p, &q, sizeof p) != 0 && !(p != p && q != q);
      }
      EXPECT(wrong == 0, "%s of %s, output %zu: %lld differ", ops.back().name, ops[0].name, o, static_cast<long long>(wrong));
    }
  };
  for (const char* name : {"Neg", "Square", "Sqrt", "Exp", "Log", "Tanh", "Sigmoid", "Floor"}) check({{name, 0, -1}}, {0}, 1);
  for (const char* name : {"Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum"}) {
    check({{name, 0, 1}}, {0}, 3);
    check({{name, 2, 0}}, {0}, 1);  // a scalar
  }
  for (const char* outer : {"Add", "Sub"}) {
    check({{"Mul", 0, 2}, {outer, 3, 1}}, {1}, 1);
    check({{"Mul", 0, 2}, {outer, 1, 3}}, {1}, 1);
  }
  check({{"Add", 0, 2}, {"Log", 3, -1}, {"Add", 1, 4}}, {2}, 2);
  for (const T added : {T(1), T(1.75)}) {
    z.data<T>()[0] = added;
    const std::vector<Op> log = {{"Abs", 0, -1}, {"Neg", 3, -1}, {"Exp", 4, -1}, {"Add", 5, 2}, {"Log", 6, -1}};
    std::vector<Op> sum = log, entropy = {{"Relu", 0, -1}, {"Mul", 0, 1}, {"Sub", 3, 4}, {"Abs", 0, -1}, {"Neg", 6, -1},
                                          {"Exp", 7, -1},  {"Add", 8, 2}, {"Log", 9, -1}, {"Add", 5, 10}};
    sum.push_back({"Add", 7, 1});
    check(log, {4}, 1, 8);
    check(sum, {5}, 2);
    check(entropy, {8}, 2, 24);
  }
  check({{"Mul", 0, 1}, {"Exp", 3, -1}}, {0, 1}, 1);              // read again: a copy stores the first one
  check({{"Add", 0, 1}, {"Sub", 0, 1}}, {0, 1}, 1);               // both by themselves
  check({{"Add", 0, 1}}, {0, 0}, 1);                              // one result for two
  check({{"Add", 0, 1}, {"Mul", 3, 3}, {"Exp", 4, -1}}, {0}, 1);  // what nothing needs comes after it
  check({{"Neg", 0, -1}, {"Maximum", 3, 1}, {"Minimum", 4, 2}, {"Abs", 5, -1}, {"Floor", 6, -1}, {"Ceil", 7, -1}}, {5}, 1);
  for (size_t begin = sizeof(T); begin < 64; begin += 3 * sizeof(T)) check({{"Sub", 1, 0}}, {0}, 2, begin);
  check({{"Mul", 0, 1}, {"Sub", 3, 2}, {"Exp", 4, -1}}, {2}, 2, 40);
}

}  // namespace

TEST("Fused: results past the caches, of instructions that store so themselves and of copies") {
  stored_past_the_caches<float>();
  stored_past_the_caches<double>();
}

// A row, a column and a whole matrix beside another one.
TEST("Fused: results past the caches of operands that are repeated") {
  const DType f = DType::kFloat32;
  constexpr int64_t kRows = 2100, kColumns = 2011;
  Value x = value(f, {kRows, kColumns}), row = value(f, {kColumns}), column = value(f, {kRows, 1}), y = value(f, {kRows, kColumns});
  for (int64_t i = 0; i < kRows * kColumns; ++i) x.data<float>()[i] = static_cast<float>(i % 1001);
  for (int64_t i = 0; i < kColumns; ++i) row.data<float>()[i] = static_cast<float>(i % 17);
  for (int64_t i = 0; i < kRows; ++i) column.data<float>()[i] = static_cast<float>(i % 13) * 16;
  for (Value* beside : {&row, &column}) {
    Tape tape({kRows, kColumns});
    tape.inputs = {&x, beside}, tape.outputs = {&y};
    tape.op("Sub", f, f, 0, 1);
    tape.out(2);
    CHECK_EQ(std::string(tape.run(2).text), "");
    int64_t wrong = 0;
    for (int64_t i = 0; i < kRows * kColumns; ++i)
      wrong += y.data<float>()[i] != x.data<float>()[i] - beside->data<float>()[beside == &row ? i % kColumns : i / kColumns];
    CHECK_EQ(wrong, 0);
  }
}

// Stored past the caches by the instruction itself and from the tile, and the sums of both.
TEST("Fused: sums beside results past the caches") {
  const DType f = DType::kFloat32;
  constexpr int64_t kRows = 4200, kColumns = 1024;
  Value x = value(f, {kRows, kColumns}), twice = value(f, {kRows, kColumns}), less = value(f, {kRows, kColumns});
  Value sum = value(f, {kRows}), other = value(f, {kRows});
  for (int64_t i = 0; i < kRows * kColumns; ++i) x.data<float>()[i] = static_cast<float>(i % 9 + i / kColumns % 5);
  Tape tape({kRows, kColumns});
  tape.inputs = {&x}, tape.outputs = {&twice, &less, &sum, &other};
  tape.op("Add", f, f, 0, 0);
  tape.op("Neg", f, f, 0);
  tape.op("Square", f, f, 0);
  for (const int32_t operand : {1, 2, 1, 3}) tape.out(operand);
  tape.reduce(2, 0, false, kColumns);
  tape.reduce(3, 0, false, kColumns);
  CHECK_EQ(std::string(tape.run(2).text), "");
  int64_t wrong = 0;
  for (int64_t r = 0; r < kRows; ++r) {
    float sums[2] = {};  // exact
    for (int64_t i = r * kColumns; i < (r + 1) * kColumns; ++i) {
      const float v = x.data<float>()[i];
      wrong += twice.data<float>()[i] != v + v || less.data<float>()[i] != -v;
      sums[0] += v + v, sums[1] += v * v;
    }
    wrong += sum.data<float>()[r] != sums[0] || other.data<float>()[r] != sums[1];
  }
  CHECK_EQ(wrong, 0);
}

TEST("Fused: integers past the caches") {
  constexpr int64_t kItems = (int64_t{17} << 18) + 5;
  Value x = value(DType::kInt32, {kItems}), y = value(DType::kInt32, {kItems});
  for (int64_t i = 0; i < kItems; ++i) x.data<int32_t>()[i] = static_cast<int32_t>(i * 77);
  Tape tape({kItems});
  tape.inputs = {&x}, tape.outputs = {&y};
  tape.op("Add", DType::kInt32, DType::kInt32, 0, 0);
  tape.out(1);
  CHECK_EQ(std::string(tape.run().text), "");
  int64_t wrong = 0;
  for (int64_t i = 0; i < kItems; ++i) wrong += y.data<int32_t>()[i] != static_cast<int32_t>(i * 154);
  CHECK_EQ(wrong, 0);
}
