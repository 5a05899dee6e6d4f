// Softmax and LogSoftmax along axes that others follow: the bits of a column are those of a row, and its values those of long double.
#include <cmath>
#include <cstring>
#include <limits>

#include "test/check.h"
#include "test/step.h"

namespace grafo::test {
namespace {

struct Blocks {
  int64_t outer, n, inner;
  int64_t size() const { return outer * n * inner; }
};

// Item r of column j of block o, as a row's and as a column's.
template <class Visit>
void each(const Blocks& b, Visit&& visit) {
  for (int64_t o = 0; o < b.outer; ++o)
    for (int64_t j = 0; j < b.inner; ++j)
      for (int64_t r = 0; r < b.n; ++r)
        visit(size_t((o * b.inner + j) * b.n + r), size_t((o * b.n + r) * b.inner + j));
}

// Every column has other values; some have infinities, NaNs, and what exp leaves nothing of.
template <class T>
std::vector<T> logits(const Blocks& b) {
  const T edges[] = {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN(),
                     T(-5000), T(5000), T(-0.0)};
  std::vector<T> x(size_t(b.size()));
  for (size_t i = 0; i < x.size(); ++i) x[i] = T(9) * std::sin(T(i) * T(12.9898));
  each(b, [&](size_t row, size_t column) {
    const size_t of = row / size_t(b.n), at = row % size_t(b.n);
    if (of % 4 == 1 && at % 5 == of % 5) x[column] = edges[of / 4 % 6];
    if (of % 16 == 3) x[column] = -std::numeric_limits<T>::infinity();
  });
  return x;
}

template <class T>
std::vector<T> run(const char* kernel, std::vector<int64_t> dims, const std::vector<T>& x, int axis, int threads) {
  Step step;
  step.kernel = kernel;
  step.inputs = {tensor<T>(dims, x)};
  step.outputs = {output<T>(dims)};
  if (axis >= 0) step.attrs.i32(axis);
  step.threads = threads;
  CHECK_EQ(std::string(step.run().text), "");
  return step.outputs[0].get<T>();
}

template <class T>
bool same(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0 || (std::isnan(a) && std::isnan(b));
}

template <class T>
void check_columns(const Blocks& b) {
  const auto x = logits<T>(b);
  std::vector<T> rows(x.size());
  each(b, [&](size_t row, size_t column) { rows[row] = x[column]; });
  for (const char* kernel : {"Softmax", "LogSoftmax"}) {
    const auto want = run<T>(kernel, {b.outer * b.inner, b.n}, rows, -1, 1);
    for (const int threads : {1, 2, 4}) {
      const auto got = run<T>(kernel, {b.outer, b.n, b.inner}, x, 1, threads);
      bool all = true;
      each(b, [&](size_t row, size_t column) { all = all && same(got[column], want[row]); });
      if (!all) std::printf("%s [%lld,%lld,%lld] of %zu bytes\n", kernel, (long long)b.outer, (long long)b.n, (long long)b.inner, sizeof(T));
      CHECK(all);
    }
  }
}

// Blocks that go side by side, runs, strips that are kept and those that are not; columns that fill lanes, vectors and strips and do not.
TEST("Softmax, LogSoftmax: columns have the bits of rows, for 1, 2 and 4 threads") {
  const Blocks blocks[] = {
      {8, 2, 2}, {37, 3, 5}, {16, 17, 3}, {21, 1, 7}, {9, 51, 5}, {500, 85, 3},                               // side by side
      {1, 2, 2}, {7, 3, 5}, {3, 16, 16}, {2, 15, 17}, {2, 33, 48}, {5, 100, 7}, {1, 3000, 2}, {30, 40, 64},   // runs
      {2, 3, 65}, {3, 16, 130}, {1, 17, 784}, {2, 96, 200}, {9, 10, 784}, {3, 48, 65}, {1, 30, 1000}, {1, 5, 3000},   // kept
      {1, 97, 65}, {2, 49, 600}, {1, 130, 1025}, {1, 1000, 100}, {3, 113, 2100}};                             // wide
  for (const Blocks& b : blocks) {
    check_columns<float>(b);
    check_columns<double>(b);
  }
}

template <class T>
void check_values(const Blocks& b, T scale) {
  std::vector<T> x(size_t(b.size()));
  for (size_t i = 0; i < x.size(); ++i) x[i] = scale * std::sin(T(i) * T(12.9898));
  const auto softmax = run<T>("Softmax", {b.outer, b.n, b.inner}, x, 1, 1), logs = run<T>("LogSoftmax", {b.outer, b.n, b.inner}, x, 1, 1);
  const T unit = std::numeric_limits<T>::epsilon();
  for (int64_t o = 0; o < b.outer; ++o)
    for (int64_t j = 0; j < b.inner; ++j) {
      const auto at = [&](int64_t r) { return size_t((o * b.n + r) * b.inner + j); };
      long double most = x[at(0)], sum = 0;
      for (int64_t r = 1; r < b.n; ++r) most = std::max<long double>(most, x[at(r)]);
      for (int64_t r = 0; r < b.n; ++r) sum += expl(x[at(r)] - most);
      for (int64_t r = 0; r < b.n; ++r) {
        const long double shifted = x[at(r)] - most, want = expl(shifted) / sum, want_log = shifted - logl(sum);
        CHECK(std::abs(softmax[at(r)] - want) <= 16 * unit * (want + unit * unit));
        CHECK(std::abs(logs[at(r)] - want_log) <= 16 * unit * (1 + std::abs(want_log)));
      }
    }
}
TEST("Softmax, LogSoftmax: values along an axis that others follow") {
  for (const Blocks& b : {Blocks{40, 5, 3}, Blocks{3, 70, 11}, Blocks{2, 20, 90}, Blocks{1, 300, 1030}}) {
    check_values<float>(b, 4);
    check_values<float>(b, 10000);
    check_values<double>(b, 4);
  }
}

TEST("Softmax: any axis of any rank, and axes that there are not") {
  const std::vector<int64_t> dims = {2, 1, 3, 4, 5};
  const auto x = logits<float>({1, 1, 120});
  for (int axis = 0; axis < 5; ++axis) {
    Blocks b{1, dims[size_t(axis)], 1};
    for (int d = 0; d < axis; ++d) b.outer *= dims[size_t(d)];
    for (int d = axis + 1; d < 5; ++d) b.inner *= dims[size_t(d)];
    const auto got = run<float>("Softmax", dims, x, axis, 1), want = run<float>("Softmax", {b.outer, b.n, b.inner}, x, 1, 1);
    for (size_t i = 0; i < x.size(); ++i) CHECK(same(got[i], want[i]));
  }
  Step step;
  step.kernel = "LogSoftmax";
  step.inputs = {tensor<float>({2, 0, 3}, {})};
  step.outputs = {output<float>({2, 0, 3})};
  step.attrs.i32(1);
  CHECK(step.run().ok());
  for (const std::vector<int32_t>& attrs : {std::vector<int32_t>{3}, {-1}, {0, 0}}) {
    step.attrs = Attrs();
    for (const int32_t word : attrs) step.attrs.i32(word);
    CHECK(step.run().code == Code::kInternal);
  }
}

}  // namespace
}  // namespace grafo::test
