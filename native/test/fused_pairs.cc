// Instructions that are joined give the bits of one after the other, and are joined only where
// nobody else reads what the first one leaves.
#include "cpu/fused_node.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <random>

#include "math/functors.h"
#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;
using cpu::Node;

struct Op {
  const char* name;
  int32_t a, b;
};

template <class T>
void fill(Value& v, int seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::uniform_real_distribution<double> near(-2, 2);
  const double edges[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-40, -1e-40, 200.0, -200.0, 0.4142, 17.0, -86.5, 100.0, -707.5, 720.0};
  for (int64_t i = 0; i < v.desc.size; ++i)
    v.data<T>()[i] = static_cast<T>(i % 5 == 0 ? edges[random() % std::size(edges)] : near(random));
}

// What the third input is.
enum class Third { kNumbers, kOnes, kOne, kAnother };

// The last result of `ops` over three inputs; every other one is stored too where `apart`, which
// keeps them apart.
template <class T>
std::vector<T> last_of(const std::vector<Op>& ops, bool apart, Third third) {
  const DType type = sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64;
  constexpr int64_t kSize = 1237;
  Value in[3];
  std::vector<Value> out(ops.size());
  Tape tape({kSize});
  for (int i = 0; i < 3; ++i) {
    const bool scalar = i == 2 && (third == Third::kOne || third == Third::kAnother);
    in[i] = value(type, scalar ? std::vector<int64_t>() : std::vector<int64_t>{kSize});
    if (i < 2 || third == Third::kNumbers)
      fill<T>(in[i], i);
    else
      std::fill_n(in[i].data<T>(), in[i].desc.size, third == Third::kAnother ? T(1.75) : T(1));
    tape.inputs.push_back(&in[i]);
  }
  for (const Op& op : ops) tape.op(op.name, type, type, op.a, op.b);
  const size_t stored = apart ? std::min<size_t>(ops.size(), 8) : 1;  // of what a tape may have
  for (size_t i = ops.size() - stored; i < ops.size(); ++i) {
    out[i] = value(type, {kSize});
    tape.outputs.push_back(&out[i]);
    tape.out(3 + static_cast<int32_t>(i));
  }
  const Status status = tape.run();
  EXPECT(status.ok(), "%s", ops.back().name);
  const T* made = out[ops.size() - 1].data<T>();
  return {made, made + kSize};
}

template <class T>
void joined_as_apart_of(const std::vector<Op>& ops, Third third) {
  const std::vector<T> joined = last_of<T>(ops, false, third), apart = last_of<T>(ops, true, third);
  for (size_t i = 0; i < joined.size(); ++i)
    EXPECT(std::memcmp(&joined[i], &apart[i], sizeof(T)) == 0 ||
               (joined[i] != joined[i] && apart[i] != apart[i]),
           "%s of %s at %zu: %g, apart %g", ops.back().name, ops[0].name, i, double(joined[i]),
           double(apart[i]));
}
void joined_as_apart(const std::vector<Op>& ops, Third third = Third::kNumbers) {
  joined_as_apart_of<float>(ops, third);
  joined_as_apart_of<double>(ops, third);
}

// max(x, 0) - x z + log(exp(-|w|) + third); instruction 11 is the last one, and 8 the exponential.
std::vector<Op> cross_entropy(int32_t w, int32_t z, bool turned = false) {
  return {{"Relu", 0, -1},
          {"Mul", turned ? z : 0, turned ? 0 : z},
          {"Sub", 3, 4},
          {"Abs", w, -1},
          {"Neg", 6, -1},
          {"Exp", 7, -1},
          {"AddV2", turned ? 2 : 8, turned ? 8 : 2},
          {"Log", 9, -1},
          {"AddV2", turned ? 10 : 5, turned ? 5 : 10}};
}

std::vector<Node> joined(const std::vector<Op>& ops, std::vector<int32_t> outputs) {
  std::vector<Node> nodes;
  for (const Op& op : ops) {
    Node node;
    node.row = cpu::find_functor(op.name);
    node.type = node.result = DType::kFloat32;
    node.operands[0] = op.a;
    node.operands[1] = op.b;
    nodes.push_back(node);
  }
  cpu::join_pairs(nodes, 3, outputs.data(), static_cast<int>(outputs.size()));
  return nodes;
}

}  // namespace

