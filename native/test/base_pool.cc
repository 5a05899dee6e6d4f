// The thread pool, checked arithmetic and the budgeted allocator.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/memory.h"
#include "base/shape.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "test/check.h"

namespace grafo::test {
namespace {

struct Counts {
  std::vector<std::atomic<int>> seen;
  explicit Counts(size_t n) : seen(n) {}
};

void count(void* arg, int64_t begin, int64_t end) {
  auto& counts = *static_cast<Counts*>(arg);
  for (int64_t i = begin; i < end; ++i) ++counts.seen[static_cast<size_t>(i)];
}

bool each_once(const Counts& counts) {
  for (const auto& n : counts.seen) {
    if (n.load() != 1) return false;
  }
  return true;
}

}  // namespace

TEST("pool: every index once, for any size, grain and number of threads") {
  for (const int64_t n : {0, 1, 2, 7, 64, 1000, 4097}) {
    for (const int64_t grain : {0, 1, 3, 100, 5000}) {
      for (const int threads : {1, 2, 3, 8, 1000}) {
        Counts counts(static_cast<size_t>(n));
        ThreadPool::get().parallel_for(n, grain, threads, count, &counts);
        CHECK(each_once(counts));
      }
    }
  }
}

TEST("pool: many callers at once, and calls inside of bodies") {
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&wrong] {
      for (int round = 0; round < 300; ++round) {
        Counts counts(500);
        ThreadPool::get().parallel_for(500, 10, 4, count, &counts);
        wrong += !each_once(counts);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK_EQ(wrong.load(), 0);
  Counts inner(64);
  ThreadPool::get().parallel_for(
      8, 1, 4,
      [](void* arg, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          struct Part {
            void* counts;
            int64_t first;
          } part{arg, i * 8};
          ThreadPool::get().parallel_for(
              8, 1, 4,
              [](void* p, int64_t b, int64_t e) {
                count(static_cast<Part*>(p)->counts, static_cast<Part*>(p)->first + b,
                      static_cast<Part*>(p)->first + e);
              },
              &part);
        }
      },
      &inner);
  CHECK(each_once(inner));
}

TEST("pool: workers really work") {
  const int64_t before = ThreadPool::get().stats().helped;
  std::atomic<uint64_t> sink{0};
  for (int round = 0; round < 2000 && ThreadPool::get().stats().helped == before; ++round) {
    ThreadPool::get().parallel_for(
        64, 1, 4,
        [](void* arg, int64_t begin, int64_t end) {
          uint64_t sum = 0;
          for (int64_t i = begin * 20000; i < end * 20000; ++i) {
            sum += static_cast<uint64_t>(i) ^ (sum << 1);
          }
          *static_cast<std::atomic<uint64_t>*>(arg) += sum;
        },
        &sink);
  }
  CHECK(ThreadPool::get().stats().helped > before);
}

TEST("shape: products and sums that overflow are told") {
  int64_t n = 0;
  const int64_t fine[] = {2, 3, 4}, zero[] = {0, 5}, minus[] = {2, -1}, big[] = {INT64_MAX, 2};
  CHECK(element_count(fine, 3, &n) && n == 24);
  CHECK(element_count(fine, 0, &n) && n == 1);
  CHECK(element_count(zero, 2, &n) && n == 0);
  CHECK(!element_count(minus, 2, &n));
  CHECK(!element_count(big, 2, &n));
  CHECK(!byte_count(DType::kFloat64, INT64_MAX / 4, &n));
  CHECK(!checked_round_up(INT64_MAX, 64, &n));
}

TEST("memory: aligned, counted, limited, and failing where asked") {
  Budget budget(1000);
  void* a = allocate(budget, 100);
  CHECK(a != nullptr && reinterpret_cast<uintptr_t>(a) % kAlignment == 0);
  CHECK_EQ(budget.used(), 128);
  CHECK(allocate(budget, 1000) == nullptr);
  CHECK(allocate(budget, SIZE_MAX) == nullptr);
  void* empty = allocate(budget, 0);
  CHECK(empty != nullptr);
  release(budget, empty, 0);
  release(budget, a, 100);
  CHECK_EQ(budget.used(), 0);
  CHECK_EQ(budget.peak(), 192);
  fail_allocation(2, false);
  void* one = allocate(budget, 1);
  void* two = allocate(budget, 1);
  void* three = allocate(budget, 1);
  CHECK(one != nullptr && two == nullptr && three != nullptr);
  fail_allocation(0, false);
  release(budget, one, 1);
  release(budget, three, 1);
}

TEST("Status: copies have the code, the node and the text") {
  const Status failed = Status::error(Code::kInternal, "%s", std::string(2000, 'x').c_str()).at(3);
  Status copy = failed;
  CHECK(copy.code == Code::kInternal && copy.node == 3);
  CHECK_EQ(std::string(copy.text), std::string(Status::kTextBytes - 1, 'x'));
  copy = *&copy;
  CHECK_EQ(std::string(copy.text), std::string(failed.text));
  copy = Status();
  CHECK(copy.ok() && copy.node == -1 && copy.text[0] == '\0');
  CHECK_EQ(std::string(Status(failed).at(9).text), std::string(failed.text));
  CHECK_EQ(failed.at(9).node, 3);
}

}  // namespace grafo::test
