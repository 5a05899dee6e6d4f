// MatMul against sums in long double: every path, transpose, edge and dtype, and the same bits for any number of threads.
#include <algorithm>
#include <cmath>
#include <limits>

#include "test/check.h"
#include "test/step.h"

namespace grafo::test {
namespace {

struct Numbers {
  uint64_t state;
  double next() {  // in [-1, 1)
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(static_cast<int64_t>(state >> 11)) / double(1ll << 52) - 1;
  }
};

template <class T>
std::vector<T> numbers(int64_t n, uint64_t seed) {
  Numbers source{seed};
  std::vector<T> values(static_cast<size_t>(n));
  for (T& value : values)
    value = std::is_integral_v<T> ? static_cast<T>(source.next() * 1e9) : static_cast<T>(source.next());
  return values;
}

template <class T>
Step matmul(int64_t m, int64_t n, int64_t k, bool ta, bool tb) {
  Step step;
  step.kernel = "MatMul";
  step.inputs = {tensor<T>(ta ? std::vector{k, m} : std::vector{m, k}, numbers<T>(m * k, 1)),
                 tensor<T>(tb ? std::vector{n, k} : std::vector{k, n}, numbers<T>(k * n, 2))};
  step.outputs = {output<T>({m, n})};
  step.attrs.i32(ta).i32(tb);
  return step;
}

// The largest error in units of u |A| |B|, compared with min(K, 4 sqrt K).
template <class T>
void check_product(int64_t m, int64_t n, int64_t k, bool ta, bool tb, int threads) {
  Step step = matmul<T>(m, n, k, ta, tb);
  step.threads = threads;
  const Status status = step.run();
  CHECK_EQ(std::string(status.text), "");
  const std::vector<T> a = step.inputs[0].get<T>(), b = step.inputs[1].get<T>();
  const std::vector<T> c = step.outputs[0].get<T>();
  const double unit = std::numeric_limits<T>::epsilon() / 2.0;
  const double bound = std::min<double>(k, 4 * std::sqrt(k)) * unit + unit;
  // All entries of small products, a sample of large ones.
  const int64_t stride = std::max<int64_t>(1, m * n * k / 4000000) | 1;
  int64_t wrong = 0;
  for (int64_t at = 0; at < m * n; at += stride) {
    const int64_t i = at / n, j = at % n;
    long double sum = 0, size = 0;
    for (int64_t p = 0; p < k; ++p) {
      const long double x = a[ta ? p * m + i : i * k + p], y = b[tb ? j * k + p : p * n + j];
      sum += x * y;
      size += std::abs(x * y);
    }
    wrong += !(std::abs(c[at] - sum) <= bound * size);
  }
  if (wrong) std::fprintf(stderr, "    [%ld,%ld,%ld] %d%d\n", long(m), long(n), long(k), ta, tb);
  CHECK_EQ(wrong, 0);
  if (threads == 1) {
    step.threads = 3;
    CHECK(step.run().ok());
    CHECK(step.outputs[0].get<T>() == c);
  }
}

template <class T>
void check_all(int64_t m, int64_t n, int64_t k) {
  for (int transposes = 0; transposes < 4; ++transposes)
    check_product<T>(m, n, k, transposes & 1, transposes & 2, 1);
}

// Rows of A 8 KB apart and a little more: packed, and read in place, with AVX-512.
TEST("MatMul: a transposed A with long rows") {
  for (const int threads : {1, 2}) {
    check_product<float>(2048, 40, 9, true, false, threads);
    check_product<float>(2056, 40, 9, true, true, threads);
    check_product<double>(1024, 20, 9, true, false, threads);
    check_product<double>(1032, 20, 9, true, false, threads);
  }
}
TEST("MatMul: small shapes, all transposes, float and double") {
  const int64_t sizes[] = {1, 2, 3, 5, 7, 8, 13, 16, 17, 33};
  for (int64_t m : sizes)
    for (int64_t n : sizes)
      for (int64_t k : {1, 2, 4, 9, 31, 64}) {
        check_all<float>(m, n, k);
        check_all<double>(m, n, k);
      }
}

TEST("MatMul: shapes around the edges of tiles and blocks") {
  const int64_t shapes[][3] = {{64, 64, 64},   {128, 10, 256},  {100, 784, 10},   {97, 130, 385},
                               {25, 257, 769}, {300, 33, 1000}, {5, 2100, 70},    {2, 3, 5000},
                               {1, 1000, 700}, {1000, 1, 700},  {4200, 40, 3},    {200, 1, 2},
                               {2, 1, 200},    {130, 300, 400}, {6, 64, 12},      {1, 7, 100000},
                               {2, 1, 1003},   {4, 1, 517},    {8, 1, 260},     {1, 1, 70001},
                               {37, 11, 1300}, {70, 5, 3000},  {4100, 9, 90},  {52, 12, 700}};
  for (const auto& shape : shapes) {
    check_all<float>(shape[0], shape[1], shape[2]);
    check_all<double>(shape[0], shape[1], shape[2]);
  }
}

TEST("MatMul: batches broadcast like TensorFlow's") {
  const int64_t m = 5, n = 6, k = 7;
  const auto a = numbers<double>(3 * m * k, 1), b = numbers<double>(2 * k * n, 2);
  Step step;
  step.kernel = "MatMul";
  step.inputs = {tensor<double>({1, 3, m, k}, a), tensor<double>({2, 1, k, n}, b)};
  step.outputs = {output<double>({2, 3, m, n})};
  step.attrs.i32(0).i32(0);
  for (int threads : {1, 4}) {
    step.threads = threads;
    CHECK_EQ(std::string(step.run().text), "");
    const auto c = step.outputs[0].get<double>();
    for (int64_t at = 0; at < 2 * 3 * m * n; ++at) {
      const int64_t j = at % n, i = at / n % m, p = at / (m * n) % 3, q = at / (m * n * 3);
      double sum = 0;
      for (int64_t s = 0; s < k; ++s) sum += a[(p * m + i) * k + s] * b[(q * k + s) * n + j];
      CHECK(std::abs(sum - c[at]) < 1e-14);
    }
  }
  // One B for all: the batch joins the rows.
  step.inputs[1] = tensor<double>({k, n}, numbers<double>(k * n, 3));
  step.outputs = {output<double>({1, 3, m, n})};
  CHECK_EQ(std::string(step.run().text), "");
  Step flat = matmul<double>(3 * m, n, k, false, false);
  flat.inputs = {tensor<double>({3 * m, k}, a), step.inputs[1]};
  CHECK(flat.run().ok());
  CHECK(flat.outputs[0].bytes == step.outputs[0].bytes);
  // Many small ones, shared among threads.
  step.inputs = {tensor<double>({500, 4, 9}, numbers<double>(500 * 36, 1)),
                 tensor<double>({500, 9, 3}, numbers<double>(500 * 27, 2))};
  step.outputs = {output<double>({500, 4, 3})};
  step.threads = 1;
  CHECK(step.run().ok());
  const auto once = step.outputs[0].bytes;
  step.threads = 7;
  CHECK(step.run().ok());
  CHECK(step.outputs[0].bytes == once);
}

// Of matrices that fit registers: near the sums, and the bits that each has by itself.
template <class T>
void check_small_batches(int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kBatch = 40;
  for (int transposes = 0; transposes < 4; ++transposes) {
    const bool ta = transposes & 1, tb = transposes & 2;
    const auto a = numbers<T>(kBatch * m * k, 1), b = numbers<T>(kBatch * k * n, 2);
    const auto part = [](const std::vector<T>& all, int64_t i, int64_t items) {
      return std::vector<T>(all.begin() + i * items, all.begin() + (i + 1) * items);
    };
    Step step;
    step.kernel = "MatMul";
    step.inputs = {tensor<T>(ta ? std::vector{kBatch, k, m} : std::vector{kBatch, m, k}, a),
                   tensor<T>(tb ? std::vector{kBatch, n, k} : std::vector{kBatch, k, n}, b)};
    step.outputs = {output<T>({kBatch, m, n})};
    step.attrs.i32(ta).i32(tb);
    CHECK_EQ(std::string(step.run().text), "");
    const auto c = step.outputs[0].get<T>();
    for (int64_t i = 0; i < kBatch; ++i) {
      Step one = matmul<T>(m, n, k, ta, tb);
      one.inputs[0] = tensor<T>(one.inputs[0].dims, part(a, i, m * k));
      one.inputs[1] = tensor<T>(one.inputs[1].dims, part(b, i, k * n));
      CHECK(one.run().ok());
      CHECK(one.outputs[0].get<T>() == part(c, i, m * n));
      for (int64_t at = 0; at < m * n; ++at) {
        long double sum = 0;
        for (int64_t p = 0; p < k; ++p)
          sum += (long double)a[size_t(i * m * k + (ta ? p * m + at / n : at / n * k + p))] *
                 b[size_t(i * k * n + (tb ? at % n * k + p : p * n + at % n))];
        CHECK(std::abs(c[size_t(i * m * n + at)] - sum) <= 8 * std::numeric_limits<T>::epsilon());
      }
    }
  }
}
TEST("MatMul: batches of small matrices") {
  const int64_t shapes[][3] = {{2, 2, 2}, {3, 3, 3}, {4, 4, 4}, {5, 5, 5}, {8, 8, 8}, {3, 7, 1}, {2, 16, 8}, {9, 2, 3}};
  for (const auto& shape : shapes) {
    check_small_batches<float>(shape[0], shape[1], shape[2]);
    check_small_batches<double>(shape[0], shape[1], shape[2]);
  }
}

int g_products = 0;
template <class T>
void plain_product(const BlasProduct& shape, const void* a, const void* b, void* c) {
  ++g_products;
  const auto [m, n, k, ta, tb] = shape;
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += x[ta ? p * m + i : i * k + p] * y[tb ? j * k + p : p * n + j];
      static_cast<T*>(c)[i * n + j] = sum;
    }
}

TEST("MatMul: a BLAS takes products that are worth it, each of a batch, and no others") {
  const Blas blas{plain_product<float>, plain_product<double>, 200};
  const auto compare = [&](auto item, int64_t m, int64_t n, int64_t k, int products) {
    using T = decltype(item);
    for (int transposes = 0; transposes < 4; ++transposes) {
      Step step = matmul<T>(m, n, k, transposes & 1, transposes & 2);
      CHECK(step.run().ok());
      const auto own = step.outputs[0].template get<T>();
      g_products = 0;
      step.blas = &blas;
      CHECK_EQ(std::string(step.run().text), "");
      CHECK_EQ(g_products, products);
      const auto theirs = step.outputs[0].template get<T>();
      for (size_t i = 0; i < own.size(); ++i) CHECK(std::abs(own[i] - theirs[i]) < (sizeof(T) == 4 ? 1e-3 : 1e-11));
    }
  };
  compare(1.0f, 70, 80, 90, 1);
  compare(1.0, 70, 80, 90, 1);
  compare(1.0f, 20, 30, 40, 0);   // too small
  compare(1.0, 70, 80, 201, 0);   // more than its integers hold
  Step batch;
  batch.kernel = "MatMul";
  batch.inputs = {tensor<float>({3, 70, 90}, numbers<float>(3 * 6300, 1)), tensor<float>({3, 90, 80}, numbers<float>(3 * 7200, 2))};
  batch.outputs = {output<float>({3, 70, 80})};
  batch.attrs.i32(0).i32(0);
  CHECK(batch.run().ok());
  const auto own = batch.outputs[0].get<float>();
  g_products = 0;
  batch.blas = &blas;
  CHECK(batch.run().ok());
  CHECK_EQ(g_products, 3);
  const auto theirs = batch.outputs[0].get<float>();
  for (size_t i = 0; i < own.size(); ++i) CHECK(std::abs(own[i] - theirs[i]) < 1e-3);
}

template <class T>
void check_integers(int64_t m, int64_t n, int64_t k) {
  using U = std::make_unsigned_t<T>;
  for (int transposes = 0; transposes < 4; ++transposes) {
    const bool ta = transposes & 1, tb = transposes & 2;
    Step step = matmul<T>(m, n, k, ta, tb);
    for (Tensor& input : step.inputs) {  // all of an item's bits
      std::vector<U> values = input.get<U>();
      for (U& value : values) value *= U(0x9e3779b97f4a7c15u);
      std::memcpy(input.bytes.data(), values.data(), input.bytes.size());
    }
    const auto a = step.inputs[0].get<U>(), b = step.inputs[1].get<U>();
    for (const int threads : {1, 3}) {
      step.threads = threads;
      step.outputs = {output<T>({m, n})};
      CHECK_EQ(std::string(step.run().text), "");
      const auto c = step.outputs[0].get<U>();
      int64_t wrong = 0;
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          U sum = 0;
          for (int64_t p = 0; p < k; ++p) sum += a[size_t(ta ? p * m + i : i * k + p)] * b[size_t(tb ? j * k + p : p * n + j)];
          wrong += c[size_t(i * n + j)] != sum;
        }
      CHECK_EQ(wrong, 0);
    }
  }
}
TEST("MatMul: integers wrap around") {
  const int64_t shapes[][3] = {{5, 6, 7},   {1, 1, 300}, {70, 1, 100}, {1, 50, 9},   {16, 16, 16}, {17, 33, 129},
                               {40, 3, 3},  {23, 9, 1},  {300, 70, 2}, {64, 31, 256}, {270, 65, 40}, {15, 40, 260}};
  for (const auto& shape : shapes) {
    check_integers<int32_t>(shape[0], shape[1], shape[2]);
    check_integers<int64_t>(shape[0], shape[1], shape[2]);
  }
}
TEST("MatMul: batches of integers, of large and of small matrices") {
  for (const int64_t m : {2, 21}) {
    Step step;
    step.kernel = "MatMul";
    const int64_t k = 5, n = 19;
    const auto a = numbers<int64_t>(7 * m * k, 1), b = numbers<int64_t>(7 * k * n, 2);
    step.inputs = {tensor<int64_t>({7, m, k}, a), tensor<int64_t>({7, k, n}, b)};
    step.attrs.i32(0).i32(0);
    for (const int threads : {1, 4}) {
      step.threads = threads;
      step.outputs = {output<int64_t>({7, m, n})};
      CHECK_EQ(std::string(step.run().text), "");
      const auto c = step.outputs[0].get<int64_t>();
      for (int64_t at = 0; at < 7 * m * n; ++at) {
        uint64_t sum = 0;
        for (int64_t p = 0; p < k; ++p)
          sum += uint64_t(a[size_t(at / n * k + p)]) * uint64_t(b[size_t((at / (m * n) * k + p) * n + at % n)]);
        CHECK_EQ(uint64_t(c[size_t(at)]), sum);
      }
    }
  }
}

