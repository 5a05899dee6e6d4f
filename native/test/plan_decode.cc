// The decoder against hostile words: every truncation, every header word, bit flips of a valid plan, and one named case
// for each rule of the verifier.
#include <cstring>
#include <random>

#include "runtime/engine.h"
#include "test/check.h"
#include "test/engine_fake.h"

namespace grafo::test {
namespace {


// A plan with every section in it: loop, branch, call, strings, constants, variable, states.
PlanWriter everything() {
  PlanWriter w;
  w.constant_bytes = 16;
  w.strings = 2;
  w.states = 1;
  const int x = w.feed(F, {2, 2});
  const int c = w.constant(F, {2, 2}, 0);
  const int v = w.variable(5, F, {1});
  const int sum = w.arena(F, {2, 2});
  const int flag = w.arena(DType::kBool, {});
  const int s = w.text({2}, 0);
  const int t = w.text({2});
  const int test = w.block(), body = w.block(), other = w.block();
  w.step("Sum2", {x, c}, {sum});
  w.step("Copy", {s}, {t});
  w.step("Below", {v}, {flag}, {3}, test);
  w.step("Increment", {}, {v}, {}, body);
  w.control(StepKind::kWhile, {}, {test, body, flag});
  w.step("Say", {}, {}, {}, other);
  w.control(StepKind::kIf, {flag}, {other, other});
  w.fetch(sum);
  w.fetch(t);
  w.fetch(v);
  return w;
}

const PlanBlobs kBlobs = {16, 2, 1};

Status load(const std::vector<int32_t>& words, const PlanBlobs& blobs = kBlobs) {
  Plan plan;
  return load_plan(words, blobs, &plan);
}

Status load(const PlanWriter& w) {
  return load(w.words(), {w.constant_bytes, w.strings, w.states});
}

// Runs whatever loads, with feeds of the size it asks for; only its memory safety matters.
void try_to_run(const std::vector<int32_t>& words) {
  std::unique_ptr<Session> session;
  if (!Session::open(*fake_backend(), {1, 1 << 20}, &session).ok()) return;
  const std::vector<uint8_t> constants(16, 1);
  const Strings strings = {"a", "b"};
  const int32_t states[] = {1};
  int32_t id = -1;
  if (!session->load_plan(words, constants, strings, states, &id).ok()) return;
  const std::vector<Port>*feeds = nullptr, *fetches = nullptr;
  if (!session->ports(id, &feeds, &fetches).ok()) return;
  std::vector<std::vector<uint8_t>> memory;
  std::vector<Strings> texts(feeds->size());
  std::vector<Feed> fed;
  for (size_t i = 0; i < feeds->size(); ++i) {
    const Port& port = (*feeds)[i];
    if (port.bytes > (1 << 20) || port.size > (1 << 20)) return;
    memory.emplace_back(static_cast<size_t>(port.bytes), uint8_t{0});
    if (port.dtype == DType::kString) texts[i].resize(static_cast<size_t>(port.size));
    fed.push_back({memory.back().data(), port.bytes, &texts[i]});
  }
  (void)session->run(id, fed);
}

}  // namespace

TEST("plan: a plan of every section loads, prints and runs") {
  const PlanWriter w = everything();
  Plan plan;
  const Status status = load_plan(w.words(), kBlobs, &plan);
  CHECK_EQ(std::string(status.text), std::string());
  const std::string text = print_plan(plan);
  CHECK(text.find("Sum2") != std::string::npos);
  CHECK(text.find("while") != std::string::npos);
  try_to_run(w.words());
}

TEST("plan: every truncation is INTERNAL") {
  const std::vector<int32_t> words = everything().words();
  for (size_t n = 0; n < words.size(); ++n) {
    std::vector<int32_t> cut(words.begin(), words.begin() + static_cast<long>(n));
    CHECK_EQ(static_cast<int>(load(cut).code), static_cast<int>(Code::kInternal));
    if (n < 3) continue;
    cut[2] = static_cast<int32_t>(n);
    CHECK_EQ(static_cast<int>(load(cut).code), static_cast<int>(Code::kInternal));
  }
}

TEST("plan: every changed header word is refused") {
  const std::vector<int32_t> words = everything().words();
  for (size_t i = 0; i < static_cast<size_t>(kPlanHeaderWords); ++i) {
    for (const int32_t value : {-1, 0x7fffffff, words[i] + 1, words[i] ^ 0x40000000}) {
      std::vector<int32_t> bad = words;
      bad[i] = value;
      const bool larger_arena = (i == 12 || i == 13) && load(bad).ok();
      if (larger_arena) continue;  // more arena than needed is no error of the format
      CHECK_EQ(static_cast<int>(load(bad).code), static_cast<int>(Code::kInternal));
    }
  }
}

TEST("plan: no single bit flip and no random change reads or writes outside") {
  const std::vector<int32_t> words = everything().words();
  for (size_t i = 0; i < words.size(); ++i) {
    for (int bit = 0; bit < 32; ++bit) {
      std::vector<int32_t> bad = words;
      bad[i] = static_cast<int32_t>(static_cast<uint32_t>(bad[i]) ^ (1u << bit));
      Plan plan;
      if (load_plan(bad, kBlobs, &plan).ok()) (void)print_plan(plan);
    }
  }
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::vector<int32_t> bad = words;
    for (int change = 0; change < 3; ++change) {
      bad[20 + random() % (bad.size() - 20)] = static_cast<int32_t>(random() % 12) - 1;
    }
    Plan plan;
    if (load_plan(bad, kBlobs, &plan).ok()) (void)print_plan(plan);
  }
  CHECK_EQ(fake_leaks(), 0);
}