TEST("Fused: joined instructions give the bits of one after the other") {
  for (const char* outer : {"Add", "AddV2", "Sub", "Mul"})
    for (const char* inner : {"Add", "AddV2", "Sub", "Mul"}) {
      joined_as_apart({{inner, 0, 1}, {outer, 3, 2}});
      joined_as_apart({{inner, 0, 1}, {outer, 2, 3}});
    }
  joined_as_apart({{"Abs", 0, -1}, {"Neg", 3, -1}});
  joined_as_apart({{"Abs", 0, -1}, {"Neg", 3, -1}, {"Exp", 4, -1}});
  joined_as_apart({{"Abs", 0, -1}, {"Neg", 3, -1}, {"Exp", 4, -1}, {"Log1p", 5, -1}});
  joined_as_apart({{"Relu", 0, -1}, {"Sub", 3, 1}});
  joined_as_apart({{"Add", 0, 1}, {"Relu", 3, -1}});
  joined_as_apart({{"Relu", 0, -1}, {"Mul", 0, 1}, {"Sub", 3, 4}});
  for (const char* outer : {"Add", "Sub"}) {
    joined_as_apart({{"Neg", 0, -1}, {outer, 1, 3}});
    joined_as_apart({{"Neg", 0, -1}, {outer, 3, 1}});
  }
  for (const char* outer : {"Add", "Sub", "Mul"})
    for (const char* inner : {"Square", "Reciprocal", "Log", "Exp"}) {
      joined_as_apart({{inner, 0, -1}, {outer, 3, 1}});
      joined_as_apart({{inner, 0, -1}, {outer, 1, 3}});
    }
  joined_as_apart({{"Mul", 0, 1}, {"Reciprocal", 2, -1}, {"Mul", 3, 4}});
  joined_as_apart({{"Abs", 0, -1}, {"Neg", 3, -1}, {"Exp", 4, -1}, {"Log1p", 5, -1}, {"Add", 1, 6}});
  joined_as_apart({{"Abs", 0, -1}, {"Neg", 3, -1}, {"Exp", 4, -1}, {"Log1p", 5, -1}, {"Add", 6, 1}});
  for (const char* inner : {"Add", "Sub"}) {
    joined_as_apart({{inner, 0, 1}, {"Log", 3, -1}});
    for (const char* outer : {"Add", "Mul"}) {
      joined_as_apart({{inner, 0, 1}, {"Log", 3, -1}, {outer, 4, 2}});
      joined_as_apart({{inner, 0, 1}, {"Log", 3, -1}, {outer, 2, 4}});
    }
  }
  for (const char* outer : {"SigmoidGrad", "TanhGrad", "ReluGrad"})
    for (const char* inner : {"Add", "Sub", "Mul"}) {
      joined_as_apart({{inner, 0, 1}, {outer, 2, 3}});
      joined_as_apart({{inner, 0, 1}, {outer, 3, 2}});
    }
}

TEST("Fused: logarithms of exponentials and what is 1 or not give the bits of one after the other") {
  const std::vector<Op> log = {{"Abs", 0, -1}, {"Neg", 3, -1}, {"Exp", 4, -1}, {"Add", 5, 2}, {"Log", 6, -1}};
  for (const Third third : {Third::kNumbers, Third::kOnes, Third::kOne, Third::kAnother}) {
    joined_as_apart(log, third);
    for (const char* outer : {"Add", "Mul", "Sub"})
      for (const bool second : {false, true}) {
        std::vector<Op> ops = log;
        ops.push_back({outer, second ? 1 : 7, second ? 7 : 1});
        joined_as_apart(ops, third);
      }
    for (const bool turned : {false, true}) {
      joined_as_apart(cross_entropy(0, 1, turned), third);
      joined_as_apart(cross_entropy(0, 0, turned), third);
      joined_as_apart(cross_entropy(1, 1, turned), third);
    }
  }
  // A scalar in every place of what has loops for it, and of what has none.
  for (const char* outer : {"Add", "Sub", "Mul", "RealDiv", "Maximum"})
    for (const Third third : {Third::kOne, Third::kAnother}) {
      joined_as_apart({{outer, 0, 2}}, third);
      joined_as_apart({{outer, 2, 0}}, third);
      joined_as_apart({{outer, 2, 2}, {"Tanh", 0, -1}, {outer, 3, 4}}, third);
      joined_as_apart({{outer, 0, 2}, {"Tanh", 3, -1}, {outer, 2, 4}}, third);
      joined_as_apart({{outer, 0, 2}, {"Maximum", 3, 2}}, third);
    }
}

