// Reductions that are few elements each, by their bits: short rows, short pieces of rows, and few columns, against the tree of
// math/reduce_tree.h written down plainly. What is read ends with the array, so that the sanitizers see more.
#include <cmath>
#include <functional>
#include <random>

#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

std::mt19937_64 random_bits(11);

constexpr int kSum = 0, kProd = 2, kMax = 3, kMin = 4;

template <class T>
T combine(int op, T a, T b) {
  using U = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;
  if (op == kSum) return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  if (op == kProd) return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
  if (op == kMax) return a < b ? b : a;
  return b < a ? b : a;
}
template <class T>
T identity(int op) {
  using Limits = std::numeric_limits<T>;
  if (op <= kProd) return static_cast<T>(op == kSum ? 0 : 1);
  if (Limits::has_infinity) return op == kMax ? -Limits::infinity() : Limits::infinity();
  return op == kMax ? Limits::lowest() : Limits::max();
}

// Nodes by the largest power of two on the left.
template <class T>
T cascade(int op, const T* a, int64_t n) {
  if (n == 1) return a[0];
  int64_t half = 1;
  while (2 * half < n) half *= 2;
  return combine(op, cascade(op, a, half), cascade(op, a + half, n - half));
}
template <class T>
T leaf_of_row(int op, const T* x, int64_t n) {
  T lane[32];
  std::fill_n(lane, 32, identity<T>(op));
  for (int64_t i = 0; i < n; ++i) lane[i % 32] = combine(op, lane[i % 32], x[i]);
  for (int half = 16; half >= 1; half /= 2)
    for (int l = 0; l < half; ++l) lane[l] = combine(op, lane[l], lane[l + half]);
  return lane[0];
}

template <class T>
void fill(Value& v) {
  const double odd[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1, -1};
  const uint64_t many = random_bits() % 4;
  for (int64_t i = 0; i < v.desc.size; ++i) {
    const uint64_t bits = random_bits();
    if constexpr (std::is_integral_v<T>)
      v.data<T>()[i] = static_cast<T>(bits);
    else if (bits % 16 < many)
      v.data<T>()[i] = static_cast<T>(odd[bits / 16 % 7]);
    else
      v.data<T>()[i] = many == 3 ? static_cast<T>(-0.0) : static_cast<T>(static_cast<double>(bits) / 0x1p63 - 1);
  }
}

// Reduces `dims` along `axes`; want(x, output) is what it should be.
template <class T>
void check(DType dtype, int op, std::vector<int64_t> dims, std::vector<int32_t> axes, int64_t outputs,
           const std::function<T(const T*, int64_t)>& want) {
  Value x = value(dtype, dims);
  x.memory.resize((static_cast<size_t>(x.desc.size) * sizeof(T) + 7) / 8);
  x.memory.shrink_to_fit();
  fill<T>(x);
  for (int threads : {1, 2, 4}) {
    Value y = value(dtype, {outputs});
    Step step;
    step.kernel = "Reduce";
    step.inputs = {&x}, step.outputs = {&y};
    step.attrs = {op, static_cast<int32_t>(axes.size())};
    step.attrs.insert(step.attrs.end(), axes.begin(), axes.end());
    CHECK(step.run(threads).ok());
    for (int64_t o = 0; o < outputs; ++o) {
      const T got = y.data<T>()[o], right = want(x.data<T>(), o);
      if (!std::memcmp(&got, &right, sizeof(T)) || (got != got && right != right)) continue;
      EXPECT(false, "op %d %s of %lld x %lld, output %lld: %g, not %g", op, dtype_name(dtype), (long long)dims[0],
             (long long)dims.back(), (long long)o, (double)got, (double)right);
      return;
    }
  }
}

template <class T>
void check_rows(DType dtype, int op, int64_t rows, int64_t n) {
  check<T>(dtype, op, {rows, n}, {1}, rows, [&](const T* x, int64_t o) { return leaf_of_row(op, x + o * n, n); });
}

// Of x[outer][piece][row][n], each row's pieces.
template <class T>
void check_pieces(DType dtype, int op, int64_t outer, int64_t pieces, int64_t rows, int64_t n) {
  check<T>(dtype, op, {outer, pieces, rows, n}, {1, 3}, outer * rows, [&](const T* x, int64_t o) {
    std::vector<T> leaves;
    for (int64_t p = 0; p < pieces; ++p)
      leaves.push_back(leaf_of_row(op, x + ((o / rows * pieces + p) * rows + o % rows) * n, n));
    return cascade(op, leaves.data(), pieces);
  });
}

