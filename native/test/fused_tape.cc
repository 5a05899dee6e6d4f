// The tape: every functor and dtype against one-element evaluation, broadcasts against an
// index-by-index walk, cuts and threads against each other, aliases, refusals, and plans that must
// be rejected.
#include <cmath>
#include <random>

#include "cpu/fused_table.h"
#include "cpu/kernels.h"
#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

std::mt19937_64 random_bits(11);

void fill_random(Value& v) {
  for (int64_t i = 0; i < v.desc.size; ++i) {
    const double x =
        std::ldexp((double)(int64_t)random_bits() / 0x1p63, (int)(random_bits() % 8) - 2);
    switch (v.desc.dtype) {
      case DType::kFloat32:
        v.data<float>()[i] = (float)x;
        break;
      case DType::kFloat64:
        v.data<double>()[i] = x;
        break;
      case DType::kBool:
        v.data<uint8_t>()[i] = random_bits() & 1;
        break;
      default: {
        uint64_t bits =
            random_bits() % 5 ? random_bits() % 9 - (random_bits() & 1) * 4 : random_bits();
        if (bits == 0) bits = 1;
        switch (item_size(v.desc.dtype)) {
          case 1:
            v.data<uint8_t>()[i] = (uint8_t)bits | !(uint8_t)bits;
            break;
          case 2:
            v.data<uint16_t>()[i] = (uint16_t)bits | !(uint16_t)bits;
            break;
          case 4:
            v.data<uint32_t>()[i] = (uint32_t)bits | !(uint32_t)bits;
            break;
          default:
            v.data<uint64_t>()[i] = bits;
        }
      }
    }
  }
}

constexpr DType kAll[] = {DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kUint8,
                          DType::kInt16,   DType::kInt8,    DType::kInt64, DType::kBool,
                          DType::kUint16,  DType::kUint32,  DType::kUint64};

// A loop of n elements must give what n loops of one element give: vector body against scalar rest.
void every_functor_is_the_same_for_any_length() {
  const char* const* names;
  const int32_t count = cpu::functor_names(&names);
  int cells = 0;
  for (int32_t f = 0; f < count; ++f)
    for (DType from : kAll)
      for (DType to : kAll) {
        if (!cpu::has_functor(names[f], from, to)) continue;
        ++cells;
        const bool cast = !std::strcmp(names[f], "Cast");
        const cpu::FunctorRow* row = cast ? nullptr : cpu::find_functor(names[f]);
        const int arity = cast ? 1 : row->arity;
        const int n = 133;
        Value a = value(arity == 3 ? DType::kBool : from, {n}), b = value(from, {n}),
              c = value(from, {n}), y = value(to, {n});
        fill_random(a), fill_random(b), fill_random(c);
        if (!std::strcmp(names[f], "Pow") && item_size(from) && from != DType::kFloat32 &&
            from != DType::kFloat64)
          for (int i = 0; i < n; ++i)
            std::memset(b.data<char>() + i * item_size(from), 0, item_size(from)),
                b.data<char>()[i * item_size(from)] = (char)(i % 9);
        Tape tape({n});
        tape.inputs = {&a, &b, &c};
        tape.outputs = {&y};
        tape.op(names[f], from, to, 0, arity > 1 ? 1 : -1, arity > 2 ? 2 : -1);
        tape.out(3);
        const Status status = tape.run();
        EXPECT(status.ok(), "%s %s: %s", names[f], dtype_name(from), status.text);
        const int column = cpu::column_of(from);
        const cpu::Loop loop =
            cast ? cpu::find_cast(from, to) : row->loops[column < 0 ? 0 : column];
        const size_t ia = item_size(a.desc.dtype), ib = item_size(from), io = item_size(to);
        for (int i = 0; i < n; ++i) {
          uint64_t one = 0;
          loop(&one, a.data<char>() + i * ia, b.data<char>() + i * ib, c.data<char>() + i * ib, 1);
          const char* got = y.data<char>() + i * io;
          bool nan = (to == DType::kFloat32 && std::isnan(y.data<float>()[i])) ||
                     (to == DType::kFloat64 && std::isnan(y.data<double>()[i]));
          if (!nan)
            EXPECT(!std::memcmp(&one, got, io), "%s %s at %d", names[f], dtype_name(from), i);
        }
      }
  CHECK(cells > 500);
}

