// Reduce, ArgReduce and Cumulative against plain loops in long double or 64-bit integers, over
// random shapes and axes, with one and with several threads; and the bound on the error of sums.
#include <cmath>
#include <random>

#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

std::mt19937_64 random_bits(5);

template <class T>
void fill(Value& v) {
  for (int64_t i = 0; i < v.desc.size; ++i) {
    if constexpr (std::is_floating_point_v<T>)
      v.data<T>()[i] = static_cast<T>((double)(int64_t)random_bits() / 0x1p63);
    else
      v.data<T>()[i] =
          static_cast<T>(random_bits() % 7) - static_cast<T>(std::is_signed_v<T> ? 3 : 0);
  }
}

struct Case {
  std::vector<int64_t> dims;
  std::vector<int32_t> axes;
};

Case random_case() {
  Case made;
  const int rank = (int)(random_bits() % 6);
  const int64_t sizes[] = {1, 2, 3, 7, 8, 9, 31, 130, 300, 5000};
  int64_t n = 1;
  for (int d = 0; d < rank; ++d) {
    int64_t dim = sizes[random_bits() % 10];
    if (n * dim > 300000) dim = 2;
    made.dims.push_back(dim), n *= dim;
    if (random_bits() & 1) made.axes.push_back(d);
  }
  return made;
}

// Calls body(element of x, element of y) in order.
template <class Body>
int64_t for_each(const Case& c, Body&& body) {
  const int rank = (int)c.dims.size();
  std::vector<int64_t> stride((size_t)rank, 0);
  int64_t outs = 1, n = 1;
  for (int d = rank - 1; d >= 0; --d) {
    const bool reduced = std::find(c.axes.begin(), c.axes.end(), d) != c.axes.end();
    if (!reduced) stride[(size_t)d] = outs, outs *= c.dims[(size_t)d];
    n *= c.dims[(size_t)d];
  }
  for (int64_t i = 0; i < n; ++i) {
    int64_t rest = i, at = 0;
    for (int d = rank - 1; d >= 0; --d)
      at += rest % c.dims[(size_t)d] * stride[(size_t)d], rest /= c.dims[(size_t)d];
    body(i, at);
  }
  return outs;
}

Status reduce(Value& x, Value& y, int op, const Case& c, int threads) {
  Step step;
  step.kernel = "Reduce";
  step.inputs = {&x};
  step.outputs = {&y};
  step.attrs = {op, (int32_t)c.axes.size()};
  for (int32_t axis : c.axes) step.attrs.push_back(axis);
  return step.run(threads);
}

template <class T>
void check_op(const Case& c, DType dtype, int op) {
  Value x = value(dtype, c.dims);
  fill<T>(x);
  const int64_t outs = for_each(c, [](int64_t, int64_t) {});
  std::vector<long double> want((size_t)outs, op == 2   ? 1
                                              : op == 3 ? -INFINITY
                                              : op == 4 ? INFINITY
                                                        : 0),
      size((size_t)outs, 0);
  for_each(c, [&](int64_t i, int64_t o) {
    const long double v = x.data<T>()[i];
    long double& w = want[(size_t)o];
    w = op <= 1 ? w + v : op == 2 ? w * v : op == 3 ? std::max(w, v) : std::min(w, v);
    size[(size_t)o] += std::fabs(v);
  });
  const long double count = outs ? (long double)x.desc.size / outs : 1;
  Value y = value(dtype, {outs}), z = value(dtype, {outs});
  Status status = reduce(x, y, op, c, 1);
  EXPECT(status.ok(), "%s", status.text);
  status = reduce(x, z, op, c, 5);
  EXPECT(!std::memcmp(y.data<char>(), z.data<char>(), (size_t)outs * sizeof(T)),
         "threads change bits, op %d", op);
  const long double unit = sizeof(T) == 4 ? 0x1p-24L : 0x1p-53L;
  for (int64_t o = 0; o < outs; ++o) {
    long double w = want[(size_t)o], allowed = 0;
    if (op == 1) w = std::is_integral_v<T> ? std::trunc(w / count) : w / count;
    if (std::is_floating_point_v<T> && op <= 1)
      allowed = (2 * std::log2(std::max(count, 1.0L)) + 2) * unit * size[(size_t)o] /
                (op == 1 ? count : 1);
    if (std::is_floating_point_v<T> && op == 2) allowed = count * 2 * unit * std::fabs(w) + 1e-40L;
    const long double got = y.data<T>()[o];
    if (std::is_integral_v<T> && op == 2) continue;  // wraps
    if (std::is_integral_v<T> && op == 0) w = static_cast<T>(static_cast<int64_t>(w));
    if (!(std::fabs(got - w) <= allowed)) {
      EXPECT(false, "op %d dtype %s rank %zu output %lld: %Lg, not %Lg, allowed %Lg", op,
             dtype_name(dtype), c.dims.size(), (long long)o, got, w, allowed);
      return;
    }
  }
}

}  // namespace

