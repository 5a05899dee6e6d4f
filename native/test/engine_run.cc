// The engine on a fake backend: runs, control flow, variables, strings, loops, memory, failing allocations, threads.
#include <cstring>
#include <thread>

#include "base/memory.h"
#include "runtime/engine.h"
#include "test/check.h"
#include "test/engine_fake.h"

namespace grafo::test {
namespace {

float first(const Session& session, int32_t fetch = 0) {
  float value = -1;
  std::memcpy(&value, session.fetched(fetch).data, 4);
  return value;
}

}  // namespace

TEST("engine: a run doubles a feed, again with another feed at another address") {
  auto session = make_session();
  PlanWriter w;
  const int x = w.feed(F, {3});
  const int y = w.arena(F, {3});
  w.step("Double", {x}, {y});
  w.fetch(y);
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id));
  for (const float value : {1.0f, 5.0f}) {
    const std::vector<float> feed = {value, 2, 3};
    const Feed feeds[] = {floats(feed)};
    CHECK_OK(session->run(id, feeds));
    CHECK_EQ(first(*session), 2 * value);
    CHECK_EQ(session->fetched(0).bytes, 12);
  }
}

TEST("engine: a larger plan moves the arena and earlier plans follow") {
  auto session = make_session();
  int32_t small = -1, large = -1;
  for (int32_t* id : {&small, &large}) {
    PlanWriter w;
    const int64_t n = id == &small ? 4 : 40000;
    const int x = w.feed(F, {n});
    const int a = w.arena(F, {n});
    const int b = w.arena(F, {n});
    w.step("Double", {x}, {a});
    w.step("Double", {a}, {b});
    w.fetch(b);
    CHECK_OK(load(*session, w, id));
  }
  const std::vector<float> few(4, 1), many(40000, 1);
  const Feed one[] = {floats(few)}, two[] = {floats(many)};
  CHECK_OK(session->run(small, one));
  CHECK_EQ(first(*session), 4.0f);
  CHECK_OK(session->run(large, two));
  CHECK_EQ(first(*session), 4.0f);
  CHECK_OK(session->run(small, one));
  CHECK_EQ(first(*session), 4.0f);
  CHECK_EQ(session->memory().arena, 320000);
}

TEST("engine: wrong feeds are INVALID_ARGUMENT and blame the feed") {
  auto session = make_session();
  PlanWriter w;
  w.feed(F, {3}, 11);
  w.feed(DType::kBool, {2}, 12);
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id));
  const std::vector<float> good(3), bad(2);
  const uint8_t bools[] = {0, 1}, not_bools[] = {0, 2};
  const Feed wrong_size[] = {floats(bad), {bools, 2, nullptr}};
  const Feed wrong_bool[] = {floats(good), {not_bools, 2, nullptr}};
  const Feed right[] = {floats(good), {bools, 2, nullptr}};
  CHECK_EQ(session->run(id, wrong_size).node, 11);
  CHECK_EQ(session->run(id, wrong_bool).node, 12);
  CHECK(!session->run(id, {}).ok());
  CHECK_OK(session->run(id, right));
}