void broadcasts_match_a_plain_walk() {
  for (int trial = 0; trial < 600; ++trial) {
    const int rank = (int)(random_bits() % 6);
    std::vector<int64_t> dims;
    const int64_t sizes[] = {1, 2, 3, 5, 7, 16, 33, 70};
    int64_t n = 1;
    for (int d = 0; d < rank; ++d) {
      int64_t dim = sizes[random_bits() % 8];
      if (n * dim > 200000) dim = 1;
      if (random_bits() % 60 == 0) dim = 0;
      dims.push_back(dim), n *= dim;
    }
    std::vector<Value> ins;
    for (int i = 0; i < 3; ++i) {
      const int own = rank ? (int)(random_bits() % (unsigned)(rank + 1)) : 0;
      std::vector<int64_t> shape(dims.end() - own, dims.end());
      for (int64_t& dim : shape)
        if (random_bits() % 3 == 0) dim = 1;
      ins.push_back(value(DType::kFloat32, shape));
      fill_random(ins.back());
    }
    Value y = value(DType::kFloat32, dims), z = value(DType::kFloat32, {n});
    Tape tape(dims);
    tape.inputs = {&ins[0], &ins[1], &ins[2]};
    tape.outputs = {&y, &z};
    tape.op("Add", DType::kFloat32, DType::kFloat32, 0, 1);
    tape.op("Mul", DType::kFloat32, DType::kFloat32, 3, 2);
    tape.out(4), tape.out(1);
    const Status status = tape.run(trial % 2 ? 1 : 5);
    EXPECT(status.ok(), "%s", status.text);
    for (int64_t i = 0; i < n; ++i) {
      float x[3];
      for (int k = 0; k < 3; ++k) {
        int64_t rest = i, offset = 0, stride = 1;
        for (int d = 0; d < rank; ++d) {
          const int64_t index = rest % dims[rank - 1 - d];
          rest /= dims[rank - 1 - d];
          if (d < ins[k].desc.rank) {
            const int64_t dim = ins[k].desc.dims[ins[k].desc.rank - 1 - d];
            if (dim != 1) offset += index * stride;
            stride *= dim;
          }
        }
        x[k] = ins[k].data<float>()[offset];
      }
      if (y.data<float>()[i] != (x[0] + x[1]) * x[2] || z.data<float>()[i] != x[1]) {
        EXPECT(false, "trial %d element %lld", trial, (long long)i);
        break;
      }
    }
  }
}

// Random tapes of 40 instructions with several outputs against the same instructions one a step;
// then with threads, and with an output over an input.
void cuts_threads_and_aliases_change_nothing() {
  const char* unary[] = {"Neg", "Exp",      "Tanh", "Sigmoid", "Abs",
                         "Sin", "Softplus", "Relu", "Erf",     "Square"};
  const char* binary[] = {"Add",     "Sub", "Mul", "Maximum", "RealDiv", "SquaredDifference",
                          "TanhGrad"};
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t n = trial % 3 ? 1 + (int64_t)(random_bits() % 3000) : 150000;
    const int64_t c = 1 + (int64_t)(random_bits() % 90), rows = n / c + 1;
    Value a = value(DType::kFloat32, {rows, c}), b = value(DType::kFloat32, {c}),
          s = value(DType::kFloat32, {}), r = value(DType::kFloat32, {rows, 1});
    fill_random(a), fill_random(b), fill_random(s), fill_random(r);
    Tape tape({rows, c});
    tape.inputs = {&a, &b, &s, &r};
    std::vector<Value> results;
    const int count = 40;
    results.reserve(count);
    std::vector<Value*> operands = {&a, &b, &s, &r};
    for (int i = 0; i < count; ++i) {
      const int32_t x = (int32_t)(random_bits() % (unsigned)(4 + i)),
                    y = (int32_t)(random_bits() % (unsigned)(4 + i));
      const bool two = random_bits() & 1;
      const char* name = two ? binary[random_bits() % 7] : unary[random_bits() % 10];
      tape.op(name, DType::kFloat32, DType::kFloat32, x, two ? y : -1);
      results.push_back(value(DType::kFloat32, {rows, c}));
      Tape single({rows, c});
      single.inputs = {operands[(size_t)x], operands[(size_t)y]};
      single.outputs = {&results.back()};
      single.op(name, DType::kFloat32, DType::kFloat32, 0, two ? 1 : -1);
      single.out(2);
      EXPECT(single.run().ok());
      operands.push_back(&results.back());
    }
    std::vector<int32_t> outs;
    std::vector<Value> ys;
    ys.reserve(6);
    for (int o = 0; o < 6; ++o) {
      outs.push_back(o == 5 ? outs[4] : (int32_t)(random_bits() % (unsigned)(4 + count)));
      ys.push_back(value(DType::kFloat32, {rows, c}));
      tape.outputs.push_back(&ys.back());
      tape.out(outs.back());
    }
    auto compare = [&](const char* what) {
      for (int o = 0; o < 6; ++o) {
        Value& want = *operands[(size_t)outs[(size_t)o]];
        if (want.desc.size != a.desc.size) continue;
        const float* got =
            o == 2 && !tape.storages.empty() ? a.data<float>() : ys[(size_t)o].data<float>();
        for (int64_t i = 0; i < a.desc.size; ++i)
          if (std::memcmp(&got[i], &want.data<float>()[i], 4) &&
              !(std::isnan(got[i]) && std::isnan(want.data<float>()[i]))) {
            EXPECT(false, "%s: trial %d output %d element %lld: %g, not %g", what, trial, o,
                   (long long)i, got[i], want.data<float>()[i]);
            return;
          }
      }
    };
    EXPECT(tape.run(1).ok());
    compare("one thread");
    EXPECT(tape.run(7).ok());
    compare("seven threads");
    Value keep = a;
    operands[0] = &keep;
    tape.storages = {0, 1, 2, 3, 4, 5, 0, 6, 7, 8};
    const Status status = tape.run(trial % 2 ? 1 : 3);
    EXPECT(status.ok(), "%s", status.text);
    compare("in place");
  }
}

