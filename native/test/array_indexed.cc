// Kernels that read indices or find positions: results, order, and TensorFlow's messages for bad indices.
#include <cmath>
#include <limits>

#include "test/check.h"
#include "test/step.h"

namespace grafo::test {
namespace {

std::string error_of(Step step) {
  const Status status = step.run();
  return status.code == Code::kInvalidArgument ? status.text : "code " + std::to_string(int(status.code));
}

TEST("Gather: axes, index dtypes, and the bad index by name") {
  Step step;
  step.kernel = "Gather";
  step.inputs = {tensor<float>({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}),
                 tensor<int64_t>({2, 2}, {2, 0, 1, 1})};
  step.outputs = {output<float>({2, 2, 2, 2})};
  step.attrs.i32(1);
  CHECK_EQ(std::string(step.run().text), "");
  CHECK(step.outputs[0].get<float>() ==
        (std::vector<float>{4, 5, 0, 1, 2, 3, 2, 3, 10, 11, 6, 7, 8, 9, 8, 9}));
  step.inputs[1] = tensor<int64_t>({2, 2}, {2, 0, 3, 9});
  CHECK_EQ(error_of(step), "indices[1,0] = 3 is not in [0, 3)");
  step.inputs = {tensor<float>({5}, {0, 1, 2, 3, 4}), tensor<int32_t>({4}, {0, 1, 2, 7})};
  step.outputs = {output<float>({4})};
  step.attrs = Attrs().i32(0);
  CHECK_EQ(error_of(step), "indices[3] = 7 is not in [0, 5)");
  step.inputs[1] = scalar<int32_t>(-1);
  step.outputs = {output<float>({})};
  CHECK_EQ(error_of(step), "indices = -1 is not in [0, 5)");
  step.inputs = {tensor<float>({0, 2}, {}), tensor<int32_t>({0}, {})};
  step.outputs = {output<float>({0, 2})};
  CHECK(step.run().ok());
}

TEST("SegmentSum: order, dropped ids, threads, and the bad id") {
  Step step;
  step.kernel = "SegmentSum";
  step.inputs = {tensor<int32_t>({4, 2}, {1, 2, 3, 4, 5, 6, INT32_MAX, 8}), tensor<int32_t>({4}, {2, 0, -1, 2})};
  step.outputs = {output<int32_t>({3, 2})};
  CHECK_EQ(std::string(step.run().text), "");
  CHECK(step.outputs[0].get<int32_t>() == (std::vector<int32_t>{3, 4, 0, 0, INT32_MIN, 10}));
  step.inputs[1] = tensor<int32_t>({4}, {5, 0, 0, 0});
  CHECK_EQ(error_of(step), "segment_ids[0] = 5 is out of range [0, 3)");
  std::vector<float> data(300 * 500);
  std::vector<int64_t> ids(300);
  for (size_t i = 0; i < data.size(); ++i) data[i] = std::sin(float(i));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = int64_t(i * i % 7);
  step.inputs = {tensor<float>({300, 500}, data), tensor<int64_t>({300}, ids)};
  step.outputs = {output<float>({7, 500})};
  CHECK(step.run().ok());
  const auto once = step.outputs[0].bytes;
  step.threads = 6;
  CHECK(step.run().ok());
  CHECK(step.outputs[0].bytes == once);
}

TEST("ScatterUpdate: every operation, in order, nothing written where an index is bad") {
  const auto scatter = [](int op, std::vector<int32_t> indices, std::vector<int32_t> updates) {
    Step step;
    step.kernel = "ScatterUpdate";
    const int64_t n = int64_t(indices.size());
    step.inputs = {tensor<int32_t>({n}, indices),
                   updates.size() == 1 ? scalar(updates[0]) : tensor<int32_t>({n, 2}, updates)};
    step.outputs = {tensor<int32_t>({3, 2}, {10, 20, 30, 40, 50, 60})};
    step.outputs[0].variable = true;
    step.attrs.i32(op);
    return step;
  };
  const std::vector<int32_t> expected[] = {{1, 2, 30, 40, 5, 6},      {11, 22, 30, 40, 58, 70},
                                           {9, 18, 30, 40, 42, 50},   {10, 40, 30, 40, 750, 1440},
                                           {10, 10, 30, 40, 3, 2},    {1, 2, 30, 40, 3, 4},
                                           {10, 20, 30, 40, 50, 60}};
  for (int op = 0; op < 7; ++op) {
    Step step = scatter(op, {2, 0, 2}, {3, 4, 1, 2, 5, 6});
    CHECK_EQ(std::string(step.run().text), "");
    CHECK(step.outputs[0].get<int32_t>() == expected[op]);
  }
  Step one = scatter(1, {1, 1}, {7});
  CHECK(one.run().ok());
  CHECK(one.outputs[0].get<int32_t>() == (std::vector<int32_t>{10, 20, 44, 54, 50, 60}));
  Step bad = scatter(0, {0, 9}, {1, 2, 3, 4});
  CHECK_EQ(error_of(bad), "indices[1] = 9 is not in [0, 3)");
  CHECK(bad.run().code == Code::kInvalidArgument);
  CHECK(bad.outputs[0].get<int32_t>() == (std::vector<int32_t>{10, 20, 30, 40, 50, 60}));
  CHECK_EQ(error_of(scatter(4, {0}, {0})), "Integer division by zero");
  Step least = scatter(4, {0}, {-1});
  for (int32_t x : {INT32_MIN, -5, 7}) {
    least.outputs[0] = tensor<int32_t>({1}, {x});
    CHECK(least.run().ok());
    CHECK_EQ(least.outputs[0].get<int32_t>()[0], x == INT32_MIN ? x : -x);
  }
}

TEST("SparseApplyMomentum: rows only, with and without Nesterov") {
  for (int nesterov : {0, 1}) {
    Step step;
    step.kernel = "SparseApplyMomentum";
    step.inputs = {scalar(0.5), tensor<double>({2, 1}, {2, 4}), tensor<int32_t>({2}, {2, 2}), scalar(0.25)};
    step.outputs = {tensor<double>({3, 1}, {1, 2, 3}), tensor<double>({3, 1}, {4, 5, 8})};
    step.attrs.i32(nesterov);
    CHECK_EQ(std::string(step.run().text), "");
    // accum: 8/4 + 2 = 4, then 4/4 + 4 = 5
    CHECK(step.outputs[1].get<double>() == (std::vector<double>{4, 5, 5}));
    const double var = nesterov ? 3 - (1 + 0.125 * 4) - (2 + 0.125 * 5) : 3 - 2 - 2.5;
    CHECK(step.outputs[0].get<double>() == (std::vector<double>{1, 2, var}));
    step.inputs[2] = tensor<int32_t>({2}, {0, 3});
    CHECK_EQ(error_of(step), "Index 3 at offset 1 in indices is out of range");
  }
}

TEST("Range and LinSpace") {
  Step step;
  step.kernel = "Range";
  step.inputs = {scalar(0.0f), scalar(0.1f)};
  step.outputs = {output<float>({11})};
  CHECK(step.run().ok());
  float value = 0;
  for (float y : step.outputs[0].get<float>()) {
    CHECK_EQ(y, value);
    value += 0.1f;
  }
  step.inputs = {scalar<int8_t>(126), scalar<int8_t>(1)};
  step.outputs = {output<int8_t>({4})};
  CHECK(step.run().ok());
  CHECK(step.outputs[0].get<int8_t>() == (std::vector<int8_t>{126, 127, -128, -127}));
  step.kernel = "LinSpace";
  step.inputs = {scalar(1.0), scalar(2.0)};
  for (int64_t n : {0, 1, 2, 3, 7}) {
    step.outputs = {output<double>({n})};
    CHECK(step.run().ok());
    const auto y = step.outputs[0].get<double>();
    if (n > 0) CHECK_EQ(y[0], 1.0);
    if (n > 1) CHECK_EQ(y.back(), 2.0);
    if (n == 3) CHECK_EQ(y[1], 1.5);
  }
}

TEST("Unique: order of first occurrence, counts, zeros and NaNs") {
  Step step;
  step.kernel = "Unique";
  const float nan = std::numeric_limits<float>::quiet_NaN();
  step.inputs = {tensor<float>({8}, {3, -0.0f, nan, 3, 0.0f, 7, nan, 3})};
  step.outputs = {output<float>({8}), output<int64_t>({8}), output<int64_t>({8})};
  CHECK_EQ(std::string(step.run().text), "");
  CHECK_EQ(step.dynamic[0], 5);
  CHECK_EQ(step.dynamic[2], 5);
  CHECK(step.outputs[1].get<int64_t>() == (std::vector<int64_t>{0, 1, 2, 0, 1, 3, 4, 0}));
  const auto counts = step.outputs[2].get<int64_t>();
  CHECK(counts[0] == 3 && counts[1] == 2 && counts[2] == 1 && counts[3] == 1 && counts[4] == 1);
  const auto y = step.outputs[0].get<float>();
  CHECK(y[0] == 3 && std::signbit(y[1]) && std::isnan(y[2]) && y[3] == 7);
  std::vector<int32_t> many(100000);
  for (size_t i = 0; i < many.size(); ++i) many[i] = int32_t(i * 2654435761u % 1000) << 16;
  step.inputs = {tensor<int32_t>({100000}, many)};
  step.outputs = {output<int32_t>({100000}), output<int32_t>({100000})};
  CHECK(step.run().ok());
  CHECK_EQ(step.dynamic[0], 1000);
  const auto distinct = step.outputs[0].get<int32_t>(), index = step.outputs[1].get<int32_t>();
  for (size_t i = 0; i < many.size(); ++i) CHECK(distinct[size_t(index[i])] == many[i]);
  step.inputs = {tensor<int32_t>({0}, {})};
  step.outputs = {output<int32_t>({0}), output<int32_t>({0})};
  CHECK(step.run().ok());
  CHECK_EQ(step.dynamic[0], 0);
  step.inputs = {tensor<int32_t>({3}, {1, 2, 3})};
  step.outputs = {output<int32_t>({2}), output<int32_t>({3})};
  CHECK(step.run().code == Code::kInternal);
}

TEST("Where: coordinates in row-major order") {
  Step step;
  step.kernel = "Where";
  step.inputs = {tensor<bool>({2, 3}, {true, false, true, false, false, true})};
  step.outputs = {output<int64_t>({6, 2})};
  CHECK_EQ(std::string(step.run().text), "");
  CHECK_EQ(step.dynamic[0], 3);
  const auto y = step.outputs[0].get<int64_t>();
  CHECK((std::vector<int64_t>(y.begin(), y.begin() + 6) == std::vector<int64_t>{0, 0, 0, 2, 1, 2}));
  step.inputs = {scalar(-0.0f)};
  step.outputs = {output<int64_t>({1, 0})};
  CHECK(step.run().ok());
  CHECK_EQ(step.dynamic[0], 0);
  step.inputs = {tensor<bool>({2}, {true, true})};
  step.outputs = {output<int64_t>({1, 1})};
  CHECK(step.run().code == Code::kInternal);
}

}  // namespace
}  // namespace grafo::test