TEST("Fused: what is joined, and what is not because it is read again") {
  CHECK(joined({{"Mul", 0, 1}, {"Sub", 2, 3}}, {4}).size() == 1);
  CHECK(joined({{"Abs", 0, -1}, {"Neg", 3, -1}, {"Exp", 4, -1}, {"Log1p", 5, -1}}, {6}).size() == 2);
  CHECK(joined(cross_entropy(0, 1), {11}).size() == 1);
  // The same of another x, and of one that is read again.
  CHECK(joined(cross_entropy(1, 0), {11}).size() == 2);
  CHECK(joined(cross_entropy(0, 1), {11, 8}).size() == 3);
  // x y / z as a gradient of a logarithm has it, and one more than fits.
  CHECK(joined({{"Mul", 0, 1}, {"Reciprocal", 2, -1}, {"Mul", 3, 4}}, {5}).size() == 1);
  CHECK(joined({{"Mul", 0, 1}, {"Mul", 2, 0}, {"Mul", 3, 4}}, {5}).size() == 2);
  CHECK(joined({{"Mul", 0, 1}, {"Sub", 2, 3}}, {4, 3}).size() == 2);
  CHECK(joined({{"Neg", 0, -1}, {"Add", 3, 1}}, {4}).size() == 1);
  CHECK(joined({{"Neg", 0, -1}, {"Add", 3, 1}}, {4, 3}).size() == 2);
  CHECK(joined({{"Mul", 0, 1}, {"Sub", 3, 3}}, {4}).size() == 2);
  CHECK(joined({{"Mul", 0, 1}, {"Sub", 2, 3}, {"Tanh", 3, -1}}, {4, 5}).size() == 3);
  const std::vector<Node> nodes = joined({{"Mul", 0, 1}, {"Tanh", 2, -1}, {"Sub", 4, 3}}, {5});
  CHECK(nodes.size() == 2 && nodes[1].operands[0] == 0 && nodes[1].operands[1] == 1 &&
        nodes[1].operands[2] == 3);
}

TEST("Fused: what is of scalars alone is made once, and of an output in every tile") {
  for (const int outputs : {1, 2})
    for (const int threads : {1, 3}) {
      constexpr int64_t kSize = 5001;
      Value x = value(DType::kFloat32, {kSize}), a = value(DType::kFloat32, {}), b = a;
      Value y = value(DType::kFloat32, {kSize}), z = y;
      fill<float>(x, 1);
      a.data<float>()[0] = 1.0f;
      b.data<float>()[0] = 0.1f;
      Tape tape({kSize});
      tape.inputs = {&x, &a, &b};
      const auto op = [&](const char* name, int32_t p, int32_t q = -1) {
        tape.op(name, DType::kFloat32, DType::kFloat32, p, q);
      };
      op("Tanh", 0);        // 3
      op("Cos", 0);         // 4
      op("Maximum", 3, 4);  // 5: a register is free from here
      op("Sub", 1, 2);      // 6
      op("Square", 6);      // 7
      op("Mul", 0, 7);      // 8
      op("Sub", 8, 6);      // 9
      op("Minimum", 5, 9);  // 10
      tape.outputs = {&y};
      tape.out(10);
      if (outputs == 2) {
        tape.outputs.push_back(&z);
        tape.out(7);
      }
      CHECK(tape.run(threads).ok());
      const float less = 1.0f - 0.1f, squared = less * less;
      int64_t wrong = 0;
      for (int64_t i = 0; i < kSize; ++i) {
        const float item = x.data<float>()[i], shifted = item * squared - less;
        const float larger = math::Maximum()(math::Tanh()(item), math::Cos()(item));
        const float want = math::Minimum()(larger, shifted);
        const float got = y.data<float>()[i];
        wrong += std::memcmp(&want, &got, 4) != 0 && (want == want || got == got);
        wrong += outputs == 2 && z.data<float>()[i] != squared;
      }
      EXPECT(wrong == 0, "%lld wrong, %d outputs, %d threads", (long long)wrong, outputs, threads);
    }
}