TEST("plan: constants, strings and states must be the ones announced") {
  const std::vector<int32_t> words = everything().words();
  CHECK(load(words).ok());
  CHECK(!load(words, {15, 2, 1}).ok());
  CHECK(!load(words, {16, 1, 1}).ok());
  CHECK(!load(words, {16, 2, 0}).ok());
}

TEST("plan: a step may not write a feed or a constant") {
  PlanWriter w;
  const int x = w.feed(F, {4});
  const int y = w.feed(F, {4});
  w.step("Copy", {x}, {y});
  CHECK(!load(w).ok());
  PlanWriter k;
  k.constant_bytes = 16;
  const int a = k.feed(F, {4});
  const int c = k.constant(F, {4}, 0);
  k.step("Copy", {a}, {c});
  CHECK(!load(k).ok());
}

TEST("plan: a list is refused where its items do not fit in the words that are left") {
  std::vector<int32_t> words = everything().words();
  words[4] = static_cast<int32_t>(words.size() / 6 + 1);  // storages of 6 words
  const Status status = load(words);
  CHECK(std::strstr(status.text, "items do not fit in") != nullptr);
}

TEST("plan: a step may not write one storage twice") {
  for (const bool twice : {false, true}) {
    PlanWriter w;
    w.arena_bytes = 128;
    const int x = w.feed(F, {4});
    const int s = w.storage(StorageKind::kArena, 0, 16, 0);
    const int a = w.value(s, F, {4});
    const int b = twice ? w.value(s, F, {2, 2})
                        : w.value(w.storage(StorageKind::kArena, 0, 16, 64), F, {2, 2});
    w.step("Fused", {x}, {a, b});
    CHECK_EQ(load(w).ok(), !twice);
  }
}

TEST("plan: strings and numbers have storages of their own") {
  PlanWriter w;
  const int v = w.variable(1, DType::kString, {2});
  w.fetch(v);
  CHECK(load(w).ok());
  w.value(0, F, {0});
  CHECK(!load(w).ok());
}

TEST("plan: string constants are among those announced") {
  for (const int first : {0, 1, 2}) {
    PlanWriter w;
    w.strings = 3;
    w.fetch(w.text({2}, first));
    CHECK_EQ(load(w).ok(), first < 2);
  }
}