TEST("Reduce: random shapes, axes and dtypes match plain loops, for any number of threads") {
  for (int trial = 0; trial < 400; ++trial) {
    const Case c = random_case();
    check_op<float>(c, DType::kFloat32, trial % 5);
    check_op<double>(c, DType::kFloat64, (trial + 1) % 5);
    check_op<int32_t>(c, DType::kInt32, trial % 5);
    check_op<uint8_t>(c, DType::kUint8, (trial + 3) % 5);
    check_op<int64_t>(c, DType::kInt64, trial % 5);
    check_op<int16_t>(c, DType::kInt16, trial % 5);
  }
}

TEST("Reduce: large full, row and column sums keep the bound and their bits") {
  for (const Case& c :
       {Case{{3000001}, {0}}, Case{{7, 400000}, {1}}, Case{{300000, 10}, {0}},
        Case{{100000, 3, 5}, {0, 2}}, Case{{20000, 200}, {0}}, Case{{3, 100000, 4}, {1}}})
    for (int op : {0, 1, 3}) check_op<float>(c, DType::kFloat32, op);
}

TEST("Reduce: empty tensors give the identity, an empty mean NaN or integer 0") {
  const Case c{{2, 0}, {1}};
  const double want[] = {0, NAN, 1, -INFINITY, INFINITY};
  for (int op = 0; op < 5; ++op) {
    Value x = value(DType::kFloat32, {2, 0}), y = value(DType::kFloat32, {2, 1});
    CHECK(reduce(x, y, op, c, 1).ok());
    CHECK(y.data<float>()[1] == (float)want[op] || (op == 1 && std::isnan(y.data<float>()[1])));
    Value i = value(DType::kInt32, {2, 0}), j = value(DType::kInt32, {2});
    CHECK(reduce(i, j, op, c, 1).ok());
    const int32_t integers[] = {0, 0, 1, INT32_MIN, INT32_MAX};
    CHECK(j.data<int32_t>()[0] == integers[op]);
  }
  Value x = value(DType::kBool, {0}), y = value(DType::kBool, {});
  CHECK(reduce(x, y, 5, {{0}, {0}}, 1).ok() && y.data<uint8_t>()[0] == 1);
  CHECK(reduce(x, y, 6, {{0}, {0}}, 1).ok() && y.data<uint8_t>()[0] == 0);
}

template <class T>
void wraps(DType dtype) {
  Value x = value(dtype, {1000}), y = value(dtype, {});
  std::make_unsigned_t<T> sum = 0, product = 1;
  for (int i = 0; i < 1000; ++i) {
    const auto one = static_cast<std::make_unsigned_t<T>>(random_bits() | 1);
    x.data<T>()[i] = static_cast<T>(one);
    sum += one, product *= one;
  }
  CHECK(reduce(x, y, 0, {{1000}, {0}}, 1).ok());
  CHECK_EQ(y.data<T>()[0], static_cast<T>(sum));
  CHECK(reduce(x, y, 2, {{1000}, {0}}, 1).ok());
  CHECK_EQ(y.data<T>()[0], static_cast<T>(product));
}

