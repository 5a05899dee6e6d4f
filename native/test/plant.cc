// See plant.h. Each goes through the engine's own allocator or pool, so that these are seen to be watched.
#include "test/plant.h"

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/memory.h"
#include "base/thread_pool.h"

namespace grafo::test {
namespace {

Budget g_budget(1 << 20);
volatile int g_thirty_three = 33;

void overflow() {
  auto* memory = static_cast<volatile uint8_t*>(allocate(g_budget, 64));
  memory[64] = 1;
  release(g_budget, const_cast<uint8_t*>(memory), 64);
}

void use_after_free() {
  auto* memory = static_cast<volatile uint8_t*>(allocate(g_budget, 64));
  release(g_budget, const_cast<uint8_t*>(memory), 64);
  memory[0] = 1;
}

void leak() {
  void* volatile memory = allocate(g_budget, 4096);
  memory = nullptr;
  (void)memory;
}

void shift() {
  volatile int result = 1 << g_thirty_three;
  (void)result;
}

// All ranges write one cell.
void race() {
  volatile int64_t cell = 0;
  for (int round = 0; round < 200; ++round) {
    ThreadPool::get().parallel_for(
        64, 1, 4,
        [](void* arg, int64_t begin, int64_t end) {
          for (int64_t i = begin * 2000; i < end * 2000; ++i) {
            auto* target = static_cast<volatile int64_t*>(arg);
            *target = *target + 1;
          }
        },
        const_cast<int64_t*>(&cell));
  }
}

}  // namespace

int plant(const char* fault) {
  struct Row {
    const char* name;
    void (*body)();
  };
  static constexpr Row kRows[] = {
      {"overflow", overflow}, {"free", use_after_free}, {"leak", leak}, {"shift", shift}, {"race", race}};
  for (const Row& row : kRows) {
    if (std::strcmp(row.name, fault) == 0) {
      row.body();
      return 0;
    }
  }
  std::fprintf(stderr, "no fault '%s'\n", fault);
  return 2;
}

}  // namespace grafo::test
