// Runs every test, or those whose title contains the first argument. Options: --all, the long ones at their full length;
// --plant FAULT, which a sanitizer must report (plant.cc); --seeds FOLDER, which writes the fuzzer's first plans; --ulp FUNCTOR, which
// scans all floats.
#include <cstring>
#include <fstream>

#include "test/check.h"
#include "test/hostile.h"
#include "test/plant.h"
#include "test/ulp.h"

namespace {

int write_seeds(const std::string& folder) {
  for (const grafo::test::Seed& seed : grafo::test::seed_plans()) {
    std::ofstream file(folder + "/" + seed.name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.words.data()),
               static_cast<std::streamsize>(seed.words.size() * 4));
    if (!file.good()) return 1;
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count > 2 && std::strcmp(words[1], "--plant") == 0) return grafo::test::plant(words[2]);
  if (count > 2 && std::strcmp(words[1], "--seeds") == 0) return write_seeds(words[2]);
  if (count > 2 && std::strcmp(words[1], "--ulp") == 0) {
    return grafo::test::scan_all_floats(words[2]) == 0 ? 0 : 1;
  }
  const char* wanted = "";
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(words[i], "--all") == 0) {
      grafo::test::full = true;
    } else {
      wanted = words[i];
    }
  }
  int passed = 0, failed = 0;
  for (const grafo::test::Case& test : grafo::test::cases()) {
    if (!std::strstr(test.title, wanted)) continue;
    grafo::test::failures = 0;
    test.body();
    if (grafo::test::failures == 0) {
      ++passed;
    } else {
      ++failed;
      std::fprintf(stderr, "FAILED %s\n", test.title);
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
