// Pairs of instructions that often follow each other, as loops of their own: what the first one
// makes stays in a register of the processor. The bits are those of one after the other.
#include <algorithm>
#include <cstring>
#include <utility>

#include "cpu/fused_joined.h"
#include "cpu/fused_log_add_exp.h"
#include "cpu/fused_node.h"

namespace grafo::cpu {
namespace {

struct NegAbs {
  template <class T>
  FN T operator()(T x) const {
    return -math::fabs(x);
  }
};
// log1p of what is made so. It is an instruction of its own: in one loop with the exponential it
// would take longer than both, as the chain is too long to overlap with the next.
struct Log1pUnit {
  static constexpr int kVectors = kManyLive;
  template <class T>
  FN T operator()(T x) const {
    return math::log1p_unit(x);
  }
};

using Log1Add = IntoUsual<math::Log, math::Add>;
using Log1Sub = IntoUsual<math::Log, math::Sub>;
template <class Outer>
struct InSecondLog1pUnit : InSecond<Outer, Log1pUnit> {
  static constexpr int kVectors = kManyLive;
};

}  // namespace

template <class Outer>
constexpr bool kStreams<InFirst<Outer, math::Mul>> = kIsOneOf<Outer, math::Add, math::Sub>;
template <class Outer>
constexpr bool kStreams<InSecond<Outer, math::Mul>> = kIsOneOf<Outer, math::Add, math::Sub>;
template <>
constexpr bool kStreams<InSecondUsual<math::Add, Log1Add>> = true;

namespace {

template <class Functor, class T>
void ternary_loop(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  auto* to = static_cast<T*>(dst);
  auto* x = static_cast<const T*>(a);
  auto* y = static_cast<const T*>(b);
  auto* z = static_cast<const T*>(c);
  if constexpr (HasVectors<Functor, T>) {
    map_vectors<Functor::kVectors>(to, n, Functor(), x, y, z);
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = Functor()(x[i], y[i], z[i]);
}

template <class Functor, class T, int kArity>
constexpr Loop pair_loop() {
  if constexpr (kArity == 3)
    return ternary_loop<Functor, T>;
  else if constexpr (kArity == 2)
    return binary_loop<Functor, T>;
  else
    return unary_loop<Functor, T>;
}

// `position` is the outer instruction's operand that the inner one makes. Of the joined one the
// inner one's operands come first.
struct PairRow {
  const char* outer;
  const char* inner;
  int position;
  FunctorRow row;
};
template <class Functor, int kArity>
constexpr PairRow pair_row(const char* outer, const char* inner, int position, const char* name,
                           int cost) {
  PairRow pair{outer, inner, position, {}};
  pair.row.name = name;
  pair.row.arity = kArity;
  pair.row.cost = static_cast<int16_t>(cost);
  pair.row.loops[column_of(DType::kFloat32)] = pair_loop<Functor, float, kArity>();
  pair.row.loops[column_of(DType::kFloat64)] = pair_loop<Functor, double, kArity>();
  pair.row.streaming = {streaming_of<Functor, float, kArity, pair_loop<Functor, float, kArity>()>(),
                        streaming_of<Functor, double, kArity, pair_loop<Functor, double, kArity>()>()};
  return pair;
}

#define GRAFO_PAIR_ROWS(outer, inner)                                                      \
  pair_row<InFirst<math::outer, math::inner>, 3>(#outer, #inner, 0, #outer "1" #inner, 2), \
      pair_row<InSecond<math::outer, math::inner>, 3>(#outer, #inner, 1, #outer "2" #inner, 2)
// One argument into either of an outer one of two, which then still has two.
#define GRAFO_UNARY_PAIR_ROWS(outer, inner)                                                \
  pair_row<InFirst<math::outer, math::inner>, 2>(#outer, #inner, 0, #outer "1" #inner, 2), \
      pair_row<InSecond<math::outer, math::inner>, 2>(#outer, #inner, 1, #outer "2" #inner, 2)
// A function by vectors into either.
#define GRAFO_FUNCTION_ROWS(arity, outer, inner, functor, cost)                                   \
  pair_row<InFirstUsual<math::outer, functor>, arity>(#outer, inner, 0, #outer "1" inner, cost), \
      pair_row<InSecondUsual<math::outer, functor>, arity>(#outer, inner, 1, #outer "2" inner, cost)
#define GRAFO_PAIRS_OF(outer)                                                         \
  GRAFO_PAIR_ROWS(outer, Add), GRAFO_PAIR_ROWS(outer, Sub), GRAFO_PAIR_ROWS(outer, Mul), \
      GRAFO_UNARY_PAIR_ROWS(outer, Square)
// A gradient of an activation, of a sum.
#define GRAFO_GRADIENT_ROWS(outer, position, how)                                             \
  pair_row<how<math::outer, math::Add>, 3>(#outer, "Add", position, #outer "Add", 3),         \
      pair_row<how<math::outer, math::Sub>, 3>(#outer, "Sub", position, #outer "Sub", 3),     \
      pair_row<how<math::outer, math::Mul>, 3>(#outer, "Mul", position, #outer "Mul", 3)

constexpr PairRow kPairs[] = {
    pair_row<NegAbs, 1>("Neg", "Abs", 0, "NegAbs", 1),
    pair_row<math::ExpMinusAbs, 1>("Exp", "NegAbs", 0, "ExpNegAbs", 8),
    pair_row<InFirst<math::Sub, math::Relu>, 2>("Sub", "Relu", 0, "Sub1Relu", 2),
    pair_row<Chained<math::Relu, math::Add>, 2>("Relu", "Add", 0, "ReluAdd", 2),
    pair_row<ReluSubMul, 3>("Sub1Relu", "Mul", 1, "ReluSubMul", 3),
    pair_row<Log1Add, 2>("Log", "Add", 0, "Log1Add", 11),
    pair_row<Log1Sub, 2>("Log", "Sub", 0, "Log1Sub", 11),
    pair_row<InSecondLog1pUnit<math::Add>, 2>("Add", "Log1pUnit", 0, "AddLog1pUnit", 11),
    pair_row<InSecondLog1pUnit<math::Add>, 2>("Add", "Log1pUnit", 1, "AddLog1pUnit", 11),
    GRAFO_FUNCTION_ROWS(2, Mul, "Exp", math::Exp, 9),
    GRAFO_FUNCTION_ROWS(2, Mul, "Log", math::Log, 11),
    GRAFO_FUNCTION_ROWS(3, Mul, "Log1Add", Log1Add, 12),
    GRAFO_FUNCTION_ROWS(3, Mul, "Log1Sub", Log1Sub, 12),
    GRAFO_FUNCTION_ROWS(3, Add, "Log1Add", Log1Add, 12),
    {"Log1Add", "ExpNegAbs", 0, log_add_exp_row<LogAlone>("LogAddExp", 2, 18)},
    {"Log1Add", "ExpNegAbs", 1, log_add_exp_row<LogAlone>("LogAddExp", 2, 18)},
    {"Add", "LogAddExp", 0, log_add_exp_row<math::Add>("AddLogAddExp", 3, 19)},
    {"Add", "LogAddExp", 1, log_add_exp_row<math::Add>("AddLogAddExp", 3, 19)},
    {"Mul", "LogAddExp", 0, log_add_exp_row<math::Mul>("MulLogAddExp", 3, 19)},
    {"Mul", "LogAddExp", 1, log_add_exp_row<math::Mul>("MulLogAddExp", 3, 19)},
    GRAFO_PAIRS_OF(Add),
    GRAFO_PAIRS_OF(Sub),
    GRAFO_PAIRS_OF(Mul),
    GRAFO_UNARY_PAIR_ROWS(Mul, Reciprocal),
    pair_row<InThird<InFirst<math::Mul, math::Mul>, math::Reciprocal>, 3>(
        "Mul1Mul", "Reciprocal", 2, "MulMulReciprocal", 4),
    GRAFO_GRADIENT_ROWS(SigmoidGrad, 1, InSecond),
    GRAFO_GRADIENT_ROWS(TanhGrad, 1, InSecond),
    GRAFO_GRADIENT_ROWS(ReluGrad, 0, InFirst),
};

constexpr FunctorRow kCrossEntropy = log_add_exp_row<AddReluSubMul>("CrossEntropyOfLogits", 3, 22);
constexpr FunctorRow kCrossEntropy1p = log1p_exp_row<AddReluSubMul>("CrossEntropyOfLogits1p", 24);
constexpr FunctorRow kLog1pUnit = pair_row<Log1pUnit, 1>("", "", 0, "Log1pUnit", 10).row;

const char* usual_name(const char* name) { return std::strcmp(name, "AddV2") == 0 ? "Add" : name; }

const FunctorRow* find_pair(const Node& outer, const Node& inner, int position) {
  const int column = column_of(outer.type);
  for (const PairRow& pair : kPairs)
    if (pair.position == position && std::strcmp(pair.outer, usual_name(outer.row->name)) == 0 &&
        std::strcmp(pair.inner, usual_name(inner.row->name)) == 0 && pair.row.loops[column])
      return &pair.row;
  return nullptr;
}

// How often each instruction's result is read; an output is one time too many.
std::vector<int> count_uses(const std::vector<Node>& nodes, int inputs, const int32_t* outputs,
                            int num_outputs) {
  std::vector<int> uses(nodes.size(), 0);
  for (const Node& node : nodes)
    for (const int32_t operand : node.operands)
      if (operand >= inputs) ++uses[static_cast<size_t>(operand - inputs)];
  for (int o = 0; o < num_outputs; ++o)
    if (outputs[o] >= inputs) uses[static_cast<size_t>(outputs[o] - inputs)] += 2;
  return uses;
}

bool is_named(const Node& node, const char* name) {
  return node.row && std::strcmp(node.row->name, name) == 0;
}

void become(Node& node, const FunctorRow& row) {
  node.row = &row;
  node.loop = row.loops[column_of(node.type)];
  node.cost = row.cost;
}

// Puts `inner` into `outer`, whose operand `position` it makes.
void join(Node& outer, const Node& inner, int position, const FunctorRow& row) {
  int32_t operands[3] = {-1, -1, -1};
  int count = 0;
  for (int o = 0; o < inner.row->arity; ++o) operands[count++] = inner.operands[o];
  for (int o = 0; o < outer.row->arity; ++o)
    if (o != position) operands[count++] = outer.operands[o];
  std::copy_n(operands, 3, outer.operands);
  become(outer, row);
}

class Joiner {
 public:
  Joiner(std::vector<Node>& nodes, int inputs, const int32_t* outputs, int num_outputs)
      : nodes_(nodes),
        inputs_(inputs),
        uses_(count_uses(nodes, inputs, outputs, num_outputs)),
        gone_(nodes.size(), false) {}

  void join_all() {
    for (Node& outer : nodes_) {
      take_negation(outer);
      const int32_t first = outer.operands[0];
      if (is_named(outer, "Log1p") && first >= inputs_ && is_named(maker(first), "ExpNegAbs")) {
        become(outer, kLog1pUnit);
      }
      while (join_one(outer)) {
      }
      take_cross_entropy(outer);
    }
  }
  bool is_gone(size_t node) const { return gone_[node]; }

 private:
  const Node& maker(int32_t operand) const { return nodes_[index(operand)]; }
  size_t index(int32_t operand) const { return static_cast<size_t>(operand - inputs_); }

  // Whether `outer` alone reads an instruction that could go into it.
  bool is_own(const Node& outer, int32_t operand) const {
    if (operand < inputs_ || uses_[index(operand)] != 1) return false;
    const Node& inner = maker(operand);
    return inner.row && inner.row->arity <= 2 && (outer.once || !inner.once);
  }

  bool join_one(Node& outer) {
    if (!outer.row || outer.check) return false;
    for (int position = 0; position < outer.row->arity; ++position) {
      const int32_t operand = outer.operands[position];
      if (!is_own(outer, operand)) continue;
      const FunctorRow* row = find_pair(outer, maker(operand), position);
      if (!row) continue;
      join(outer, maker(operand), position, *row);
      gone_[index(operand)] = true;
      return true;
    }
    return false;
  }

  // relu(x) - x z + log(exp(-|x|) + y), or with log1p(exp(-|x|)), where all three x are one operand.
  void take_cross_entropy(Node& outer) {
    const bool is_log1p = is_named(outer, "AddLog1pUnit");
    if (!is_log1p && !is_named(outer, "AddLogAddExp")) return;
    const int32_t first = outer.operands[0], rest = outer.operands[is_log1p ? 1 : 2];
    if (rest < inputs_ || uses_[index(rest)] != 1 || !is_named(maker(rest), "ReluSubMul")) return;
    if (is_log1p && (uses_[index(first)] != 1 || !is_named(maker(first), "ExpNegAbs"))) return;
    const int32_t x = is_log1p ? maker(first).operands[0] : first;
    const int32_t* const factors = maker(rest).operands;
    if (factors[2] != x || (factors[0] != x && factors[1] != x)) return;
    const int32_t z = factors[factors[0] == x ? 1 : 0];
    gone_[index(rest)] = true;
    if (is_log1p) gone_[index(first)] = true;
    outer.operands[0] = x;
    outer.operands[is_log1p ? 1 : 2] = z;
    become(outer, is_log1p ? kCrossEntropy1p : kCrossEntropy);
  }

  // x + -y is x - y, and x - -y is x + y.
  void take_negation(Node& outer) {
    if (!outer.row || (outer.type != DType::kFloat32 && outer.type != DType::kFloat64)) return;
    const char* name = usual_name(outer.row->name);
    const bool is_sum = std::strcmp(name, "Add") == 0;
    if (!is_sum && std::strcmp(name, "Sub") != 0) return;
    for (int position = is_sum ? 0 : 1; position < 2; ++position) {
      const int32_t operand = outer.operands[position];
      if (!is_own(outer, operand) || !is_named(maker(operand), "Neg")) continue;
      gone_[index(operand)] = true;
      outer.operands[0] = outer.operands[is_sum ? 1 - position : 0];
      outer.operands[1] = maker(operand).operands[0];
      become(outer, *find_functor(is_sum ? "Sub" : "Add"));
      return;
    }
  }

  std::vector<Node>& nodes_;
  const int inputs_;
  const std::vector<int> uses_;
  std::vector<bool> gone_;
};

}  // namespace

void join_pairs(std::vector<Node>& nodes, int inputs, int32_t* outputs, int num_outputs) {
  Joiner joiner(nodes, inputs, outputs, num_outputs);
  joiner.join_all();
  // The rest moves up.
  std::vector<int32_t> place(nodes.size(), -1);
  std::vector<Node> left;
  const auto move = [&](int32_t& operand) {
    if (operand >= inputs) operand = place[static_cast<size_t>(operand - inputs)];
  };
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (joiner.is_gone(i)) continue;
    place[i] = inputs + static_cast<int32_t>(left.size());
    left.push_back(nodes[i]);
    for (int32_t& operand : left.back().operands) move(operand);
  }
  for (int o = 0; o < num_outputs; ++o) move(outputs[o]);
  nodes = std::move(left);
}

}  // namespace grafo::cpu
