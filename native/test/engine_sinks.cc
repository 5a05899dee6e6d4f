// The engine's sinks: fetches in the caller's memory.
#include <algorithm>

#include "test/engine_fake.h"

namespace grafo::test {

TEST("engine: a fetch is computed in its sink where nobody else has a part of it") {
  auto session = make_session();
  constexpr int64_t n = 300;
  PlanWriter w;
  const int x = w.feed(F, {n});
  const int b = w.feed(F, {n});
  const int y = w.arena(F, {n});
  const int z = w.arena(F, {n});
  w.step("Sum2", {x, b}, {y});
  w.step("Sum2", {y, b}, {z});
  w.fetch(y);
  w.fetch(z);
  w.fetch(y);  // the same memory again: a copy
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id));
  std::vector<float> data(n, 1), base(n, 10), first(n), second(n), again(n);
  const Feed feeds[] = {floats(data), floats(base)};
  const auto is_direct = [&](int32_t fetch, const void* memory) { return session->fetched(fetch).data == memory; };
  const auto holds = [&](const void* memory, float value) {
    const auto* numbers = static_cast<const float*>(memory);
    return std::all_of(numbers, numbers + n, [&](float number) { return number == value; });
  };

  CHECK_OK(session->run(id, feeds, nullptr, std::vector<Sink>{{first.data()}, {second.data()}, {again.data()}}));
  CHECK(is_direct(0, first.data()) && is_direct(1, second.data()) && !is_direct(2, again.data()));
  CHECK(holds(first.data(), 11) && holds(second.data(), 21) && holds(again.data(), 11));

  // Without a sink a fetch is the session's again.
  CHECK_OK(session->run(id, feeds, nullptr, std::vector<Sink>{{}, {second.data(), false}, {}}));
  CHECK(!is_direct(0, first.data()) && !is_direct(1, second.data()));
  CHECK(holds(session->fetched(0).data, 11) && holds(second.data(), 21));
  CHECK_OK(session->run(id, feeds));
  CHECK(!is_direct(0, first.data()) && holds(session->fetched(1).data, 21));

  // Over a feed, and over another sink: z needs the base that y's sink would have changed.
  std::vector<float> wide(2 * n);
  CHECK_OK(session->run(id, feeds, nullptr, std::vector<Sink>{{base.data()}, {wide.data() + 1}, {wide.data() + n}}));
  CHECK(!is_direct(0, base.data()) && !is_direct(1, wide.data() + 1));
  CHECK(holds(base.data(), 11) && wide[1] == 21 && wide[n] == 11);

  CHECK(!session->run(id, feeds, nullptr, std::vector<Sink>{{first.data()}}).ok());
}

TEST("engine: a loop computes each part of its sink in place") {
  auto session = make_session();
  constexpr size_t n = 300, steps = 4;
  PlanWriter w;
  const int x = w.feed(F, {n});
  const int y = w.arena(F, {n});
  w.step("Sum2", {x, x}, {y});
  w.fetch(y);
  int32_t id = -1;
  CHECK_OK(load(*session, w, &id));
  std::vector<float> data(n * steps), out(n * steps + 1);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
  const Feed feeds[] = {floats(data)};
  const uint8_t stepped[] = {1};
  CHECK_OK(session->run_loop(id, steps, feeds, stepped, std::vector<Sink>{{out.data() + 1}}));
  CHECK(session->fetched(0).data == nullptr);
  for (size_t i = 0; i < data.size(); ++i) CHECK(out[i + 1] == 2 * data[i]);
  // Its own feed: every step reads what no step has written.
  CHECK_OK(session->run_loop(id, steps, feeds, stepped, std::vector<Sink>{{data.data()}}));
  for (size_t i = 0; i < data.size(); ++i) CHECK(data[i] == 2 * static_cast<float>(i));
}

}  // namespace grafo::test