// Long rows: a tile lies in one run of the broadcast input, and the next tile in another.
void long_rows(int64_t c) {
  const int64_t rows = 9;
  Value x = value(DType::kFloat32, {rows, c}), b = value(DType::kFloat32, {rows, 1}),
        v = value(DType::kFloat32, {c}), y = value(DType::kFloat32, {rows, c});
  fill_random(x), fill_random(b), fill_random(v);
  Tape tape({rows, c});
  tape.inputs = {&x, &b, &v};
  tape.outputs = {&y};
  tape.op("Mul", DType::kFloat32, DType::kFloat32, 0, 1);
  tape.op("Sub", DType::kFloat32, DType::kFloat32, 3, 2);
  tape.out(4);
  for (int threads : {1, 3}) {
    CHECK(tape.run(threads).ok());
    bool same = true;
    for (int64_t i = 0; i < rows * c; ++i)
      same &= y.data<float>()[i] ==
              x.data<float>()[i] * b.data<float>()[i / c] - v.data<float>()[i % c];
    CHECK(same);
  }
}

// Types of different widths in one tape: a register must not be taken over by a wider result while
// it is read.
void mixed_types() {
  const int64_t n = 1500;
  Value x = value(DType::kFloat32, {n}), y = value(DType::kFloat32, {n}),
        m = value(DType::kBool, {n});
  fill_random(x);
  Tape tape({n});
  tape.inputs = {&x};
  tape.outputs = {&y, &m};
  const DType f = DType::kFloat32, d = DType::kFloat64, i = DType::kInt16;
  tape.op("Mul", f, f, 0, 0);              // 1
  tape.op("Cast", f, d, 1);                // 2: 1 dies, narrower
  tape.op("Add", d, d, 2, 2);              // 3
  tape.op("Cast", d, i, 3);                // 4: 3 dies, wider
  tape.op("Cast", i, d, 4);                // 5
  tape.op("Less", d, DType::kBool, 3, 5);  // 6
  tape.op("Cast", d, f, 5);                // 7
  tape.op("Select", f, f, 6, 0, 7);        // 8
  tape.out(8), tape.out(6);
  CHECK(tape.run().ok());
  bool same = true;
  for (int64_t k = 0; k < n; ++k) {
    const float v = x.data<float>()[k], square = v * v;
    const double twice = 2.0 * square, whole = static_cast<int16_t>(twice);
    same &= m.data<uint8_t>()[k] == (twice < whole) &&
            y.data<float>()[k] == (twice < whole ? v : static_cast<float>(whole));
  }
  CHECK(same);
}