TEST("plan: two variables have two ids, two feeds two storages") {
  for (const int32_t id : {1, 2}) {
    PlanWriter w;
    w.variable(1, F, {4});
    w.variable(id, F, {4});
    CHECK_EQ(load(w).ok(), id == 2);
  }
  PlanWriter f;
  f.feed(F, {4});
  std::vector<int32_t> words = f.words();
  CHECK(load(words, {}).ok());
  // The same value as a second feed; the last word is the empty block.
  words.insert(words.end() - 1, {0, 100});
  words[2] += 2;
  ++words[7];
  CHECK(!load(words, {}).ok());
}

TEST("plan: storages stay inside the arena and are aligned") {
  for (const int64_t offset : {int64_t{-64}, int64_t{32}, int64_t{64}, INT64_MAX - 63}) {
    PlanWriter w;
    w.arena_bytes = 64;
    const int y = w.value(w.storage(StorageKind::kArena, 0, 16, offset), F, {4});
    w.fetch(y);
    CHECK(!load(w).ok());
  }
}

TEST("plan: a storage has the bytes of its largest value") {
  for (const int64_t bytes : {int64_t{12}, int64_t{20}, int64_t{-16}}) {
    PlanWriter w;
    w.arena_bytes = 64;
    w.fetch(w.value(w.storage(StorageKind::kArena, 0, bytes, 0), F, {4}));
    CHECK(!load(w).ok());
  }
}

TEST("plan: a step has the length it announces") {
  PlanWriter w;
  const int x = w.feed(F, {4});
  w.step("Copy", {x}, {w.arena(F, {4})});
  std::vector<int32_t> words = w.words();
  CHECK(load(words, {}).ok());
  int32_t& length = words[words.size() - 10];  // of the last step: 8 words and two operands
  CHECK_EQ(length, 10);
  for (const int32_t wrong : {9, 11, -1}) {
    length = wrong;
    CHECK(!load(words, {}).ok());
  }
}

TEST("plan: a value has at most 8 dimensions") {
  for (const Dims& dims : {Dims{1, 2, 1, 1, 1, 1, 1, 3}, Dims{1, 2, 1, 1, 1, 1, 1, 1, 3}}) {
    PlanWriter w;
    w.fetch(w.feed(F, dims));
    CHECK_EQ(load(w).ok(), dims.list.size() == 8);
  }
}

TEST("plan: dims that overflow are refused") {
  PlanWriter w;
  w.value(w.storage(StorageKind::kArena, 0, 0, 0), F, {INT64_MAX, 3});
  CHECK(!load(w).ok());
  PlanWriter z;  // the product is 0, the strides overflow
  z.value(z.storage(StorageKind::kArena, 0, 0, 0), F, {0, INT64_MAX, 3});
  CHECK(!load(z).ok());
}

TEST("plan: live arena storages may not overlap, dead ones may") {
  for (const bool overlap : {false, true}) {
    PlanWriter w;
    w.arena_bytes = 128;
    const int x = w.feed(F, {4});
    const int a = w.value(w.storage(StorageKind::kArena, 0, 16, 0), F, {4});
    const int b = w.value(w.storage(StorageKind::kArena, 0, 16, 64), F, {4});
    const int c = w.value(w.storage(StorageKind::kArena, 0, 16, 0), F, {4});
    w.step("Copy", {x}, {a});
    w.step("Copy", {a}, {b});
    w.step("Copy", {b}, {c});
    if (overlap) w.step("Sum2", {b, a}, {c});
    w.fetch(c);
    CHECK_EQ(load(w).ok(), !overlap);
  }
}

TEST("plan: a storage may not begin inside one that its step still reads") {
  for (const int64_t offset : {0, 64, 128}) {
    PlanWriter w;
    w.arena_bytes = 192;
    const int x = w.feed(F, {32});
    const int a = w.value(w.storage(StorageKind::kArena, 0, 128, 0), F, {32});
    const int b = w.value(w.storage(StorageKind::kArena, 0, 16, offset), F, {4});
    w.step("Copy", {x}, {a});
    w.step("Copy", {a}, {b});
    CHECK_EQ(load(w).ok(), offset == 128);
  }
}