TEST("MatMul: empty operands") {
  Step inner = matmul<float>(2, 3, 0, false, false);
  CHECK(inner.run().ok());
  CHECK(inner.outputs[0].get<float>() == std::vector<float>(6, 0.0f));
  for (int64_t m : {0, 4})
    for (int64_t n : {0, 4}) {
      if (m * n != 0) continue;
      CHECK(matmul<float>(m, n, 3, false, true).run().ok());
      CHECK(matmul<int64_t>(m, n, 3, true, false).run().ok());
    }
}

TEST("MatMul: NaN and infinity pass, also at the edge of a panel") {
  Step step = matmul<float>(3, 5, 4, false, false);
  std::vector<float> b(20, 1.0f);
  b[4] = std::numeric_limits<float>::infinity();
  b[3] = std::numeric_limits<float>::quiet_NaN();
  step.inputs[0] = tensor<float>({3, 4}, std::vector<float>(12, 1.0f));
  step.inputs[1] = tensor<float>({4, 5}, b);
  CHECK(step.run().ok());
  const auto c = step.outputs[0].get<float>();
  CHECK(std::isnan(c[3]) && std::isinf(c[4]) && c[0] == 4 && c[2] == 4);
}

TEST("MatMul rejects shapes that do not fit") {
  Step step = matmul<float>(2, 3, 4, false, false);
  step.attrs.words[0] = 1;
  CHECK(step.run().code == Code::kInternal);
  step = matmul<float>(2, 3, 4, false, false);
  step.outputs[0] = output<float>({2, 4});
  CHECK(step.run().code == Code::kInternal);
  step = matmul<float>(2, 3, 4, false, false);
  step.outputs[0] = output<double>({2, 3});
  CHECK(step.run().code == Code::kInternal);
  step = matmul<float>(2, 2, 2, false, false);
  step.outputs[0].storage = step.inputs[0].storage = 5;
  CHECK(step.run().code == Code::kInternal);
  step = matmul<uint8_t>(2, 3, 4, false, false);
  CHECK(step.run().code == Code::kInternal);
  step = matmul<float>(2, 3, 4, false, false);
  step.attrs.words.push_back(0);
  CHECK(step.run().code == Code::kInternal);
}

}  // namespace
}  // namespace grafo::test