void swapping_outputs() {
  Value a = value(DType::kInt32, {1000}), b = value(DType::kInt32, {1000}),
        unused = value(DType::kInt32, {1000});
  for (int i = 0; i < 1000; ++i) a.data<int32_t>()[i] = i, b.data<int32_t>()[i] = -i;
  Tape tape({1000});
  tape.inputs = {&a, &b};
  tape.outputs = {&unused, &unused};
  tape.storages = {0, 1, 0, 1};
  tape.out(1), tape.out(0);
  EXPECT(tape.run().ok());
  for (int i = 0; i < 1000; ++i)
    EXPECT(a.data<int32_t>()[i] == -i && b.data<int32_t>()[i] == i, "%d", i);
}

void refusals() {
  for (int threads : {1, 4}) {
    Value a = value(DType::kInt32, {500000}), b = value(DType::kInt32, {500000}),
          e = value(DType::kInt32, {500000}), y = value(DType::kInt32, {500000});
    for (int i = 0; i < 500000; ++i)
      a.data<int32_t>()[i] = INT32_MIN, b.data<int32_t>()[i] = -1, e.data<int32_t>()[i] = 2;
    Tape tape({500000});
    tape.inputs = {&a, &b, &e};
    tape.outputs = {&y};
    tape.op("FloorDiv", DType::kInt32, DType::kInt32, 0, 1, -1, 41);
    tape.op("Pow", DType::kInt32, DType::kInt32, 3, 2, -1, 42);
    tape.out(3);
    Status status = tape.run(threads);
    EXPECT(status.ok() && y.data<int32_t>()[499999] == INT32_MIN, "%s", status.text);
    e.data<int32_t>()[3] = -1;
    status = tape.run(threads);
    EXPECT(status.code == Code::kInvalidArgument && status.node == 42 &&
               !std::strcmp(status.text, "Integers to negative integer powers are not allowed"),
           "%s", status.text);
    b.data<int32_t>()[400000] = 0;  // in a later tile, of an earlier instruction
    status = tape.run(threads);
    EXPECT(status.code == Code::kInvalidArgument && status.node == 41 &&
               !std::strcmp(status.text, "Integer division by zero"),
           "%s", status.text);
  }
}

void semantics() {
  struct Case {
    const char* name;
    double a, b, want;
  };
  const double nan = NAN, inf = INFINITY;
  const Case cases[] = {{"FloorMod", -7, 3, 2},
                        {"FloorMod", 7, -3, -2},
                        {"TruncateMod", -7, 3, -1},
                        {"FloorDiv", -7, 2, -4},
                        {"TruncateDiv", -7, 2, -3.5},
                        {"Maximum", nan, 1, nan},
                        {"Maximum", 1, nan, 1},
                        {"Minimum", 1, nan, 1},
                        {"Minimum", nan, 1, nan},
                        {"DivNoNan", 1, 0, 0},
                        {"MulNoNan", inf, 0, 0},
                        {"Xlogy", 0, 0, 0},
                        {"Xdivy", 0, 0, 0},
                        {"Pow", -2, 3, -8},
                        {"Pow", -8, 1.0 / 3, nan},
                        {"ReluGrad", 5, 0, 0},
                        {"ReluGrad", 5, 1, 5},
                        {"Relu6Grad", 5, 6, 0},
                        {"SqrtGrad", 0, 0, 0},
                        {"SqrtGrad", 0, 1, inf},
                        {"SigmoidGrad", 0.5, 2, 0.5},
                        {"TanhGrad", 0.5, 2, 1.5},
                        {"Atan2", 0, -1, 3.1415927410125732},
                        {"Round", 2.5, 0, 2},
                        {"Round", -4.5, 0, -4},
                        {"Round", 3.5, 0, 4},
                        {"Sign", nan, 0, 0},
                        {"Relu", nan, 0, nan},
                        {"Relu6", 7, 0, 6},
                        {"Softsign", 1, 0, 0.5},
                        {"Elu", -inf, 0, -1},
                        {"Rsqrt", 0, 0, inf}};
  for (const Case& one : cases) {
    Value a = value(DType::kFloat32, {}), b = value(DType::kFloat32, {}),
          y = value(DType::kFloat32, {});
    *a.data<float>() = (float)one.a, *b.data<float>() = (float)one.b;
    Tape tape({});
    tape.inputs = {&a, &b};
    tape.outputs = {&y};
    tape.op(one.name, DType::kFloat32, DType::kFloat32, 0,
            cpu::find_functor(one.name)->arity == 2 ? 1 : -1);
    tape.out(2);
    const Status status = tape.run();
    const float got = *y.data<float>(), want = (float)one.want;
    EXPECT(status.ok() && (got == want || (std::isnan(got) && std::isnan(want))),
           "%s(%g, %g) = %g, not %g %s", one.name, one.a, one.b, got, want, status.text);
  }
  const struct {
    double x;
    DType to;
    int64_t want;
  } casts[] = {{1.9, DType::kInt32, 1},
               {-1.9, DType::kInt32, -1},
               {nan, DType::kInt32, INT32_MIN},
               {3e9, DType::kInt32, INT32_MIN},
               {-2147483648.0, DType::kInt32, INT32_MIN},
               {300, DType::kUint8, 44},
               {-1, DType::kUint8, 255},
               {nan, DType::kInt64, INT64_MIN},
               {3e9, DType::kUint32, 3000000000},
               {1e19, DType::kUint64, (int64_t)10000000000000000000ull},
               {nan, DType::kBool, 1},
               {0, DType::kBool, 0},
               {2147483647.5, DType::kInt32, 2147483647}};
  for (const auto& one : casts) {
    uint64_t got = 0;
    cpu::find_cast(DType::kFloat64, one.to)(&got, &one.x, nullptr, nullptr, 1);
    EXPECT(!std::memcmp(&got, &one.want, item_size(one.to)), "cast %g to %s: %llx", one.x,
           dtype_name(one.to), (unsigned long long)got);
  }
}

