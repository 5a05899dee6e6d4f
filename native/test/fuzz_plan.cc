// libFuzzer over plan words, loaded and run on the CPU backend. Started with a folder of seeds: `--seeds FOLDER` in
// grafo_native_tests writes them.
#include <cstring>

#include "test/hostile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > (1 << 16)) return 0;
  std::vector<int32_t> words(size / 4);
  if (!words.empty()) std::memcpy(words.data(), data, words.size() * 4);
  // The number of words is a checksum of a kind: a fuzzer would only learn to guess it.
  if (words.size() >= 20) words[2] = static_cast<int32_t>(words.size());
  (void)grafo::test::load_and_run(words, static_cast<uint32_t>(size));
  return 0;
}
