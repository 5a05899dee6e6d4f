// MatMulFused against a MatMul and a Fused after it, bit by bit: shapes of every way a product goes, every dtype, transposes, batches,
// updates in place, reductions, numbers of threads; and steps that must be refused.
#include <cmath>
#include <random>

#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

std::mt19937_64 random_bits(23);

void fill(Value& v) {
  for (int64_t i = 0; i < v.desc.size; ++i) {
    const double x = (double)(int64_t)random_bits() / 0x1p63;
    if (v.desc.dtype == DType::kFloat32) v.data<float>()[i] = (float)x;
    if (v.desc.dtype == DType::kFloat64) v.data<double>()[i] = x;
    if (v.desc.dtype == DType::kInt32) v.data<int32_t>()[i] = (int32_t)(x * 1e9);
    if (v.desc.dtype == DType::kInt64) v.data<int64_t>()[i] = (int64_t)random_bits();
  }
}

// The bytes of the elements, without what lies behind them.
std::string bytes_of(Value& v) {
  return std::string(v.data<char>(), static_cast<size_t>(v.desc.size) * item_size(v.desc.dtype));
}

// A tape's words as both kernels have them: operand 0 is the product.
struct Code {
  struct Call {
    const char* name;
    int32_t a, b;
  };
  struct Sum {
    int32_t output, op, columns;
    int64_t length;
  };
  std::vector<Call> calls;
  std::vector<int32_t> outputs;
  std::vector<Sum> sums;

  void write(Step& step, DType dtype, const std::vector<int64_t>& space) const {
    step.attrs.push_back((int32_t)space.size());
    for (int64_t dim : space) step.i64(dim);
    step.attrs.push_back((int32_t)calls.size());
    for (const Call& call : calls)
      for (int32_t word : {step.symbol(call.name), (int32_t)dtype, (int32_t)dtype, call.a, call.b, -1, 3, 0})
        step.attrs.push_back(word);
    for (int32_t operand : outputs) step.attrs.push_back(operand);
    for (const Sum& sum : sums) {
      for (int32_t word : {sum.output, sum.op, sum.columns}) step.attrs.push_back(word);
      step.i64(sum.length);
    }
  }
};

struct Case {
  DType dtype;
  std::vector<int64_t> a, b, c;
  bool ta = false, tb = false;
};

// `others` are inputs 1.. of the tape, `updated[o]` the one of them that output o lies over (-1 none), `shapes` those of the outputs.
void compare(const Case& one, const Code& code, const std::vector<std::vector<int64_t>>& others,
             const std::vector<std::vector<int64_t>>& shapes, const std::vector<int>& updated) {
  Value a = value(one.dtype, one.a), b = value(one.dtype, one.b), c = value(one.dtype, one.c);
  fill(a), fill(b);
  std::vector<Value> inputs, wanted, outputs;
  for (const auto& dims : others) inputs.push_back(value(one.dtype, dims)), fill(inputs.back());
  for (const auto& dims : shapes)
    wanted.push_back(value(one.dtype, dims)), outputs.push_back(value(one.dtype, dims));

  Step product;
  product.kernel = "MatMul";
  product.inputs = {&a, &b};
  product.outputs = {&c};
  product.attrs = {one.ta, one.tb};
  Status status = product.run();
  EXPECT(status.ok(), "%s", status.text);
  Step tape;
  tape.kernel = "Fused";
  tape.inputs = {&c};
  for (Value& input : inputs) tape.inputs.push_back(&input);
  for (Value& output : wanted) tape.outputs.push_back(&output);
  code.write(tape, one.dtype, one.c);
  status = tape.run();
  EXPECT(status.ok(), "%s", status.text);

  for (int threads : {1, 2, 4}) {
    std::vector<Value> copies = inputs;
    Step step;
    step.kernel = "MatMulFused";
    step.inputs = {&a, &b};
    for (Value& input : copies) step.inputs.push_back(&input);
    step.storages = {0, 1};
    for (size_t i = 0; i < copies.size(); ++i) step.storages.push_back(2 + (int)i);
    for (size_t o = 0; o < outputs.size(); ++o) {
      std::fill(outputs[o].memory.begin(), outputs[o].memory.end(), ~0ull);
      step.outputs.push_back(&outputs[o]);
      step.storages.push_back(updated[o] < 0 ? 100 + (int)o : 2 + updated[o]);
    }
    step.attrs = {one.ta, one.tb};
    code.write(step, one.dtype, one.c);
    status = step.run(threads);
    EXPECT(status.ok(), "%s", status.text);
    for (size_t o = 0; o < outputs.size(); ++o) {
      Value& got = updated[o] < 0 ? outputs[o] : copies[(size_t)updated[o]];
      EXPECT(bytes_of(got) == bytes_of(wanted[o]), "output %zu of [%lld,%lld,%lld] %d%d dtype %d, %d threads", o,
             (long long)one.c[one.c.size() - 2], (long long)one.c.back(), (long long)one.a.back(), one.ta, one.tb,
             (int)one.dtype, threads);
    }
  }
}

