// See hostile.h.
#include "test/hostile.h"

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>

#include "runtime/engine.h"
#include "test/engine_fake.h"

extern "C" const grafo::Backend* grafo_backend();

namespace grafo::test {
namespace {

constexpr DType F = DType::kFloat32, D = DType::kFloat64, I = DType::kInt32, L = DType::kInt64,
                B = DType::kBool;

// Attribute words: 32-bit ones as they are, 64-bit ones low word first.
struct Words {
  std::vector<int32_t> list;
  Words& i32(std::initializer_list<int32_t> values) {
    list.insert(list.end(), values);
    return *this;
  }
  Words& i64(std::initializer_list<int64_t> values) {
    for (const int64_t value : values) i32({static_cast<int32_t>(value), static_cast<int32_t>(value >> 32)});
    return *this;
  }
  operator std::vector<int32_t>() const { return list; }
};

struct Instruction {
  const char* functor;
  DType operand, result;
  int32_t a, b, c;
};
struct Reduction {
  int32_t output, op, columns;
  int64_t length;
};
std::vector<int32_t> tape(PlanWriter& w, std::initializer_list<int64_t> dims,
                          std::initializer_list<Instruction> instructions,
                          std::initializer_list<int32_t> outputs,
                          std::initializer_list<Reduction> reductions = {}) {
  Words words;
  words.i32({static_cast<int32_t>(dims.size())}).i64(dims);
  words.i32({static_cast<int32_t>(instructions.size())});
  for (const Instruction& i : instructions) {
    words.i32({w.symbol(i.functor), static_cast<int32_t>(i.operand), static_cast<int32_t>(i.result),
               i.a, i.b, i.c, 9, 0});
  }
  words.i32(outputs);
  for (const Reduction& r : reductions) words.i32({r.output, r.op, r.columns}).i64({r.length});
  return words;
}

PlanWriter elementwise() {
  PlanWriter w;
  const int x = w.feed(F, {3, 4}), bias = w.feed(F, {4}), n = w.feed(I, {3, 4}), flag = w.feed(B, {3, 4});
  const int y = w.arena(F, {3, 4}), z = w.arena(F, {3, 4}), q = w.arena(I, {3, 4}), both = w.arena(B, {3, 4});
  w.step("Fused", {x, bias}, {y}, tape(w, {3, 4}, {{"Add", F, F, 0, 1, -1}, {"Tanh", F, F, 2, -1, -1}}, {3}));
  w.step("Fused", {y, x, flag}, {y},
         tape(w, {3, 4}, {{"Mul", F, F, 0, 1, -1}, {"Select", F, F, 2, 3, 0}}, {4}));
  w.step("Fused", {y, n}, {z, both},
         tape(w, {3, 4}, {{"Cast", I, F, 1, -1, -1}, {"Less", F, B, 0, 2, -1}, {"Sub", F, F, 0, 2, -1}}, {4, 3}));
  w.step("Fused", {n}, {q}, tape(w, {3, 4}, {{"FloorDiv", I, I, 0, 0, -1}}, {1}));
  w.step("CheckNumerics", {z}, {z}, {w.symbol("z")});
  const int rows = w.arena(F, {3}), least = w.arena(I, {4}), kept = w.arena(F, {3, 4}), all = w.arena(F, {3});
  w.step("Fused", {x, bias}, {rows, kept, all},
         tape(w, {3, 4}, {{"Mul", F, F, 0, 1, -1}}, {2, 2, 0}, {{0, 1, 0, 4}, {2, 3, 0, 4}}));
  w.step("Fused", {n}, {least}, tape(w, {3, 4}, {{"Neg", I, I, 0, -1, -1}}, {1}, {{0, 4, 1, 3}}));
  for (const int value : {y, z, q, both, rows, least, kept, all}) w.fetch(value);
  return w;
}

// Segments in place and out of place, a scalar for all and one for each.
PlanWriter batches() {
  PlanWriter w;
  const int rate = w.feed(F, {}), one = w.feed(F, {1}), other = w.feed(F, {});
  const int dv = w.feed(F, {3, 4}), dw = w.feed(F, {5}), x = w.feed(I, {600}), y = w.feed(I, {4});
  const int v = w.variable(9, F, {3, 4}), u = w.variable(10, F, {5});
  const int to_x = w.arena(F, {600}), to_y = w.arena(F, {2, 2});
  w.step("FusedBatch", {rate, v, dv, one, u, dw, other}, {v, u},
         Words().i32({2, 1, 3, 0, 0, 1}).i64({12, 5}).i32({3,
           w.symbol("Mul"), 1, 1, 2, 0, -1, 9, 0, w.symbol("Mul"), 1, 1, 4, 3, -1, 9, 0,
           w.symbol("Sub"), 1, 1, 1, 5, -1, 9, 0, 6}));
  w.step("FusedBatch", {x, y}, {to_x, to_y},
         Words().i32({2, 0, 1, 0}).i64({600, 4}).i32({1, w.symbol("Cast"), 3, 1, 0, -1, -1, 9, 0, 1}));
  for (const int value : {v, u, to_x, to_y}) w.fetch(value);
  return w;
}

// Rows that are reduced and read again, and what grows over all of them.
PlanWriter blocks() {
  PlanWriter w;
  const int x = w.feed(F, {5, 3});
  const int y = w.arena(F, {5, 3}), sums = w.arena(F, {3});
  Words words;
  words.i64({5, 2}).i32({1, 1}).i64({1}).i32({2});
  const auto part = [&](std::initializer_list<int32_t> operands, std::vector<int32_t> tape) {
    words.i32(operands).i32({static_cast<int32_t>(tape.size())});
    words.list.insert(words.list.end(), tape.begin(), tape.end());
  };
  part({9, 1, 1, 0, 1, 1, 3, 0, 3, 1, 0}, tape(w, {2, 3}, {}, {0}, {{0, 1, 0, 3}}));
  part({9, 2, 2, 0, 1, 1, 3, 0, 3, 1, 1, 1, 0, 1, 1, 1, 3, 0, 2, 0, 1, 3, 0},
       tape(w, {2, 3}, {{"Sub", F, F, 0, 1, -1}}, {2, 2}, {{1, 0, 1, 2}}));
  w.step("FusedRows", {x}, {y, sums}, words);
  for (const int value : {y, sums}) w.fetch(value);
  return w;
}

PlanWriter reductions() {
  PlanWriter w;
  const int x = w.feed(D, {3, 4, 5}), flag = w.feed(B, {3, 4});
  const int sum = w.arena(D, {3, 5}), mean = w.arena(D, {}), top = w.arena(D, {4}), any = w.arena(B, {3});
  const int at = w.arena(I, {3, 5}), run = w.arena(D, {3, 4, 5});
  w.step("Reduce", {x}, {sum}, {0, 1, 1});
  w.step("Reduce", {x}, {mean}, {1, 3, 0, 1, 2});
  w.step("Reduce", {x}, {top}, {3, 2, 0, 2});
  w.step("Reduce", {flag}, {any}, {6, 1, 1});
  w.step("ArgReduce", {x}, {at}, {0, 1});
  w.step("Cumulative", {x}, {run}, {0, 1, 1, 0});
  for (const int value : {sum, mean, top, any, at, run}) w.fetch(value);
  return w;
}

PlanWriter network() {
  PlanWriter w;
  const int x = w.feed(F, {6, 5}), labels = w.feed(I, {6}), hot = w.feed(F, {6, 4});
  const int weights = w.variable(3, F, {5, 4});
  const int logits = w.arena(F, {6, 4}), soft = w.arena(F, {6, 4}), logs = w.arena(F, {6, 4}), columns = w.arena(F, {6, 4});
  const int loss = w.arena(F, {6}), back = w.arena(F, {6, 4}), loss2 = w.arena(F, {6}), back2 = w.arena(F, {6, 4});
  const int grad = w.arena(F, {5, 4});
  w.step("MatMul", {x, weights}, {logits}, {0, 0});
  w.step("Softmax", {logits}, {soft});
  w.step("LogSoftmax", {logits}, {logs});
  w.step("Softmax", {logits}, {columns}, {0});
  w.step("SoftmaxXent", {logits, hot}, {loss2, back2});
  w.step("SparseSoftmaxXent", {logits, labels}, {loss, back});
  w.step("MatMul", {x, back2}, {grad}, {1, 0});
  w.step("Fused", {weights, grad}, {weights}, tape(w, {5, 4}, {{"Sub", F, F, 0, 1, -1}}, {2}));
  for (const int value : {soft, logs, columns, loss, loss2, weights}) w.fetch(value);
  return w;
}

// Products that end in tapes: over rows and columns, in place, in memory of their own.
PlanWriter endings() {
  PlanWriter w;
  const auto ends = [&](int ta, int tb, std::vector<int32_t> words) {
    words.insert(words.begin(), {ta, tb});
    return words;
  };
  const int x = w.feed(F, {20, 30}), weights = w.variable(11, F, {30, 40}), bias = w.feed(F, {40}), rate = w.feed(F, {});
  const int i = w.feed(I, {4, 3}), j = w.feed(I, {4, 3}), one = w.feed(F, {3, 5, 6}), two = w.feed(F, {6, 7});
  const int y = w.arena(F, {20, 40}), dz = w.arena(F, {20, 40}), db = w.arena(F, {40}), loss = w.arena(F, {});
  const int q = w.arena(I, {4, 4}), z = w.arena(F, {3, 5, 7});
  w.step("MatMulFused", {x, weights, bias}, {y},
         ends(0, 0, tape(w, {20, 40}, {{"Add", F, F, 0, 1, -1}, {"Relu", F, F, 2, -1, -1}}, {3})));
  w.step("MatMulFused", {x, weights, y}, {dz, db},
         ends(0, 0, tape(w, {20, 40}, {{"ReluGrad", F, F, 0, 1, -1}}, {2, 2}, {{1, 0, 1, 20}})));
  w.step("MatMulFused", {x, dz, weights, rate}, {weights},
         ends(1, 0, tape(w, {30, 40}, {{"Mul", F, F, 0, 2, -1}, {"Sub", F, F, 1, 3, -1}}, {4})));
  w.step("MatMulFused", {y, y}, {loss},
         ends(0, 1, tape(w, {20, 20}, {{"Square", F, F, 0, -1, -1}}, {1}, {{0, 1, 0, 400}})));
  w.step("MatMulFused", {i, j}, {q}, ends(0, 1, tape(w, {4, 4}, {{"FloorDiv", I, I, 0, 0, -1}}, {1})));
  w.step("MatMulFused", {one, two}, {z}, ends(0, 0, tape(w, {3, 5, 7}, {{"Tanh", F, F, 0, -1, -1}}, {1})));
  for (const int value : {y, dz, db, loss, q, z, weights}) w.fetch(value);
  return w;
}

PlanWriter movement() {
  PlanWriter w;
  const int x = w.feed(F, {4, 6}), one = w.feed(F, {});
  const int t = w.arena(F, {6, 4}), both = w.arena(F, {8, 6}), part = w.arena(F, {2, 2});
  const int back = w.arena(F, {4, 6}), mirror = w.arena(F, {6, 8}), folded = w.arena(F, {4, 6});
  const int tiled = w.arena(F, {8, 6}), full = w.arena(F, {3}), copy = w.arena(F, {24});
  w.step("Transpose", {x}, {t}, {1, 0});
  w.step("Concat", {x, x}, {both}, {0});
  w.step("Slice", {x}, {part}, Words().i32({2}).i64({3, 1, -2, 2}));
  w.step("SliceGrad", {part, one}, {back}, Words().i32({2}).i64({3, 1, -2, 2}));
  w.step("MirrorPad", {x}, {mirror}, Words().i32({0, 2}).i64({1, 1}));
  w.step("MirrorPadGrad", {mirror}, {folded}, Words().i32({0, 2}).i64({1, 1}));
  w.step("Tile", {x}, {tiled});
  w.step("Fill", {one}, {full});
  w.step("Copy", {x}, {copy});
  for (const int value : {t, both, part, back, mirror, folded, tiled, full, copy}) w.fetch(value);
  return w;
}

PlanWriter indexed() {
  PlanWriter w;
  const int x = w.feed(F, {5, 3}), at = w.feed(I, {4}), wide = w.feed(L, {4}), rows = w.feed(F, {4, 3});
  const int flag = w.feed(B, {5}), one = w.feed(F, {}), first = w.feed(I, {}), step = w.feed(I, {});
  const int table = w.variable(4, F, {5, 3}), accum = w.variable(5, F, {5, 3});
  const int y = w.arena(F, {4, 3}), sums = w.arena(F, {5, 3}), hot = w.arena(F, {4, 6});
  const int range = w.arena(I, {4}), line = w.arena(F, {5}), unique = w.arena(I, {4}), idx = w.arena(I, {4});
  const int count = w.arena(I, {4}), where = w.arena(L, {5, 1});
  const int chosen = w.arena(F, {5, 3});
  w.step("Gather", {x, at}, {y}, {0});
  w.step("SegmentSum", {rows, wide}, {sums});
  w.step("ScatterUpdate", {at, rows}, {table}, {1});
  w.step("SparseApplyMomentum", {one, rows, at, one}, {table, accum}, {1});
  w.step("OneHot", {at, one, one}, {hot}, {1});
  w.step("Range", {first, step}, {range});
  w.step("LinSpace", {one, one}, {line});
  w.step("Unique", {at}, {unique, idx, count});
  w.step("Where", {flag}, {where});
  w.step("BooleanMask", {flag, x}, {chosen});
  for (const int value : {y, sums, table, hot, range, line, unique, idx, count, where, chosen}) w.fetch(value);
  return w;
}

PlanWriter random_and_checks() {
  PlanWriter w;
  w.states = 5;
  const int v = w.variable(6, F, {2}), lo = w.feed(I, {}), hi = w.feed(I, {}), ok = w.feed(B, {});
  const int u = w.arena(F, {5}), n = w.arena(D, {5}), t = w.arena(F, {5}), k = w.arena(I, {5}), is = w.arena(B, {});
  w.step("RandomUniform", {}, {u}, Words().i64({1, 2}).i32({0}));
  w.step("RandomStandardNormal", {}, {n}, Words().i64({3, 4}).i32({1}));
  w.step("TruncatedNormal", {}, {t}, Words().i64({5, 6}).i32({2}));
  w.step("RandomUniformInt", {lo, hi}, {k}, Words().i64({7, 8}).i32({3}));
  w.step("IsInitialized", {v}, {is});
  w.step("Assert", {ok, u}, {}, {3, w.symbol("because")});
  w.step("Print", {u, n}, {}, {w.symbol("u and n: "), 3, 2, 4});
  for (const int value : {u, n, t, k, is}) w.fetch(value);
  return w;
}

PlanWriter control() {
  PlanWriter w;
  w.constant_bytes = 64;
  const int v = w.variable(7, F, {1}), limit = w.feed(F, {1}), one = w.constant(F, {1}, 0);
  const int flag = w.arena(B, {}), y = w.arena(F, {1});
  const int test = w.block(), body = w.block(), yes = w.block(), no = w.block();
  w.step("Fused", {v, limit}, {flag}, tape(w, {1}, {{"Less", F, B, 0, 1, -1}}, {2}), test);
  w.step("Fused", {v, one}, {v}, tape(w, {1}, {{"Add", F, F, 0, 1, -1}}, {2}), body);
  w.control(StepKind::kWhile, {}, {test, body, flag});
  w.step("Copy", {v}, {y}, {}, yes);
  w.step("Copy", {limit}, {y}, {}, no);
  w.control(StepKind::kIf, {flag}, {yes, no});
  w.control(StepKind::kCall, {}, {test});
  w.fetch(y);
  w.fetch(v);
  return w;
}

PlanWriter strings() {
  PlanWriter w;
  w.strings = 3;
  const int given = w.feed(DType::kString, {2}), known = w.text({3}, 0), v = w.variable(8, DType::kString, {2});
  const int at = w.feed(I, {4}), all = w.text({5}), some = w.text({4}), joined = w.text({2});
  const int same = w.arena(B, {2}), unique = w.text({5}), idx = w.arena(I, {5});
  w.step("Copy", {given}, {v});
  w.step("Concat", {given, known}, {all}, {0});
  w.step("Gather", {all, at}, {some}, {0});
  w.step("Fused", {given, v}, {joined}, tape(w, {2}, {{"Add", DType::kString, DType::kString, 0, 1, -1}}, {2}));
  w.step("Fused", {given, joined}, {same}, tape(w, {2}, {{"Equal", DType::kString, B, 0, 1, -1}}, {2}));
  w.step("Unique", {all}, {unique, idx});
  w.step("Print", {joined, at}, {}, {w.symbol("joined "), 3, -1, -1});
  for (const int value : {v, all, some, joined, same, unique, idx}) w.fetch(value);
  return w;
}

// Cancels the session that runs where a run goes on for longer than a kernel needs.
class Watchdog {
 public:
  static Watchdog& get() {
    static auto* dog = new Watchdog();
    return *dog;
  }
  void watch(Session* session) {
    const std::lock_guard<std::mutex> lock(mutex_);
    session_ = session;
    ++round_;
  }