TEST("plan: what a round of a loop reads before it is written may not be written over for the next") {
  for (const bool reads : {false, true}) {
    PlanWriter w;
    w.arena_bytes = 128;
    const int v = w.variable(1, F, {1});
    const int flag = w.value(w.storage(StorageKind::kArena, 0, 1, 64), DType::kBool, {});
    const int a = w.value(w.storage(StorageKind::kArena, 0, 4, 0), F, {1});
    const int b = w.value(w.storage(StorageKind::kArena, 0, 4, 0), F, {1});
    const int test = w.block(), body = w.block();
    w.step("Below", {v}, {flag}, {3}, test);
    w.step("Copy", {reads ? a : v}, {reads ? v : a}, {}, body);
    w.step("Copy", {v}, {b}, {}, body);
    w.step("Copy", {b}, {v}, {}, body);
    w.control(StepKind::kWhile, {}, {test, body, flag});
    CHECK_EQ(load(w).ok(), !reads);
  }
}

TEST("plan: what a loop carries is live throughout the loop, what it defines is not") {
  for (const bool carried : {false, true}) {
    PlanWriter w;
    w.arena_bytes = 128;
    const int v = w.variable(1, F, {1});
    const int flag = w.value(w.storage(StorageKind::kArena, 0, 1, 64), DType::kBool, {});
    const int a = w.value(w.storage(StorageKind::kArena, 0, 4, 0), F, {1});
    const int b = w.value(w.storage(StorageKind::kArena, 0, 4, 0), F, {1});
    const int test = w.block(), body = w.block();
    w.step("Below", {v}, {flag}, {3}, test);
    if (carried) w.step("Copy", {a}, {v}, {}, body);
    w.step("Copy", {v}, {b}, {}, body);
    w.step("Copy", {b}, {v}, {}, body);
    w.step("Copy", {v}, {a}, {}, body);
    w.control(StepKind::kWhile, {}, {test, body, flag});
    CHECK_EQ(load(w).ok(), !carried);
  }
}

TEST("plan: blocks may not call themselves or the main block, nor be nested deeper than 64") {
  PlanWriter m;
  m.control(StepKind::kCall, {}, {0}, m.block());
  CHECK(!load(m).ok());
  PlanWriter w;
  const int one = w.block(), two = w.block();
  w.control(StepKind::kCall, {}, {one});
  w.control(StepKind::kCall, {}, {two}, one);
  CHECK(load(w).ok());
  w.control(StepKind::kCall, {}, {one}, two);
  CHECK(!load(w).ok());
  for (const int depth : {63, 64}) {
    PlanWriter d;
    for (int i = 0; i < depth; ++i) d.control(StepKind::kCall, {}, {d.block()}, i);
    CHECK_EQ(load(d).ok(), depth == 63);
  }
}

TEST("plan: in place only element by element") {
  PlanWriter w;
  const int x = w.variable(1, F, {4});
  w.step("Copy", {x}, {x});
  CHECK(!load(w).ok());
  PlanWriter f;
  const int y = f.variable(1, F, {4});
  f.step("Fused", {y}, {y});
  CHECK(load(f).ok());
  // Half the elements, and as many of twice the size.
  for (const DType dtype : {F, DType::kFloat64}) {
    PlanWriter p;
    p.arena_bytes = 64;
    const int64_t n = dtype == F ? 2 : 4;
    const int s = p.storage(StorageKind::kArena, 0, dtype == F ? 16 : 32, 0);
    const int from = p.feed(dtype, {n}), a = p.value(s, dtype, {n}), b = p.value(s, F, {4});
    p.step("Copy", {from}, {a});
    p.step("Fused", {a}, {b});
    CHECK(!load(p).ok());
  }
}

}  // namespace grafo::test