Case product_of(DType dtype, int64_t m, int64_t n, int64_t k, bool ta, bool tb) {
  return {dtype, ta ? std::vector{k, m} : std::vector{m, k}, tb ? std::vector{n, k} : std::vector{k, n}, {m, n}, ta, tb};
}

const int64_t kShapes[][3] = {
    {1, 1, 1},     {3, 5, 4},      {1, 70, 30},   {70, 1, 30},   {128, 10, 256}, {10, 12, 300},  {64, 64, 64},
    {37, 130, 65}, {100, 257, 33}, {25, 257, 769}, {130, 300, 400}, {784, 200, 32}, {5, 1500, 70}, {300, 1100, 40},
    {0, 4, 3},     {4, 0, 3},      {4, 3, 0},     {40, 300, 0},  {9000, 20, 16}};

TEST("MatMulFused: bias and activation, and a gradient with the sums of its columns") {
  for (const auto& [m, n, k] : kShapes)
    for (int transposes = 0; transposes < 4; ++transposes)
      for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kInt64}) {
        if (m * n * k > 4000000 && dtype != DType::kFloat32) continue;
        const Case one = product_of(dtype, m, n, k, transposes & 1, transposes & 2);
        compare(one, {{{"Add", 0, 1}, {"Relu", 2, -1}}, {3}, {}}, {{n}}, {{m, n}}, {-1});
        compare(one, {{{"ReluGrad", 0, 1}}, {2, 2}, {{1, 0, 1, m}}}, {{m, n}}, {{m, n}, {n}}, {-1, -1});
      }
}

TEST("MatMulFused: updates in place, a stored product, results of other sizes, sums of rows alone") {
  const DType F = DType::kFloat32;
  for (const auto& [m, n, k] : kShapes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      const Case one = product_of(transposes == 3 ? DType::kFloat64 : F, m, n, k, transposes & 1, transposes & 2);
      // w -= rate * (v = v * momentum + product)
      compare(one, {{{"Mul", 2, 3}, {"Add", 5, 0}, {"Mul", 6, 4}, {"Sub", 1, 7}}, {6, 8}, {}},
              {{m, n}, {m, n}, {}, {1}}, {{m, n}, {m, n}}, {1, 0});
    }
    const Case one = product_of(F, m, n, k, false, false);
    compare(one, {{{"Mul", 0, 1}}, {0, 2}, {}}, {{m, 1}}, {{m, n}, {m, n}}, {-1, -1});
    compare(one, {{{"Square", 0, -1}}, {1}, {{0, 0, 0, n}}}, {}, {{m}}, {-1});
    compare(one, {{{"Square", 0, -1}}, {1, 0}, {{0, 1, 0, m * n}, {1, 3, 0, m * n}}}, {}, {{}, {}}, {-1, -1});
    // One that does not look at the product.
    compare(one, {{{"Neg", 1, -1}}, {2}, {}}, {{m, n}}, {{m, n}}, {-1});
  }
}