 private:
  Watchdog() {
    std::thread([this] {
      uint64_t seen = 0;
      for (;;) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const std::lock_guard<std::mutex> lock(mutex_);
        if (session_ != nullptr && seen == round_) session_->cancel();
        seen = round_;
      }
    }).detach();
  }
  std::mutex mutex_;
  Session* session_ = nullptr;
  uint64_t round_ = 0;
};

int64_t wide_at(const std::vector<int32_t>& words, size_t i) {
  return static_cast<int64_t>(static_cast<uint32_t>(words[i]) |
                              static_cast<uint64_t>(static_cast<uint32_t>(words[i + 1])) << 32);
}

// Small whole numbers, zeros of both signs, NaN and infinities for floats; for integers near the ends as well.
void fill(const Port& port, std::mt19937& random, std::vector<uint8_t>* bytes) {
  const size_t item = item_size(port.dtype);
  for (size_t i = 0; i < bytes->size(); i += item) {
    uint8_t* at = bytes->data() + i;
    const int small = static_cast<int>(random() % 7) - 1;
    if (port.dtype == DType::kBool) {
      *at = random() % 2;
    } else if (port.dtype == DType::kFloat32) {
      const float values[] = {static_cast<float>(small), -0.0f, __builtin_nanf(""), __builtin_inff()};
      std::memcpy(at, &values[random() % 8 == 0 ? random() % 4 : 0], 4);
    } else if (port.dtype == DType::kFloat64) {
      const double values[] = {static_cast<double>(small), -0.0, __builtin_nan(""), -__builtin_inf()};
      std::memcpy(at, &values[random() % 8 == 0 ? random() % 4 : 0], 8);
    } else {
      const int64_t values[] = {small, INT64_MIN, INT64_MAX, INT32_MIN};
      std::memcpy(at, &values[random() % 16 == 0 ? random() % 4 : 0], item);
    }
  }
}

}  // namespace

