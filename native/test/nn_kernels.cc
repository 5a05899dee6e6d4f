// Softmax and the cross entropies against long double, and the kernels that check and print.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "test/check.h"
#include "test/step.h"

namespace grafo::test {
namespace {

template <class T>
struct Rows {
  std::vector<long double> softmax, log_softmax;
};

template <class T>
Rows<T> reference(const std::vector<T>& x, int64_t columns) {
  Rows<T> rows;
  for (size_t r = 0; r < x.size(); r += size_t(columns)) {
    const T most = *std::max_element(x.begin() + long(r), x.begin() + long(r) + columns);
    long double sum = 0;
    for (int64_t c = 0; c < columns; ++c) sum += expl((long double)x[r + size_t(c)] - most);
    for (int64_t c = 0; c < columns; ++c) {
      const long double shifted = (long double)x[r + size_t(c)] - most;
      rows.softmax.push_back(expl(shifted) / sum);
      rows.log_softmax.push_back(shifted - logl(sum));
    }
  }
  return rows;
}

template <class T>
std::vector<T> logits(int64_t n, T scale) {
  std::vector<T> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = scale * std::sin(T(i) * T(12.9898));
  return x;
}

template <class T>
void check_rows(int64_t rows, int64_t columns, T scale) {
  const auto x = logits<T>(rows * columns, scale);
  const Rows<T> expected = reference(x, columns);
  const T unit = std::numeric_limits<T>::epsilon();
  const auto run = [&](Step& step) {
    CHECK_EQ(std::string(step.run().text), "");
    const auto first = step.outputs[0].bytes, last = step.outputs.back().bytes;
    step.threads = 3;
    CHECK(step.run().ok());
    CHECK(step.outputs[0].bytes == first && step.outputs.back().bytes == last);
  };
  for (const char* kernel : {"Softmax", "LogSoftmax"}) {
    Step step;
    step.kernel = kernel;
    step.inputs = {tensor<T>({rows, columns}, x)};
    step.outputs = {output<T>({rows, columns})};
    run(step);
    const auto y = step.outputs[0].get<T>();
    const auto& want = kernel[0] == 'S' ? expected.softmax : expected.log_softmax;
    for (size_t i = 0; i < y.size(); ++i)
      CHECK(std::abs(y[i] - want[i]) <= 16 * unit * (kernel[0] == 'S' ? want[i] + unit * unit : 1 + std::abs(want[i])));
  }
  std::vector<int32_t> labels(static_cast<size_t>(rows));
  std::vector<T> one_hot(x.size(), T(0));
  for (size_t r = 0; r < labels.size(); ++r) {
    labels[r] = int32_t(r * 7 % size_t(columns));
    one_hot[r * size_t(columns) + size_t(labels[r])] = T(1);
  }
  for (const char* kernel : {"SoftmaxXent", "SparseSoftmaxXent"}) {
    Step step;
    step.kernel = kernel;
    step.inputs = {tensor<T>({rows, columns}, x), kernel[1] == 'o' ? tensor<T>({rows, columns}, one_hot)
                                                                   : tensor<int32_t>({rows}, labels)};
    step.outputs = {output<T>({rows}), output<T>({rows, columns})};
    run(step);
    const auto loss = step.outputs[0].get<T>(), backprop = step.outputs[1].get<T>();
    for (size_t r = 0; r < labels.size(); ++r) {
      const long double want = -expected.log_softmax[r * size_t(columns) + size_t(labels[r])];
      CHECK(std::abs(loss[r] - want) <= 16 * unit * (1 + want));
    }
    for (size_t i = 0; i < x.size(); ++i)
      CHECK(std::abs(backprop[i] - (expected.softmax[i] - one_hot[i])) <= 16 * unit);
  }
}

TEST("Softmax, LogSoftmax and the cross entropies: short and long rows, up to 1e4") {
  const int64_t shapes[][2] = {{1, 1}, {5, 2}, {128, 10}, {3, 17}, {37, 63}, {33, 16},
                               {2, 64}, {50, 3}, {45, 15}, {64, 33}, {7, 1000}, {2, 1024}, {3, 5000}};
  for (const auto& shape : shapes) {
    check_rows<float>(shape[0], shape[1], 4.0f);
    check_rows<float>(shape[0], shape[1], 10000.0f);
    check_rows<double>(shape[0], shape[1], 4.0);
  }
}

// Rows long enough for vectors.
template <class T>
void edges_of_long_rows(int64_t columns) {
  const T infinity = std::numeric_limits<T>::infinity(), low = sizeof(T) == 4 ? T(-100) : T(-720);
  std::vector<T> x(size_t(4 * columns), T(0));
  for (int64_t c = 0; c < columns; c += 3) x[size_t(c)] = -infinity;
  for (int64_t c = 1; c < columns; c += 3) x[size_t(c)] = c % 2 != 0 ? T(-5000) : low;
  x[size_t(columns + 5)] = std::numeric_limits<T>::quiet_NaN();
  std::fill_n(x.begin() + 2 * columns, columns, -infinity);
  x[size_t(4 * columns - 2)] = infinity;
  Step step;
  step.kernel = "Softmax";
  step.inputs = {tensor<T>({4, columns}, x)};
  step.outputs = {output<T>({4, columns})};
  CHECK(step.run().ok());
  const auto y = step.outputs[0].get<T>();
  long double sum = 0;
  for (int64_t c = 0; c < columns; ++c) sum += expl(static_cast<long double>(x[size_t(c)]));
  for (int64_t c = 0; c < columns; ++c) {
    const T one = x[size_t(c)], got = y[size_t(c)];
    const long double want = expl(static_cast<long double>(one)) / sum;
    if (one < -4000) CHECK_EQ(got, T(0));
    CHECK(std::abs(got - want) <= 16 * std::numeric_limits<T>::epsilon() * want + 2 * std::numeric_limits<T>::denorm_min());
  }
  for (size_t i = size_t(columns); i < y.size(); ++i) CHECK(std::isnan(y[i]) || (i >= size_t(3 * columns) && y[i] == T(0)));
}
TEST("Softmax: long rows with NaN, infinities and what exp leaves nothing of") {
  for (const int64_t columns : {64, 67, 1000}) {
    edges_of_long_rows<float>(columns);
    edges_of_long_rows<double>(columns);
  }
}

TEST("Softmax: NaN stays in its row, infinities give NaN as in TensorFlow") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  Step step;
  step.kernel = "Softmax";
  step.inputs = {tensor<float>({4, 2}, {1, nan, 1, 1, -inf, 0, -inf, -inf})};
  step.outputs = {output<float>({4, 2})};
  CHECK(step.run().ok());
  const auto y = step.outputs[0].get<float>();
  CHECK(std::isnan(y[0]) && std::isnan(y[1]) && y[2] == 0.5f && y[3] == 0.5f);
  CHECK(y[4] == 0 && y[5] == 1 && std::isnan(y[6]));
}

// A row has the same bits wherever it stands, among NaNs and infinities.
template <class T>
void rows_alone(int64_t rows, int64_t columns) {
  auto x = logits<T>(rows * columns, T(9));
  const T infinity = std::numeric_limits<T>::infinity(), edges[] = {infinity, -infinity, std::numeric_limits<T>::quiet_NaN(), T(-5000)};
  for (size_t i = 5; i < x.size(); i += 11) x[i] = edges[i % 4];
  const auto labels = logits<T>(rows * columns, T(1));
  std::vector<int32_t> classes(static_cast<size_t>(rows));
  for (size_t r = 0; r < classes.size(); ++r) classes[r] = int32_t(r * 5 % size_t(columns));
  const auto slice = [](const auto& all, int64_t first, int64_t n) {
    return std::remove_cvref_t<decltype(all)>(all.begin() + first, all.begin() + first + n);
  };
  const auto same = [](const std::vector<T>& a, const std::vector<T>& b) {
    for (size_t i = 0; i < a.size(); ++i)
      if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0 && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
    return a.size() == b.size();
  };
  for (const char* kernel : {"Softmax", "LogSoftmax", "SoftmaxXent", "SparseSoftmaxXent"}) {
    const bool loss = std::strstr(kernel, "Xent") != nullptr;
    const auto run = [&](int64_t first, int64_t n) {
      Step step;
      step.kernel = kernel;
      step.inputs = {tensor<T>({n, columns}, slice(x, first * columns, n * columns))};
      if (loss && kernel[1] == 'o') step.inputs.push_back(tensor<T>({n, columns}, slice(labels, first * columns, n * columns)));
      if (loss && kernel[1] == 'p') step.inputs.push_back(tensor<int32_t>({n}, slice(classes, first, n)));
      if (loss) step.outputs = {output<T>({n})};
      step.outputs.push_back(output<T>({n, columns}));
      CHECK_EQ(std::string(step.run().text), "");
      return step;
    };
    const Step all = run(0, rows);
    for (int64_t r = 0; r < rows; ++r) {
      const Step one = run(r, 1);
      CHECK(same(one.outputs.back().get<T>(), slice(all.outputs.back().get<T>(), r * columns, columns)));
      if (loss) CHECK(same(one.outputs[0].get<T>(), slice(all.outputs[0].get<T>(), r, 1)));
    }
  }
}
TEST("Softmax and the cross entropies: short rows have the bits that they have alone") {
  for (const int64_t columns : {1, 2, 3, 10, 16, 33, 63}) {
    rows_alone<float>(37, columns);
    rows_alone<double>(37, columns);
  }
}

TEST("SparseSoftmaxXent: TensorFlow's text for a bad label, and no classes") {
  Step step;
  step.kernel = "SparseSoftmaxXent";
  step.inputs = {tensor<float>({2, 10}, std::vector<float>(20)), tensor<int64_t>({2}, {3, 10})};
  step.outputs = {output<float>({2}), output<float>({2, 10})};
  CHECK_EQ(std::string(step.run().text),
           "Received a label value of 10 which is outside the valid range of [0, 10).  Label values: 3 10");
  step.inputs = {tensor<float>({2, 0}, {}), tensor<int64_t>({2}, {0, 0})};
  step.outputs = {output<float>({2}), output<float>({2, 0})};
  CHECK_EQ(std::string(step.run().text), "Must have at least one class, but got logits shape [2,0]");
  step.kernel = "SoftmaxXent";
  step.inputs[1] = tensor<float>({2, 0}, {});
  CHECK(step.run().ok());
  CHECK(step.outputs[0].get<float>() == (std::vector<float>{0, 0}));
}

TEST("CheckNumerics: says what it saw, works in place") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const auto check = [](std::vector<float> x) {
    Step step;
    step.kernel = "CheckNumerics";
    step.inputs = {tensor<float>({int64_t(x.size())}, x)};
    step.outputs = {output<float>({int64_t(x.size())})};
    step.attrs.symbol("net");
    const Status status = step.run();
    if (status.ok()) CHECK(step.outputs[0].get<float>() == x);
    return std::string(status.text);
  };
  CHECK_EQ(check({1, 2, 3e38f}), "");
  CHECK_EQ(check({}), "");
  CHECK_EQ(check({1, nan}), "net : Tensor had NaN values");
  CHECK_EQ(check({1, -inf}), "net : Tensor had Inf values");
  std::vector<float> many(100000, 1.0f);
  many[5] = inf;
  many[99999] = nan;
  CHECK_EQ(check(many), "net : Tensor had Inf and NaN values");
}

