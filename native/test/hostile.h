// Plans of real kernels, and a way to load and run any words as a plan: for the mutation test and for libFuzzer.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace grafo::test {

struct Seed {
  const char* name;
  std::vector<int32_t> words;
};
// Valid plans, all kernels of the CPU backend between them.
std::vector<Seed> seed_plans();

struct Outcome {
  Status loaded;
  Status ran;  // of the first run; only where it loaded
};
// Loads the words with the blobs that their header announces, and runs them twice on a session of 64 MB with feeds made from
// `seed`. Runs that go on for 40 ms are cancelled.
Outcome load_and_run(const std::vector<int32_t>& words, uint32_t seed);

}  // namespace grafo::test