TEST("engine: variables live on, and must be initialised where the plan says so") {
  auto session = make_session();
  PlanWriter assign, increment, read;
  const int x = assign.feed(F, {1});
  assign.step("Copy", {x}, {assign.variable(9, F, {1})});
  const int v = increment.variable(9, F, {1}, true, 42);
  increment.step("Increment", {}, {v});
  increment.fetch(v);
  const int flag = read.arena(DType::kBool, {});
  read.step("IsInitialized", {read.variable(9, F, {1})}, {flag});
  read.fetch(flag);
  int32_t set = -1, add = -1, ask = -1;
  CHECK_OK(load(*session, increment, &add));
  CHECK_OK(load(*session, assign, &set));
  CHECK_OK(load(*session, read, &ask));
  const Status status = session->run(add, {});
  CHECK(status.code == Code::kFailedPrecondition);
  CHECK_EQ(status.node, 42);
  CHECK_EQ(std::string(status.text), std::string("Attempting to use uninitialized value"));
  CHECK_OK(session->run(ask, {}));
  CHECK_EQ(static_cast<const uint8_t*>(session->fetched(0).data)[0], 0);
  const std::vector<float> ten = {10};
  const Feed feeds[] = {floats(ten)};
  CHECK_OK(session->run(set, feeds));
  CHECK_OK(session->run(ask, {}));
  CHECK_EQ(static_cast<const uint8_t*>(session->fetched(0).data)[0], 1);
  CHECK_OK(session->run(add, {}));
  CHECK_OK(session->run(add, {}));
  CHECK_EQ(first(*session), 12.0f);
  float value = 0;
  CHECK_OK(session->read_variable(9, &value, 4, nullptr));
  CHECK_EQ(value, 12.0f);
  value = 3;
  CHECK_OK(session->write_variable(9, &value, 4, nullptr));
  CHECK_OK(session->run(add, {}));
  CHECK_EQ(first(*session), 4.0f);
  CHECK(session->read_variable(8, &value, 4, nullptr).code == Code::kNotFound);
}

TEST("engine: a plan that overwrites a variable may give it another shape, one that reads it may not") {
  auto session = make_session();
  PlanWriter two, three, read, fails, other;
  const int x = two.feed(F, {2}), y = three.feed(F, {3}), z = fails.feed(F, {1});
  two.step("Copy", {x}, {two.variable(1, F, {2})});
  three.step("Copy", {y}, {three.variable(1, F, {3})});
  read.fetch(read.variable(1, F, {2}, true, 5));
  fails.step("Fail", {z}, {fails.arena(F, {1})});
  fails.step("Copy", {z}, {fails.variable(1, F, {1})});
  other.variable(1, DType::kInt32, {2});
  int32_t set2 = -1, set3 = -1, get2 = -1, fail = -1, wrong = -1;
  CHECK_OK(load(*session, two, &set2));
  CHECK_OK(load(*session, read, &get2));
  CHECK_OK(load(*session, three, &set3));
  CHECK_OK(load(*session, fails, &fail));
  CHECK_OK(load(*session, other, &wrong));
  const std::vector<float> values = {7, 8, 9};
  const Feed feeds[] = {{values.data(), 8, nullptr}, {values.data(), 12, nullptr}, {values.data(), 4, nullptr}};
  CHECK_OK(session->run(set2, {feeds, 1}));
  CHECK_OK(session->run(get2, {}));
  CHECK_EQ(first(*session), 7.0f);
  CHECK_OK(session->run(set3, {feeds + 1, 1}));
  CHECK_EQ(session->memory().variables, 12);
  CHECK_EQ(session->run(get2, {}).node, 5);
  CHECK(session->run(get2, {}).code == Code::kInternal);
  CHECK(session->run(wrong, {}).code == Code::kInternal);
  // What fails before the assignment leaves the variable as it was.
  CHECK(!session->run(fail, {feeds + 2, 1}).ok());
  float kept[3] = {};
  CHECK_OK(session->read_variable(1, kept, 12, nullptr));
  CHECK_EQ(kept[2], 9.0f);
  CHECK_OK(session->run(set2, {feeds, 1}));
  CHECK_OK(session->run(get2, {}));
  CHECK_EQ(first(*session), 7.0f);
  CHECK_EQ(session->memory().variables, 8);
}