TEST("Reduce: sums and products of integers wrap") {
  wraps<int32_t>(DType::kInt32);
  wraps<int64_t>(DType::kInt64);
  wraps<int8_t>(DType::kInt8);
  wraps<uint8_t>(DType::kUint8);
  wraps<int16_t>(DType::kInt16);
  wraps<uint16_t>(DType::kUint16);
}

template <class T>
void means_of_extremes(DType dtype) {
  using Limits = std::numeric_limits<T>;
  for (const Case& c : {Case{{300007}, {0}}, {{3, 100003}, {1}}, {{70, 140003}, {1}}, {{100003, 3}, {0}}, {{5003, 7}, {1}}, {{500, 40, 9}, {0, 2}}, {{7, 300}, {1}}})
    for (const T one : {Limits::max(), Limits::lowest()}) {
      int64_t outputs = 1;
      for (size_t d = 0; d < c.dims.size(); ++d)
        if (std::find(c.axes.begin(), c.axes.end(), static_cast<int>(d)) == c.axes.end()) outputs *= c.dims[d];
      Value x = value(dtype, c.dims), y = value(dtype, {outputs});
      std::fill_n(x.data<T>(), x.desc.size, one);
      for (const int32_t threads : {1, 3}) {
        CHECK(reduce(x, y, 1, c, threads).ok());
        CHECK_EQ(std::count(y.data<T>(), y.data<T>() + outputs, one), outputs);
      }
    }
}

TEST("Reduce: means of small integers are of sums that hold them all") {
  means_of_extremes<int8_t>(DType::kInt8);
  means_of_extremes<uint8_t>(DType::kUint8);
  means_of_extremes<int16_t>(DType::kInt16);
  means_of_extremes<uint16_t>(DType::kUint16);
}

TEST("Reduce: a maximum is of the numbers, NaN or not") {
  Value x = value(DType::kFloat32, {2, 300}), y = value(DType::kFloat32, {2});
  for (int i = 0; i < 600; ++i)
    x.data<float>()[i] = i % 3 || i >= 300 ? NAN : static_cast<float>(i);
  CHECK(reduce(x, y, 3, {{2, 300}, {1}}, 1).ok());
  CHECK(y.data<float>()[0] == 297 && y.data<float>()[1] == -INFINITY);
}

TEST("Reduce: all and any") {
  Value x = value(DType::kBool, {4, 1000}), y = value(DType::kBool, {4});
  for (int i = 0; i < 4000; ++i) x.data<uint8_t>()[i] = i >= 1000 && (i < 2000 || i % 1000 != 999);
  CHECK(reduce(x, y, 5, {{4, 1000}, {1}}, 1).ok());
  for (int r = 0; r < 4; ++r) CHECK(y.data<uint8_t>()[r] == (r == 1));
  CHECK(reduce(x, y, 6, {{4, 1000}, {1}}, 1).ok());
  for (int r = 0; r < 4; ++r) CHECK(y.data<uint8_t>()[r] == (r != 0));
}

TEST("Reduce: plans that break the contract are rejected") {
  Value x = value(DType::kFloat32, {2, 3}), y = value(DType::kFloat32, {2}),
        wrong = value(DType::kFloat64, {2});
  CHECK(reduce(x, y, 0, {{}, {1}}, 1).ok());
  CHECK(reduce(x, y, 0, {{}, {0}}, 1).code == Code::kInternal);
  CHECK(reduce(x, y, 0, {{}, {2}}, 1).code == Code::kInternal);
  CHECK(reduce(x, y, 0, {{}, {1, 1}}, 1).code == Code::kInternal);
  CHECK(reduce(x, y, 7, {{}, {1}}, 1).code == Code::kInternal);
  CHECK(reduce(x, y, 5, {{}, {1}}, 1).code == Code::kInternal);
  CHECK(reduce(x, wrong, 0, {{}, {1}}, 1).code == Code::kInternal);
}

