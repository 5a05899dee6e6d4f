// The thread of a session, without Node: order, cancels, stops, and what other threads may ask of a session that runs.
#include "addon/worker.h"

#include <atomic>
#include <thread>
#include <vector>

#include "runtime/engine.h"
#include "test/check.h"
#include "test/engine_fake.h"

namespace grafo::test {
namespace {

struct Record : Completions, Worker::Target {
  std::atomic<int> finished_jobs{0}, cancelled_jobs{0}, executed{0}, out_of_order{0}, arms{0};
  std::atomic<int> last{-1};
  void finished(std::unique_ptr<Job> job) override {
    ++finished_jobs;
    if (!job->status.ok()) ++cancelled_jobs;
  }
  void arm() override { ++arms; }
  void cancel() override {}
};

struct Numbered : Job {
  Numbered(Record* to, int n) : record(to), number(n) {}
  Status execute() override {
    if (record->last.exchange(number) >= number) ++record->out_of_order;
    ++record->executed;
    return {};
  }
  Record* record;
  int number;
};

}  // namespace

TEST("worker: every job ends once, in order, through cancels, waits and a stop") {
  for (int round = 0; round < 200; ++round) {
    Record record;
    int accepted = 0;
    {
      Worker worker(&record, &record);
      std::atomic<bool> done{false};
      std::thread other([&] {
        while (!done.load()) {
          if (round % 2 == 0) worker.cancel(Status::error(Code::kCancelled, "by the other"), true);
          (void)worker.idle();
          std::this_thread::yield();
        }
      });
      for (int i = 0; i < 100; ++i) {
        std::unique_ptr<Job> job = std::make_unique<Numbered>(&record, i);
        accepted += worker.submit(job).ok();
        if (i % 40 == 39) worker.wait_idle();
      }
      done.store(true);
      other.join();
      if (round % 3 == 0) worker.stop();
      std::unique_ptr<Job> late = std::make_unique<Numbered>(&record, 1000);
      if (round % 3 == 0) CHECK(!worker.submit(late).ok());
    }
    CHECK_EQ(accepted, 100);
    CHECK_EQ(record.finished_jobs.load(), 100);
    CHECK_EQ(record.executed.load() + record.cancelled_jobs.load(), 100);
    CHECK_EQ(record.out_of_order.load(), 0);
  }
}

TEST("engine: plans are looked up and memory is asked for while a run is in flight") {
  std::unique_ptr<Session> session;
  CHECK(Session::open(*fake_backend(), {2, 0}, &session).ok());
  PlanWriter w;
  const int x = w.feed(DType::kFloat32, {4096});
  const int y = w.arena(DType::kFloat32, {4096});
  w.step("Double", {x}, {y});
  w.fetch(y);
  int32_t id = -1;
  CHECK(session->load_plan(w.words(), {}, {}, {}, &id).ok());
  std::atomic<bool> done{false};
  std::atomic<int> asked{0};
  std::thread other([&] {
    while (!done.load()) {
      const std::vector<Port>*feeds = nullptr, *fetches = nullptr;
      if (session->ports(id, &feeds, &fetches).ok() && feeds->size() == 1) ++asked;
      (void)session->memory();
      void* memory = session->allocate_host(100);
      if (memory != nullptr) session->release_host(memory, 100);
      int32_t more = -1;
      if (asked.load() % 16 == 0 && session->load_plan(w.words(), {}, {}, {}, &more).ok()) {
        (void)session->unload_plan(more);
      }
    }
  });
  const std::vector<float> data(4096, 3);
  const Feed feed[] = {{data.data(), 4096 * 4, nullptr}};
  for (int round = 0; round < 2000 || asked.load() < 100; ++round) CHECK(session->run(id, feed).ok());
  done.store(true);
  other.join();
  session->close();
  CHECK_EQ(session->memory().used, 0);
}

// A run that nobody cancels never ends here: Spin waits for it.
TEST("engine: a plan is looked up while a run lasts") {
  std::unique_ptr<Session> session;
  CHECK(Session::open(*fake_backend(), {1, 0}, &session).ok());
  PlanWriter w;
  w.step("Spin", {}, {});
  int32_t id = -1;
  CHECK(session->load_plan(w.words(), {}, {}, {}, &id).ok());
  std::atomic<bool> ended{false};
  std::thread runner([&] {
    CHECK(session->run(id, {}).code == Code::kCancelled);
    ended.store(true);
  });
  for (int i = 0; i < 1000; ++i) {
    const std::vector<Port>*feeds = nullptr, *fetches = nullptr;
    CHECK(session->ports(id, &feeds, &fetches).ok());
    (void)session->memory();
  }
  CHECK(!ended.load());
  session->cancel();
  runner.join();
}

}  // namespace grafo::test