TEST("engine: while, if and call") {
  auto session = make_session();
  PlanWriter w;
  const int v = w.variable(1, F, {1});
  const int x = w.feed(F, {1});
  const int flag = w.arena(DType::kBool, {});
  const int small = w.arena(DType::kBool, {});
  const int test = w.block(), body = w.block(), more = w.block(), nothing = w.block();
  w.step("Copy", {x}, {v});
  w.step("Below", {v}, {flag}, {5}, test);
  w.step("Increment", {}, {v}, {}, body);
  w.control(StepKind::kWhile, {}, {test, body, flag});
  w.step("Increment", {}, {v}, {}, more);
  w.step("Below", {v}, {small}, {6});
  w.control(StepKind::kIf, {small}, {more, nothing});
  w.control(StepKind::kCall, {}, {more});
  w.fetch(v);
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id));
  for (const auto& [in, out] : {std::pair{0.0f, 7.0f}, std::pair{5.0f, 7.0f}, std::pair{8.0f, 9.0f}}) {
    const std::vector<float> feed = {in};
    const Feed feeds[] = {floats(feed)};
    CHECK_OK(session->run(id, feeds));
    CHECK_EQ(first(*session), out);
  }
}

TEST("engine: a failing step blames its node, and the session goes on") {
  auto session = make_session();
  PlanWriter bad, good;
  bad.step("Fail", {}, {}, {}, 0, 77);
  const int v = good.variable(1, F, {1});
  good.step("Increment", {}, {v});
  good.fetch(v);
  int32_t one = -1, two = -1, none = -1;
  CHECK_OK(load(*session, bad, &one));
  CHECK_OK(load(*session, good, &two));
  const Status status = session->run(one, {});
  CHECK(status.code == Code::kInvalidArgument);
  CHECK_EQ(status.node, 77);
  CHECK(session->fetched(0).data == nullptr);
  CHECK_OK(session->run(two, {}));
  CHECK_EQ(first(*session), 1.0f);
  PlanWriter unknown;
  unknown.step("Nope", {}, {}, {}, 0, 78);
  CHECK_EQ(load(*session, unknown, &none).node, 78);
  CHECK_OK(session->unload_plan(one));
  CHECK(!session->run(one, {}).ok());
  session->close();
  session->close();
  CHECK(session->run(two, {}).code == Code::kFailedPrecondition);
}

TEST("engine: unique tells its real first dim") {
  auto session = make_session();
  PlanWriter w;
  const int x = w.feed(DType::kInt32, {4});
  const int y = w.arena(DType::kInt32, {4});
  const int idx = w.arena(DType::kInt32, {4});
  w.step("Unique", {x}, {y, idx});
  w.fetch(y);
  w.fetch(idx);
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id));
  const int32_t data[] = {3, 3, 4, 3};
  const Feed feeds[] = {{data, 16, nullptr}};
  CHECK_OK(session->run(id, feeds));
  CHECK_EQ(session->fetched(0).first_dim, 2);
  CHECK_EQ(session->fetched(0).bytes, 8);
  CHECK_EQ(session->fetched(1).bytes, 16);
}