TEST("MatMulFused: results past the caches, beside the product and beside a sum of rows") {
  const Case one = product_of(DType::kFloat32, 2100, 2011, 2, false, false);
  compare(one, {{{"Add", 0, 1}}, {0, 2}, {}}, {{2011}}, {{2100, 2011}, {2100, 2011}}, {-1, -1});
  compare(one, {{{"Add", 0, 1}, {"Mul", 0, 2}}, {3, 4, 4}, {{2, 0, 0, 2011}}}, {{2100, 2011}, {}}, {{2100, 2011}, {2100, 2011}, {2100}},
          {-1, -1, -1});
}

TEST("MatMulFused: batches") {
  const Case one{DType::kFloat32, {3, 1, 20, 34}, {2, 34, 40}, {3, 2, 20, 40}};
  compare(one, {{{"Add", 0, 1}, {"Tanh", 2, -1}}, {3}, {}}, {{40}}, {{3, 2, 20, 40}}, {-1});
  const Case taller{DType::kFloat64, {5, 30, 34}, {34, 40}, {5, 30, 40}};
  compare(taller, {{{"Sub", 0, 1}}, {2, 2}, {{1, 0, 1, 150}}}, {{5, 1, 40}}, {{5, 30, 40}, {40}}, {-1, -1});
}

// What a step that must not be prepared says.
std::string refused(const Step& step) {
  const Status status = step.run();
  return status.ok() ? "it ran" : status.text;
}

TEST("MatMulFused: what a plan may not say") {
  const DType F = DType::kFloat32;
  Value a = value(F, {6, 6}), b = value(F, {6, 6}), bias = value(F, {6}), c = value(F, {6, 6});
  const Code code{{{"Add", 0, 1}}, {2}, {}};
  const auto made = [&] {
    Step step;
    step.kernel = "MatMulFused";
    step.inputs = {&a, &b, &bias};
    step.outputs = {&c};
    step.attrs = {0, 0};
    code.write(step, F, {6, 6});
    return step;
  };
  CHECK(made().run().ok());
  Step step = made();
  step.storages = {0, 1, 2, 0};
  CHECK_EQ(refused(step), "MatMulFused: output 0 shares storage with factor 0");
  step.storages = {0, 1, 2, 1};
  CHECK_EQ(refused(step), "MatMulFused: output 0 shares storage with factor 1");
  step.storages = {0, 1, 2, 2};
  CHECK_EQ(refused(step),
           "MatMulFused: output 0 shares storage with input 1, which is broadcast or of another size");
  // Every word by itself: it may only run or be refused.
  for (size_t at = 0; at < made().attrs.size(); ++at)
    for (int32_t word : {-1, 0, 1, 2, 3, 7, 100, 0x7fffffff, INT32_MIN}) {
      step = made();
      // A symbol beyond the table is the verifier's to refuse.
      step.attrs[at] = word;
      (void)step.run();
    }
  step = made();
  step.attrs.pop_back();
  CHECK(!step.run().ok());
  step = made();
  step.inputs.pop_back();
  CHECK(!step.run().ok());
  step.inputs = {&a};
  CHECK_EQ(refused(step), "MatMulFused: 1 inputs");
  step = made();
  step.attrs = {0};
  CHECK_EQ(refused(step), "MatMulFused: 1 attributes");
  // The space is another one than the product.
  for (const std::vector<int64_t>& space :
       {std::vector<int64_t>{6, 5}, {36}, {1, 6, 6}, {6, -6}, {int64_t{1} << 40, int64_t{1} << 40}, {0, 6}}) {
    step = made();
    step.attrs = {0, 0};
    code.write(step, F, space);
    CHECK(!step.run().ok());
  }
  // More inputs than a tape has.
  step = made();
  for (int i = 0; i < 30; ++i) step.inputs.push_back(&bias);
  CHECK_EQ(refused(step), "MatMulFused: 33 inputs");
}

}  // namespace
