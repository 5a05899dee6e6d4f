// What is recognised as an ending that libraries of products have, and what is not.
#include "cuda/epilogue.h"

#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;
using cuda::Ending;
using Kind = cuda::Ending::Kind;

// A MatMulFused of [8, 6] over inputs 2.. of the given shapes.
struct Made : Step {
  std::vector<std::vector<int64_t>> shapes{{8, 5}, {5, 6}};
  std::vector<std::vector<int64_t>> results;

  Made() {
    kernel = "MatMulFused";
    attrs = {0, 0, 2};
    i64(8), i64(6);
    attrs.push_back(0);
    count_at = attrs.size() - 1;
  }
  Made& in(std::vector<int64_t> dims) {
    shapes.push_back(dims);
    return *this;
  }
  Made& op(const char* name, int32_t a, int32_t b = -1) {
    for (int32_t word : {symbol(name), 1, 1, a, b, -1, 3, 0}) attrs.push_back(word);
    ++attrs[count_at];
    return *this;
  }
  Made& out(int32_t operand, std::vector<int64_t> dims = {8, 6}) {
    attrs.push_back(operand);
    results.push_back(dims);
    return *this;
  }
  Made& sum(int32_t output, int32_t op, int32_t columns, int64_t length) {
    for (int32_t word : {output, op, columns}) attrs.push_back(word);
    i64(length);
    return *this;
  }
  Ending ending() {
    std::vector<Value> values;
    for (const auto& list : {shapes, results})
      for (const auto& dims : list) values.push_back(value(DType::kFloat32, dims));
    inputs.clear(), outputs.clear();
    for (size_t i = 0; i < values.size(); ++i) (i < shapes.size() ? inputs : outputs).push_back(&values[i]);
    // Only what the CPU's backend accepts is ever asked about.
    const Status status = run();
    EXPECT(status.ok(), "%s", status.text);
    std::vector<TensorDesc> descs;
    for (const Value& v : values) descs.push_back(v.desc);
    StepDesc desc{};
    desc.kernel = "MatMulFused";
    desc.num_inputs = (int32_t)shapes.size();
    desc.inputs = descs.data();
    desc.num_outputs = (int32_t)results.size();
    desc.outputs = descs.data() + shapes.size();
    desc.num_attrs = (int32_t)attrs.size();
    desc.attrs = attrs.data();
    desc.num_symbols = (int32_t)symbols.size();
    desc.symbols = symbols.data();
    return cuda::recognise_ending(desc);
  }
  size_t count_at;
};

TEST("cuda epilogue: a bias, an activation, both, and their gradient are recognised") {
  Ending e = Made().in({6}).op("Add", 0, 1).out(2).ending();
  CHECK(e.kind == Kind::kBias && e.bias == 2 && e.result == 0 && e.features == -1 && e.bias_grad == -1);
  e = Made().in({1, 6}).op("AddV2", 1, 0).out(2).ending();
  CHECK(e.kind == Kind::kBias && e.bias == 2);
  e = Made().op("Relu", 0).out(1).ending();
  CHECK(e.kind == Kind::kRelu && e.bias == -1);
  e = Made().in({6}).op("Add", 0, 1).op("Relu", 2).out(3).ending();
  CHECK(e.kind == Kind::kBiasRelu && e.bias == 2);
  e = Made().in({8, 6}).op("ReluGrad", 0, 1).out(2).ending();
  CHECK(e.kind == Kind::kReluGrad && e.features == 2 && e.result == 0);
  e = Made().in({8, 6}).op("ReluGrad", 0, 1).out(2).out(2, {6}).sum(1, 0, 1, 8).ending();
  CHECK(e.kind == Kind::kReluGradBiasGrad && e.result == 0 && e.bias_grad == 1);
  e = Made().in({8, 6}).op("ReluGrad", 0, 1).out(2, {6}).out(2).sum(0, 0, 1, 8).ending();
  CHECK(e.kind == Kind::kReluGradBiasGrad && e.result == 1 && e.bias_grad == 0);
}

TEST("cuda epilogue: what differs in anything is another") {
  CHECK(Made().in({8, 1}).op("Add", 0, 1).out(2).ending().kind == Kind::kOther);
  CHECK(Made().in({}).op("Add", 0, 1).out(2).ending().kind == Kind::kOther);
  CHECK(Made().in({8, 6}).op("Add", 0, 1).out(2).ending().kind == Kind::kOther);
  CHECK(Made().in({6}).op("Sub", 0, 1).out(2).ending().kind == Kind::kOther);
  CHECK(Made().op("Add", 0, 0).out(1).ending().kind == Kind::kOther);
  CHECK(Made().op("Tanh", 0).out(1).ending().kind == Kind::kOther);
  CHECK(Made().in({6}).op("Add", 0, 1).op("Tanh", 2).out(3).ending().kind == Kind::kOther);
  CHECK(Made().in({6}).op("Relu", 0).op("Add", 2, 1).out(3).ending().kind == Kind::kOther);
  CHECK(Made().in({6}).op("Add", 0, 1).op("Relu", 0).out(3).ending().kind == Kind::kOther);
  CHECK(Made().in({6}).op("Add", 0, 1).op("Relu", 2).out(2).ending().kind == Kind::kOther);
  CHECK(Made().in({6}).op("Add", 0, 1).op("Relu", 2).out(3).out(2).ending().kind == Kind::kOther);
  CHECK(Made().in({8, 6}).op("ReluGrad", 1, 0).out(2).ending().kind == Kind::kOther);
  CHECK(Made().in({6}).op("ReluGrad", 0, 1).out(2).ending().kind == Kind::kOther);
  CHECK(Made().in({8, 6}).op("ReluGrad", 0, 1).out(2).out(2, {6}).sum(1, 3, 1, 8).ending().kind == Kind::kOther);
  CHECK(Made().in({8, 6}).op("ReluGrad", 0, 1).out(2).out(2, {8}).sum(1, 0, 0, 6).ending().kind == Kind::kOther);
  CHECK(Made().in({8, 6}).op("ReluGrad", 0, 1).out(2, {6}).sum(0, 0, 1, 8).ending().kind == Kind::kOther);
  CHECK(Made().in({6}).op("Add", 0, 1).out(2).out(2, {6}).sum(1, 0, 1, 8).ending().kind == Kind::kOther);
}

}  // namespace