TEST("engine: strings move, join and compare") {
  auto session = make_session();
  PlanWriter v;
  v.strings = 2;
  const int k = v.text({2}, 0);
  const int fed = v.feed(DType::kString, {2});
  const int all = v.text({4});
  const int index = v.feed(DType::kInt32, {3});
  const int picked = v.text({3});
  const int joined = v.text({2});
  const int same = v.arena(DType::kBool, {2});
  const int unique = v.text({4});
  const int where = v.arena(DType::kInt32, {4});
  const int kept = v.variable(3, DType::kString, {3});
  v.step("Concat", {k, fed}, {all}, {0});
  v.step("Gather", {all, index}, {picked}, {0});
  const int add = v.symbol("Add"), equal = v.symbol("Equal");
  v.step("Fused", {k, fed}, {joined, same},
         {1, 2, 0, 2, add, 7, 7, 0, 1, -1, 7, 0, equal, 7, 10, 0, 1, -1, 7, 0, 2, 3});
  v.step("Unique", {all}, {unique, where});
  v.step("Copy", {picked}, {kept});
  for (const int fetch : {all, picked, joined, same, unique, where, kept}) v.fetch(fetch);
  int32_t id = -1;
  CHECK_OK(load(*session, v, &id, {"a", "longer than any small string is"}));
  const Strings text = {"a", "c"};
  const int32_t indices[] = {3, 0, 1};
  const Feed feeds[] = {{nullptr, 0, &text}, {indices, 12, nullptr}};
  CHECK_OK(session->run(id, feeds));
  CHECK(*session->fetched(1).strings == (Strings{"c", "a", "longer than any small string is"}));
  CHECK(*session->fetched(2).strings == (Strings{"aa", "longer than any small string isc"}));
  CHECK_EQ(static_cast<const uint8_t*>(session->fetched(3).data)[0], 1);
  CHECK_EQ(static_cast<const uint8_t*>(session->fetched(3).data)[1], 0);
  CHECK_EQ(session->fetched(4).size, 3);
  CHECK_EQ((*session->fetched(4).strings)[2], std::string("c"));
  CHECK_EQ(static_cast<const int32_t*>(session->fetched(5).data)[2], 0);
  CHECK_EQ((*session->fetched(6).strings)[0], std::string("c"));
  const int32_t wrong[] = {4, 0, 1};
  const Feed bad[] = {{nullptr, 0, &text}, {wrong, 12, nullptr}};
  CHECK_EQ(std::string(session->run(id, bad).text), std::string("indices[0] = 4 is not in [0, 4)"));
}

TEST("engine: print and assert of strings") {
  auto session = make_session();
  PlanWriter w;
  w.strings = 2;
  w.states = 1;
  const int s = w.text({2}, 0);
  const int x = w.feed(F, {2, 2});
  const int ok = w.feed(DType::kBool, {});
  w.step("Print", {s, x}, {}, {w.symbol("see: "), 3, 2, 0});
  w.step("Assert", {ok, s, x}, {}, {3, -1});
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id, {"p", "q"}, {}, {4}));
  const std::vector<float> data = {1, 2.5f, 3, 4};
  const uint8_t yes = 1, no = 0;
  const Feed fine[] = {floats(data), {&yes, 1, nullptr}};
  const Feed bad[] = {floats(data), {&no, 1, nullptr}};
  CHECK_OK(session->run(id, fine));
  CHECK_EQ(std::string(session->run(id, bad).text),
           std::string("assertion failed: [p q] [[1 2.5][3...]]"));
  CHECK_OK(session->run(id, fine));
  const std::vector<std::string> log = session->take_log();
  CHECK_EQ(log.size(), size_t{2});
  CHECK_EQ(log[0], std::string("see: [p q][[1 2.5][3...]]"));
  CHECK_EQ(session->state(4), 2);
}

TEST("engine: a loop steps through its feed and stacks its fetches") {
  auto session = make_session();
  PlanWriter w;
  const int x = w.feed(F, {2});
  const int b = w.feed(F, {2});
  const int y = w.arena(F, {2});
  w.step("Sum2", {x, b}, {y});
  w.fetch(y);
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id));
  const std::vector<float> data = {1, 2, 3, 4, 5, 6}, base = {10, 20};
  const Feed feeds[] = {floats(data), floats(base)};
  const uint8_t stepped[] = {1, 0};
  std::vector<float> out(10);
  const Sink sinks[] = {{out.data()}};
  CHECK_OK(session->run_loop(id, 5, feeds, stepped, sinks));
  CHECK(out == (std::vector<float>{11, 22, 13, 24, 15, 26, 11, 22, 13, 24}));
  const std::vector<float> uneven(3);
  const Feed bad[] = {floats(uneven), floats(base)};
  CHECK(!session->run_loop(id, 5, bad, stepped, sinks).ok());
}

