// ArgReduce over rows that are searched in blocks and over columns, with ties, NaN and infinities.
#include <cmath>
#include <limits>
#include <random>
#include <type_traits>

#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

// The first of the best, where NaN and what is not past the lowest (highest) number never are.
template <class T>
int64_t plain(const T* x, int64_t n, int64_t stride, bool smallest) {
  T best = smallest ? std::numeric_limits<T>::max() : std::numeric_limits<T>::lowest();
  int64_t index = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T value = x[i * stride];
    if (smallest ? !(value < best) : !(value > best)) continue;
    best = value;
    index = i;
  }
  return index;
}

template <class T>
void check(DType type, int64_t rows, int64_t columns, int axis, bool smallest, int kind) {
  std::mt19937 random(static_cast<unsigned>(rows * 31 + columns + kind));
  Value x = value(type, {rows, columns});
  const int64_t outputs = axis == 1 ? rows : columns;
  Value y = value(DType::kInt64, {outputs});
  for (int64_t i = 0; i < rows * columns; ++i) {
    T& item = x.data<T>()[i];
    item = static_cast<T>(static_cast<int>(random() % (kind == 0 ? 100000 : 3)));
    if constexpr (std::is_floating_point_v<T>) {
      if (kind == 1 && random() % 3 == 0) item = static_cast<T>(NAN);
      if (kind == 2) item = static_cast<T>(random() % 2 ? NAN : smallest ? INFINITY : -INFINITY);
    }
  }
  Step step;
  step.kernel = "ArgReduce";
  step.inputs = {&x};
  step.outputs = {&y};
  step.attrs = {smallest, axis};
  CHECK(step.run(2).ok());
  for (int64_t o = 0; o < outputs; ++o) {
    const T* first = x.data<T>() + (axis == 1 ? o * columns : o);
    const int64_t want = axis == 1 ? plain(first, columns, 1, smallest)
                                   : plain(first, rows, columns, smallest);
    EXPECT(y.data<int64_t>()[o] == want, "[%lld, %lld] axis %d kind %d at %lld: %lld, not %lld",
           (long long)rows, (long long)columns, axis, kind, (long long)o,
           (long long)y.data<int64_t>()[o], (long long)want);
  }
}

template <class T>
void check_all(DType type) {
  for (const bool smallest : {false, true})
    for (const int kind : {0, 1, 2})
      for (const int64_t columns : {5, 15, 16, 17, 31, 63, 64, 65, 127, 130, 1024, 1025, 3333}) {
        check<T>(type, 7, columns, 1, smallest, kind);
        check<T>(type, 37, columns, 0, smallest, kind);
      }
}

}  // namespace

TEST("ArgReduce: rows in blocks and columns, ties, NaN and infinities") {
  check_all<float>(DType::kFloat32);
  check_all<double>(DType::kFloat64);
  check_all<int32_t>(DType::kInt32);
  check_all<int64_t>(DType::kInt64);
  check_all<uint8_t>(DType::kUint8);
}
