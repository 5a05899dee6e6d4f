// Pairs of instructions that often follow each other, as loops of their own: what the first one
// makes stays in a register of the processor. The bits are those of one after the other.
#include <cstring>
#include <utility>

#include "cpu/fused_loops.h"
#include "cpu/fused_node.h"

namespace grafo::cpu {
namespace {

// outer(inner(x)), and with what the outer one also takes.
template <class Outer, class Inner>
struct Chained {
  template <class T>
  FN T operator()(T x) const {
    return Outer()(Inner()(x));
  }
  template <class T>
  FN T operator()(T x, T y) const {
    return Outer()(Inner()(x, y));
  }
};
template <class Outer, class Inner>
struct InFirst {
  template <class T>
  FN T operator()(T x, T y) const {
    return Outer()(Inner()(x), y);
  }
  template <class T>
  FN T operator()(T x, T y, T z) const {
    return Outer()(Inner()(x, y), z);
  }
};
template <class Outer, class Inner>
struct InSecond {
  template <class T>
  FN T operator()(T x, T y) const {
    return Outer()(y, Inner()(x));
  }
  template <class T>
  FN T operator()(T x, T y, T z) const {
    return Outer()(z, Inner()(x, y));
  }
};
struct NegAbs {
  template <class T>
  FN T operator()(T x) const {
    return -math::fabs(x);
  }
};
// log1p of what is made so. It is an instruction of its own: in one loop with the exponential it
// would take longer than both, as the chain is too long to overlap with the next.
struct Log1pUnit {
  static constexpr int kVectors = 4;
  template <class T>
  FN T operator()(T x) const {
    return math::log1p_unit(x);
  }
};

template <class Functor, class T>
void ternary_loop(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  auto* to = static_cast<T*>(dst);
  auto* x = static_cast<const T*>(a);
  auto* y = static_cast<const T*>(b);
  auto* z = static_cast<const T*>(c);
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
  return pair;
}

#define GRAFO_PAIR_ROWS(outer, inner)                                                      \
  pair_row<InFirst<math::outer, math::inner>, 3>(#outer, #inner, 0, #outer "1" #inner, 2), \
      pair_row<InSecond<math::outer, math::inner>, 3>(#outer, #inner, 1, #outer "2" #inner, 2)
#define GRAFO_PAIRS_OF(outer) \
  GRAFO_PAIR_ROWS(outer, Add), GRAFO_PAIR_ROWS(outer, Sub), GRAFO_PAIR_ROWS(outer, Mul)

constexpr PairRow kPairs[] = {
    pair_row<NegAbs, 1>("Neg", "Abs", 0, "NegAbs", 1),
    pair_row<math::ExpMinusAbs, 1>("Exp", "NegAbs", 0, "ExpNegAbs", 8),
    pair_row<InFirst<math::Sub, math::Relu>, 2>("Sub", "Relu", 0, "Sub1Relu", 2),
    pair_row<Chained<math::Relu, math::Add>, 2>("Relu", "Add", 0, "ReluAdd", 2),
    GRAFO_PAIRS_OF(Add),
    GRAFO_PAIRS_OF(Sub),
    GRAFO_PAIRS_OF(Mul),
};

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

// Puts `inner` into `outer`, whose operand `position` it makes.
void join(Node& outer, const Node& inner, int position, const FunctorRow& row) {
  const int32_t other = row.arity > inner.row->arity ? outer.operands[1 - position] : -1;
  int count = 0;
  for (const int32_t operand : inner.operands)
    if (operand >= 0) outer.operands[count++] = operand;
  if (other >= 0) outer.operands[count++] = other;
  while (count < 3) outer.operands[count++] = -1;
  outer.row = &row;
  outer.loop = row.loops[column_of(outer.type)];
  outer.cost = row.cost;
}

}  // namespace

void join_pairs(std::vector<Node>& nodes, int inputs, int32_t* outputs, int num_outputs) {
  std::vector<int> uses = count_uses(nodes, inputs, outputs, num_outputs);
  std::vector<bool> gone(nodes.size(), false);
  for (Node& outer : nodes) {
    const int32_t first = outer.operands[0];
    if (is_named(outer, "Log1p") && first >= inputs &&
        is_named(nodes[static_cast<size_t>(first - inputs)], "ExpNegAbs")) {
      outer.row = &kLog1pUnit;
      outer.loop = kLog1pUnit.loops[column_of(outer.type)];
      outer.cost = kLog1pUnit.cost;
    }
    for (int position = 0; position < 2; ++position) {
      const int32_t operand = outer.operands[position];
      if (!outer.row || outer.row->arity > 2 || operand < inputs) continue;
      const auto made_by = static_cast<size_t>(operand - inputs);
      const Node& inner = nodes[made_by];
      if (uses[made_by] != 1 || !inner.row || inner.row->arity > 2) continue;
      if (inner.once && !outer.once) continue;
      const FunctorRow* row = find_pair(outer, inner, position);
      if (!row) continue;
      join(outer, inner, position, *row);
      gone[made_by] = true;
      break;
    }
  }
  // The rest moves up.
  std::vector<int32_t> place(nodes.size(), -1);
  std::vector<Node> left;
  const auto move = [&](int32_t& operand) {
    if (operand >= inputs) operand = place[static_cast<size_t>(operand - inputs)];
  };
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (gone[i]) continue;
    place[i] = inputs + static_cast<int32_t>(left.size());
    left.push_back(nodes[i]);
    for (int32_t& operand : left.back().operands) move(operand);
  }
  for (int o = 0; o < num_outputs; ++o) move(outputs[o]);
  nodes = std::move(left);
}

}  // namespace grafo::cpu