TEST("engine: cancel ends a run within its kernel, and an endless empty loop") {
  auto session = make_session();
  PlanWriter spin, loop;
  spin.step("Spin", {}, {});
  const int flag = loop.feed(DType::kBool, {});
  const int test = loop.block(), body = loop.block();
  loop.control(StepKind::kWhile, {}, {test, body, flag});
  int32_t ids[2];
  CHECK_OK(load(*session, spin, &ids[0]));
  CHECK_OK(load(*session, loop, &ids[1]));
  const uint8_t yes = 1;
  const Feed feeds[] = {{&yes, 1, nullptr}};
  for (int i = 0; i < 2; ++i) {
    session->arm();
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      session->cancel();
    });
    const Status status = session->run(ids[i], i == 0 ? std::span<const Feed>() : feeds);
    CHECK(status.code == Code::kCancelled);
    other.join();
  }
}

TEST("engine: every failing allocation is RESOURCE_EXHAUSTED, leaks nothing, and the next run is right") {
  PlanWriter w;
  w.strings = 1;
  w.constant_bytes = 8;
  const int c = w.constant(F, {2}, 0);
  const int s = w.text({1}, 0);
  const int t = w.text({1});
  const int v = w.variable(1, F, {2});
  const int k = w.variable(2, DType::kString, {1});
  const int y = w.arena(F, {2});
  w.step("Double", {c}, {y});
  w.step("Copy", {y}, {v});
  w.step("Copy", {s}, {t});
  w.step("Copy", {t}, {k});
  w.fetch(v);
  std::vector<uint8_t> constants(8);
  const float three = 3;
  std::memcpy(constants.data(), &three, 4);
  int failed = 0;
  for (const bool forever : {false, true}) {
    for (int nth = 1; nth < 100; ++nth) {
      auto session = make_session(1 << 20);
      int32_t id = -1;
      fail_allocation(nth, forever);
      Status status = load(*session, w, &id, {"s"}, constants);
      if (status.ok()) status = session->run(id, {});
      fail_allocation(0, false);
      if (status.ok()) break;
      ++failed;
      CHECK(status.code == Code::kResourceExhausted);
      CHECK_OK(load(*session, w, &id, {"s"}, constants));
      CHECK_OK(session->run(id, {}));
      CHECK_EQ(first(*session), 6.0f);
    }
  }
  CHECK(failed >= 10);
  CHECK_EQ(fake_leaks(), 0);
}

TEST("engine: a budget is kept, and all of it comes back") {
  auto session = make_session(1 << 16);
  PlanWriter w;
  const int x = w.feed(F, {1 << 15});
  const int y = w.arena(F, {1 << 15});
  w.step("Double", {x}, {y});
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id));
  const std::vector<float> data(1 << 15);
  const Feed feeds[] = {floats(data)};
  CHECK(session->run(id, feeds).code == Code::kResourceExhausted);
  session->close();
  CHECK_EQ(session->memory().used, 0);
}

TEST("engine: sessions run side by side on one pool") {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, &wrong] {
      std::unique_ptr<Session> session;
      if (!Session::open(*fake_backend(), {3, 0}, &session).ok()) {
        ++wrong;
        return;
      }
      PlanWriter w;
      const int n = 20000 + t;
      const int x = w.feed(F, {n});
      const int y = w.arena(F, {n});
      w.step("Double", {x}, {y});
      w.fetch(y);
      int32_t id = -1;
      if (!load(*session, w, &id).ok()) ++wrong;
      std::vector<float> data(static_cast<size_t>(n));
      for (int round = 0; round < 50; ++round) {
        for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i) + static_cast<float>(round);
        const Feed feeds[] = {floats(data)};
        if (!session->run(id, feeds).ok()) ++wrong;
        const auto* out = static_cast<const float*>(session->fetched(0).data);
        for (size_t i = 0; i < data.size(); ++i) wrong += out[i] != 2 * data[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(wrong.load(), 0);
  CHECK_EQ(fake_leaks(), 0);
}

}  // namespace grafo::test
