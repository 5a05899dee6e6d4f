// The tests' own framework: TEST("a sentence") { CHECK(...); } anywhere, run by main.cc.
#pragma once
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace grafo::test {

struct Case {
  const char* title;
  void (*body)();
};
inline std::vector<Case>& cases() {
  static std::vector<Case> list;
  return list;
}
inline int failures = 0;    // of the test that runs
inline bool full = false;  // long tests run at their full length

struct Register {
  Register(const char* title, void (*body)()) { cases().push_back({title, body}); }
};

inline void fail(const char* file, int line, const std::string& text) {
  if (++failures <= 10) std::fprintf(stderr, "    %s:%d: %s\n", file, line, text.c_str());
}

template <class A, class B>
void check_equal(const A& a, const B& b, const char* text, const char* file, int line) {
  if (a == b) return;
  std::ostringstream message;
  message << text << ": " << a << " is not " << b;
  fail(file, line, message.str());
}

}  // namespace grafo::test

#define GRAFO_JOIN2(a, b) a##b
#define GRAFO_JOIN(a, b) GRAFO_JOIN2(a, b)
#define TEST(title)                                                                       \
  static void GRAFO_JOIN(test_, __LINE__)();                                              \
  static const grafo::test::Register GRAFO_JOIN(register_, __LINE__)(                     \
      title, GRAFO_JOIN(test_, __LINE__));                                                \
  static void GRAFO_JOIN(test_, __LINE__)()
#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) grafo::test::fail(__FILE__, __LINE__, #condition);    \
  } while (0)
#define CHECK_EQ(a, b) grafo::test::check_equal(a, b, #a " == " #b, __FILE__, __LINE__)
