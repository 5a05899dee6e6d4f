// Mutated plans of real kernels: whatever the verifier and the kernels' own checks let pass is also run. Memory safety is
// what counts, so this says most under the sanitizers.
#include <map>
#include <random>

#include "plan/plan.h"
#include "test/check.h"
#include "test/hostile.h"
#include "test/step.h"

namespace grafo::test {
namespace {

int32_t hostile_word(std::mt19937& random, const std::vector<int32_t>& words, size_t at) {
  switch (random() % 6) {
    case 0:
      return words[at] ^ static_cast<int32_t>(1u << random() % 32);
    case 1:
      return static_cast<int32_t>(static_cast<uint32_t>(words[at]) + (random() % 2 == 0 ? 1u : ~0u));
    case 2:
      return words[20 + random() % (words.size() - 20)];
    case 3: {
      static constexpr int32_t kEnds[] = {0, -1, 0x7fffffff, INT32_MIN, 1 << 16, 255};
      return kEnds[random() % 6];
    }
    default:
      return static_cast<int32_t>(random() % 16) - 1;
  }
}

}  // namespace

TEST("hostile: the plans that are mutated are valid, run, and use every kernel") {
  std::map<std::string, bool> used;
  for (const Seed& seed : seed_plans()) {
    const Outcome outcome = load_and_run(seed.words, 1);
    CHECK_EQ(std::string(outcome.loaded.text), std::string());
    Plan plan;
    CHECK(decode_plan(seed.words, &plan).ok());
    for (const PlanBlock& block : plan.blocks) {
      for (const PlanStep& step : block.steps) {
        if (step.kind == StepKind::kKernel) used[plan.symbols[static_cast<size_t>(step.symbol)]] = true;
      }
    }
  }
  const char* const* names = nullptr;
  const int32_t count = grafo_backend()->kernel_names(&names);
  for (int32_t i = 0; i < count; ++i) {
    if (!used[names[i]]) fail(__FILE__, __LINE__, std::string("no plan uses ") + names[i]);
  }
}

TEST("hostile: mutated plans are refused or run, and never leave their memory") {
  const std::vector<Seed> seeds = seed_plans();
  const int rounds = full ? 200000 : 8000;
  int loaded = 0, ran = 0;
  std::mt19937 random(7);
  for (int round = 0; round < rounds; ++round) {
    const Seed& seed = seeds[static_cast<size_t>(round) % seeds.size()];
    std::vector<int32_t> words = seed.words;
    const int changes = random() % 4 == 0 ? 3 : 1;
    for (int change = 0; change < changes; ++change) {
      const size_t at = 12 + random() % (words.size() - 12);
      words[at] = hostile_word(random, words, at);
    }
    const Outcome outcome = load_and_run(words, random());
    loaded += outcome.loaded.ok();
    ran += outcome.loaded.ok() && outcome.ran.ok();
  }
  std::printf("  %d mutated plans: %d loaded, %d ran to their end\n", rounds, loaded, ran);
  // Else the mutations are too wild to test anything but the decoder.
  CHECK(loaded > rounds / 20);
  CHECK(ran > rounds / 40);
}

}  // namespace grafo::test
