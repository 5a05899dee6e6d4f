// For kernels that move elements: shapes, coordinates, and a comparison with the definition element by element.
#pragma once
#include <algorithm>
#include <functional>
#include <numeric>

#include "test/check.h"
#include "test/step.h"

namespace grafo::test {

using Dims = std::vector<int64_t>;

struct Source {
  uint64_t state = 7;
  int64_t below(int64_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int64_t>((state >> 33) % static_cast<uint64_t>(n));
  }
};

inline int64_t count(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}
inline Dims coordinates(int64_t index, const Dims& dims) {
  Dims at(dims.size());
  for (size_t d = dims.size(); d-- > 0; index /= dims[d]) at[d] = index % dims[d];
  return at;
}
inline int64_t position(const Dims& at, const Dims& dims) {
  int64_t index = 0;
  for (size_t d = 0; d < dims.size(); ++d) index = index * dims[d] + at[d];
  return index;
}
template <class T>
std::vector<T> counting(int64_t n) {
  std::vector<T> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i * 7 + 1);
  return values;
}

// Runs on 1 and 4 threads and compares with y[at] = expected(at).
template <class T>
void check_each(Step step, const Dims& dims, const std::function<T(const Dims&)>& expected) {
  for (int threads : {1, 4}) {
    step.threads = threads;
    step.outputs = {output<T>(dims)};
    CHECK_EQ(std::string(step.run().text), "");
    const std::vector<T> y = step.outputs[0].get<T>();
    int64_t wrong = 0;
    for (int64_t i = 0; i < count(dims); ++i)
      wrong += y[static_cast<size_t>(i)] != expected(coordinates(i, dims));
    CHECK_EQ(wrong, 0);
  }
}

}  // namespace grafo::test