void rejected_plans() {
  Value a = value(DType::kFloat32, {4}), y = value(DType::kFloat32, {4});
  auto base = [&] {
    Tape tape({4});
    tape.inputs = {&a};
    tape.outputs = {&y};
    tape.op("Exp", DType::kFloat32, DType::kFloat32, 0);
    tape.out(1);
    return tape;
  };
  EXPECT(base().run().ok());
  const size_t words = base().attrs.size();
  int rejected = 0;
  for (size_t w = 0; w < words; ++w)
    for (int32_t word : {-1, 0, 1, 2, 5, 7, 23, 4096, INT32_MAX, INT32_MIN}) {
      Tape tape = base();
      tape.attrs[w] = word;
      rejected += !tape.run().ok();
    }
  EXPECT(rejected > 60, "%d", rejected);
  for (size_t w = 0; w < words; ++w) {
    Tape tape = base();
    tape.attrs.resize(w);
    EXPECT(tape.run().code == Code::kInternal);
  }
  Tape tape = base();
  tape.attrs.push_back(0);
  EXPECT(tape.run().code == Code::kInternal);
  Value wide = value(DType::kFloat64, {4}), one = value(DType::kFloat32, {1});
  Tape aliased({4});
  aliased.inputs = {&one};
  aliased.outputs = {&y};
  aliased.storages = {0, 0};
  aliased.op("Exp", DType::kFloat32, DType::kFloat32, 0);
  aliased.out(1);
  EXPECT(aliased.run().code == Code::kInternal);
  Tape widened({4});
  widened.inputs = {&a};
  widened.outputs = {&wide};
  widened.storages = {0, 0};
  widened.op("Cast", DType::kFloat32, DType::kFloat64, 0);
  widened.out(1);
  EXPECT(widened.run().code == Code::kInternal);
}

}  // namespace

TEST("Fused: every functor gives the same for any length") {
  every_functor_is_the_same_for_any_length();
}
TEST("Fused: broadcasts match a plain walk") { broadcasts_match_a_plain_walk(); }
TEST("Fused: cuts, threads and aliases change nothing") {
  cuts_threads_and_aliases_change_nothing();
}
TEST("Fused: outputs that swap inputs") { swapping_outputs(); }
TEST("Fused: integer division and power refuse, and the first instruction is blamed") {
  refusals();
}
TEST("Fused: TensorFlow's semantics at the edges") { semantics(); }
TEST("Fused: plans that break the contract are rejected") { rejected_plans(); }
TEST("Fused: rows longer than a tile") {
  for (int64_t c : {512, 1024, 3000}) long_rows(c);
}
TEST("Fused: types of different widths in one tape") { mixed_types(); }