std::vector<Seed> seed_plans() {
  return {{"elementwise", elementwise().words()}, {"batches", batches().words()}, {"blocks", blocks().words()}, {"reductions", reductions().words()},
          {"network", network().words()},         {"endings", endings().words()},
          {"movement", movement().words()},
          {"indexed", indexed().words()},         {"random", random_and_checks().words()},
          {"control", control().words()},         {"strings", strings().words()}};
}

Outcome load_and_run(const std::vector<int32_t>& words, uint32_t seed) {
  constexpr int64_t kMost = 1 << 20;
  Outcome outcome;
  std::unique_ptr<Session> session;
  outcome.loaded = Session::open(*grafo_backend(), {2, 64 << 20}, &session);
  if (!outcome.loaded.ok()) return outcome;
  // As many constants, strings and states as the header wants, within reason.
  std::mt19937 random(seed);
  std::vector<uint8_t> constants;
  Strings strings;
  std::vector<int32_t> states;
  if (words.size() >= 20) {
    if (const int64_t bytes = wide_at(words, 14); bytes > 0 && bytes <= kMost) {
      constants.resize(static_cast<size_t>(bytes));
      for (uint8_t& byte : constants) byte = static_cast<uint8_t>(random() % 3 == 0 ? random() : 0);
    }
    if (words[11] > 0 && words[11] <= 1000) strings.assign(static_cast<size_t>(words[11]), "text");
    if (words[10] > 0 && words[10] <= 1000) states.assign(static_cast<size_t>(words[10]), 1);
  }
  int32_t id = -1;
  outcome.loaded = session->load_plan(words, constants, strings, states, &id);
  if (!outcome.loaded.ok()) return outcome;
  const std::vector<Port>*feeds = nullptr, *fetches = nullptr;
  outcome.ran = session->ports(id, &feeds, &fetches);
  std::vector<std::vector<uint8_t>> memory(feeds->size());
  std::vector<Strings> texts(feeds->size());
  std::vector<Feed> fed;
  for (size_t i = 0; i < feeds->size(); ++i) {
    const Port& port = (*feeds)[i];
    if (port.bytes > kMost || port.size > kMost) return outcome;
    // Exactly as large as promised and alone in memory, so that a sanitizer sees the first byte behind it.
    memory[i].resize(static_cast<size_t>(port.bytes));
    fill(port, random, &memory[i]);
    if (port.dtype == DType::kString) texts[i].assign(static_cast<size_t>(port.size), "fed to it, and long enough for the heap");
    fed.push_back({memory[i].data(), port.bytes, &texts[i]});
  }
  Watchdog::get().watch(session.get());
  outcome.ran = session->run(id, fed);
  for (size_t i = 0; outcome.ran.ok() && i < fetches->size(); ++i) {
    const Fetched fetched = session->fetched(static_cast<int32_t>(i));
    uint8_t all = 0;
    const auto* bytes = static_cast<const uint8_t*>(fetched.data);
    for (int64_t b = 0; fetched.strings == nullptr && b < fetched.bytes; ++b) all |= bytes[b];
    volatile uint8_t sink = all;
    (void)sink;
  }
  (void)session->run(id, fed);
  Watchdog::get().watch(nullptr);
  return outcome;
}

}  // namespace grafo::test