TEST("ArgReduce: first index on ties, NaN never wins, rows and columns, both index types") {
  for (int trial = 0; trial < 200; ++trial) {
    const int64_t sizes[] = {1, 2, 5, 63, 64, 200, 1000};
    const int64_t outer = 1 + (int64_t)(random_bits() % 5), axis = sizes[random_bits() % 7],
                  inner = trial & 1 ? 1 : 1 + (int64_t)(random_bits() % 300);
    Value x = value(DType::kFloat32, {outer, axis, inner}),
          wide = value(DType::kInt64, {outer, inner}),
          narrow = value(DType::kInt32, {outer, inner});
    for (int64_t i = 0; i < x.desc.size; ++i)
      x.data<float>()[i] =
          random_bits() % 4 == 0 ? NAN : static_cast<float>((int)(random_bits() % 9) - 4);
    const int smallest = trial / 2 % 2;
    for (Value* y : {&wide, &narrow}) {
      Step step;
      step.kernel = "ArgReduce";
      step.inputs = {&x}, step.outputs = {y}, step.attrs = {smallest, 1};
      CHECK(step.run(3).ok());
    }
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t j = 0; j < inner; ++j) {
        float best = smallest ? 3.4028234e38f : -3.4028234e38f;
        int64_t index = 0;
        for (int64_t a = 0; a < axis; ++a) {
          const float v = x.data<float>()[(o * axis + a) * inner + j];
          if (smallest ? v < best : v > best) best = v, index = a;
        }
        CHECK(wide.data<int64_t>()[o * inner + j] == index &&
              narrow.data<int32_t>()[o * inner + j] == index);
      }
  }
  for (int64_t n : {64, 65, 95, 96, 127})  // the best is the last
    for (int smallest : {0, 1}) {
      Value x = value(DType::kInt16, {n}), y = value(DType::kInt64, {});
      for (int16_t i = 0; i < n; ++i) x.data<int16_t>()[i] = smallest ? int16_t(-i) : i;
      Step step;
      step.kernel = "ArgReduce";
      step.inputs = {&x}, step.outputs = {&y}, step.attrs = {smallest, 0};
      CHECK(step.run().ok());
      CHECK_EQ(*y.data<int64_t>(), n - 1);
    }
  Value x = value(DType::kFloat32, {0, 3}), y = value(DType::kInt64, {3});
  Step step;
  step.kernel = "ArgReduce";
  step.inputs = {&x}, step.outputs = {&y}, step.attrs = {0, 0};
  CHECK(step.run().code == Code::kInvalidArgument);
}

TEST("Cumulative: sums and products, exclusive and reverse, along any axis") {
  for (int trial = 0; trial < 200; ++trial) {
    const int64_t outer = 1 + (int64_t)(random_bits() % 4), axis = (int64_t)(random_bits() % (trial % 10 ? 40 : 2500)),
                  inner = trial & 1 ? 1 : 1 + (int64_t)(random_bits() % (trial & 16 ? 200 : 17));
    Value x = value(DType::kInt32, {outer, axis, inner}),
          y = value(DType::kInt32, {outer, axis, inner});
    for (int64_t i = 0; i < x.desc.size; ++i) x.data<int32_t>()[i] = (int32_t)random_bits();
    const int product = trial / 2 % 2, exclusive = trial / 4 % 2, reverse = trial / 8 % 2;
    Step step;
    step.kernel = "Cumulative";
    step.inputs = {&x}, step.outputs = {&y}, step.attrs = {product, 1, exclusive, reverse};
    CHECK(step.run(trial % 3 + 1).ok());
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t j = 0; j < inner; ++j) {
        uint32_t sum = product ? 1 : 0;
        for (int64_t i = 0; i < axis; ++i) {
          const int64_t at = (o * axis + (reverse ? axis - 1 - i : i)) * inner + j;
          const uint32_t v = (uint32_t)x.data<int32_t>()[at], before = sum;
          sum = product ? sum * v : sum + v;
          if ((uint32_t)y.data<int32_t>()[at] != (exclusive ? before : sum)) CHECK(false);
        }
      }
  }
}