TEST("Assert and Print: TensorFlow's way to write values") {
  Step step;
  step.kernel = "Assert";
  step.inputs = {scalar<bool>(false), tensor<float>({2, 2}, {0.1f, 2, 1.0f / 3, 4}), tensor<int64_t>({3}, {1, 2, 3}),
                 scalar<bool>(true)};
  step.attrs.i32(3).i32(-1);
  CHECK_EQ(std::string(step.run().text), "assertion failed: [[0.1 2][0.333333343...]...] [1 2 3] [1]");
  step.attrs = Attrs().i32(2);
  step.attrs.symbols = {"x must be positive"};
  step.attrs.i32(0);
  CHECK_EQ(std::string(step.run().text), "assertion failed: [x must be positive] [[0.1 2]...] [1 2...] [1]");
  step.inputs[0] = scalar<bool>(true);
  CHECK(step.run().ok());
  step.attrs.words[1] = 1;
  CHECK(step.run().code == Code::kInternal);

  Step print;
  print.kernel = "Print";
  print.inputs = {tensor<double>({2}, {0.1, 1e100}), tensor<uint8_t>({2}, {7, 255})};
  print.attrs.symbol("see ").i32(-1).i32(2).i32(0);
  CHECK(print.run().ok());
  CHECK_EQ(print.log, "see [0.1 1e+100][7 255]");
  CHECK(print.run().ok());
  CHECK(print.run().ok());
  CHECK_EQ(print.log, "see [0.1 1e+100][7 255]see [0.1 1e+100][7 255]");
}

TEST("IsInitialized: tells, and takes variables only") {
  Step step;
  step.kernel = "IsInitialized";
  step.inputs = {tensor<float>({2}, {1, 2})};
  step.outputs = {output<bool>({})};
  CHECK(step.run().code == Code::kInternal);
  step.inputs[0].variable = true;
  for (uint8_t initialized : {0, 1}) {
    step.initialized = initialized;
    CHECK(step.run().ok());
    CHECK_EQ(step.outputs[0].bytes[0], initialized);
  }
}

}  // namespace
}  // namespace grafo::test
