// Runs every test, or those whose title contains the first argument.
#include <cstring>

#include "test/check.h"

int main(int count, char** words) {
  int passed = 0, failed = 0;
  for (const grafo::test::Case& test : grafo::test::cases()) {
    if (count > 1 && !std::strstr(test.title, words[1])) continue;
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