// Of x[outer][rows][columns], each column; a leaf is 8 rows.
template <class T>
void check_columns(DType dtype, int op, int64_t outer, int64_t rows, int64_t columns) {
  check<T>(dtype, op, {outer, rows, columns}, {1}, outer * columns, [&](const T* x, int64_t o) {
    std::vector<T> leaves;
    for (int64_t r = 0; r < rows; ++r) {
      if (r % 8 == 0) leaves.push_back(identity<T>(op));
      leaves.back() = combine(op, leaves.back(), x[(o / columns * rows + r) * columns + o % columns]);
    }
    return cascade(op, leaves.data(), static_cast<int64_t>(leaves.size()));
  });
}

template <class Body>
void for_types(Body&& body) {
  for (int op : {kSum, kProd, kMax, kMin}) {
    body(float(), DType::kFloat32, op);
    body(double(), DType::kFloat64, op);
    body(int32_t(), DType::kInt32, op);
    body(int64_t(), DType::kInt64, op);
    body(uint8_t(), DType::kUint8, op);
    body(int8_t(), DType::kInt8, op);
    body(int16_t(), DType::kInt16, op);
    body(uint16_t(), DType::kUint16, op);
  }
}

}  // namespace

TEST("Reduce: short rows are the tree's, however many") {
  for_types([](auto type, DType dtype, int op) {
    using T = decltype(type);
    for (int64_t n : {2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 63, 64, 65, 100, 127, 128, 129, 200, 254, 255})
      for (int64_t rows : {2, 3, 7, 8, 9, 16, 17, 18, 35}) check_rows<T>(dtype, op, rows, n);
    for (int64_t n = 2; n < 256; ++n) check_rows<T>(dtype, op, 1 + static_cast<int64_t>(random_bits() % 40), n);
    check_rows<T>(dtype, op, 30011, 3);
  });
}

TEST("Reduce: pieces of rows are leaves of one cascade") {
  for_types([](auto type, DType dtype, int op) {
    using T = decltype(type);
    for (int64_t pieces : {2, 3, 15, 16, 17, 33, 100})
      for (int64_t n : {2, 3, 5, 16, 31, 100, 255})
        for (int64_t rows : {2 + static_cast<int64_t>(random_bits() % 3), 4 + static_cast<int64_t>(random_bits() % 20)})
          check_pieces<T>(dtype, op, 1 + static_cast<int64_t>(random_bits() % 3), pieces, rows, n);
  });
}

TEST("Reduce: few columns are the tree's, however many rows") {
  for_types([](auto type, DType dtype, int op) {
    using T = decltype(type);
    for (int64_t columns : {2, 3, 5, 8, 10, 15, 16, 17, 28, 31, 33})
      for (int64_t rows : {2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 136, 255, 256, 300, 1000})
        check_columns<T>(dtype, op, 1 + static_cast<int64_t>(random_bits() % 3), rows, columns);
    check_columns<T>(dtype, op, 1, 40011, 3);
  });
}

TEST("Reduce: all and any are decided by one element, wherever it is") {
  for (int64_t n : {1, 2, 255, 256, 257, 4352, 4353, 100003})
    for (int64_t at : {int64_t{-1}, int64_t{0}, n / 2, n - 1})
      for (int any : {0, 1}) {
        Value x = value(DType::kBool, {n}), y = value(DType::kBool, {});
        x.memory.resize((static_cast<size_t>(n) + 7) / 8);
        x.memory.shrink_to_fit();
        std::fill_n(x.data<uint8_t>(), n, static_cast<uint8_t>(any ? 0 : 2));
        if (at >= 0) x.data<uint8_t>()[at] = static_cast<uint8_t>(any ? 2 : 0);
        Step step;
        step.kernel = "Reduce";
        step.inputs = {&x}, step.outputs = {&y}, step.attrs = {5 + any, 1, 0};
        CHECK(step.run(2).ok());
        CHECK_EQ(int(y.data<uint8_t>()[0]), int((at >= 0) == (any == 1)));
      }
}
