// Kernels that move elements, against the definition element by element, over random shapes, item sizes and threads.
#include "test/array_each.h"

namespace grafo::test {
namespace {

template <class T>
void check_transposes(Source& source) {
  for (int trial = 0; trial < 60; ++trial) {
    const size_t rank = static_cast<size_t>(source.below(6));
    Dims x(rank), y(rank), perm(rank);
    for (int64_t& dim : x) dim = source.below(20) == 0 ? 0 : 1 + source.below(rank < 3 ? 130 : 7);
    std::iota(perm.begin(), perm.end(), 0);
    for (size_t d = rank; d-- > 1;) std::swap(perm[d], perm[static_cast<size_t>(source.below(int64_t(d) + 1))]);
    Step step;
    step.kernel = "Transpose";
    const auto values = counting<T>(count(x));
    step.inputs = {tensor<T>(x, values)};
    for (size_t d = 0; d < rank; ++d) {
      y[d] = x[static_cast<size_t>(perm[d])];
      step.attrs.i32(static_cast<int32_t>(perm[d]));
    }
    check_each<T>(step, y, [&](const Dims& at) {
      Dims from(rank);
      for (size_t d = 0; d < rank; ++d) from[static_cast<size_t>(perm[d])] = at[d];
      return values[static_cast<size_t>(position(from, x))];
    });
  }
}

TEST("Transpose: random permutations of every item size") {
  Source source;
  check_transposes<uint8_t>(source);
  check_transposes<int16_t>(source);
  check_transposes<float>(source);
  check_transposes<double>(source);
}

TEST("Slice and SliceGrad: random begins and strides, both signs") {
  Source source;
  for (int trial = 0; trial < 200; ++trial) {
    const size_t rank = static_cast<size_t>(source.below(5));
    Dims x(rank), y(rank), begin(rank), stride(rank);
    for (size_t d = 0; d < rank; ++d) {
      x[d] = 1 + source.below(9);
      begin[d] = source.below(x[d]);
      stride[d] = 1 + source.below(3);
      if (source.below(2)) stride[d] = -stride[d];
      const int64_t room = stride[d] > 0 ? (x[d] - 1 - begin[d]) / stride[d] : begin[d] / -stride[d];
      y[d] = source.below(15) == 0 ? 0 : 1 + source.below(room + 1);
    }
    Step step;
    step.kernel = "Slice";
    const auto values = counting<float>(count(x));
    step.inputs = {tensor<float>(x, values)};
    step.attrs.i32(static_cast<int32_t>(rank));
    for (int64_t b : begin) step.attrs.i64(b);
    for (int64_t s : stride) step.attrs.i64(s);
    const auto source_of = [&](const Dims& at) {
      Dims from(rank);
      for (size_t d = 0; d < rank; ++d) from[d] = begin[d] + at[d] * stride[d];
      return from;
    };
    check_each<float>(step, y, [&](const Dims& at) {
      return values[static_cast<size_t>(position(source_of(at), x))];
    });
    std::vector<float> dx(static_cast<size_t>(count(x)), 0.5f);
    const auto dy = counting<float>(count(y));
    for (int64_t i = 0; i < count(y); ++i)
      dx[static_cast<size_t>(position(source_of(coordinates(i, y)), x))] = dy[static_cast<size_t>(i)];
    step.kernel = "SliceGrad";
    step.inputs = {tensor<float>(y, dy), scalar(0.5f)};
    check_each<float>(step, x, [&](const Dims& at) { return dx[static_cast<size_t>(position(at, x))]; });
  }
}

TEST("Slice rejects what leaves the tensor") {
  const auto slice = [](int64_t begin, int64_t stride, int64_t size) {
    Step step;
    step.kernel = "Slice";
    step.inputs = {tensor<float>({5}, counting<float>(5))};
    step.outputs = {output<float>({size})};
    step.attrs.i32(1).i64(begin).i64(stride);
    return step.run().code;
  };
  CHECK(slice(0, 1, 5) == Code::kOk);
  CHECK(slice(4, -1, 5) == Code::kOk);
  CHECK(slice(1, 1, 5) == Code::kInternal);
  CHECK(slice(-1, 1, 2) == Code::kInternal);
  CHECK(slice(3, -1, 5) == Code::kInternal);
  CHECK(slice(5, 1, 1) == Code::kInternal);
  CHECK(slice(0, 0, 2) == Code::kInternal);
  CHECK(slice(0, INT64_MAX, 3) == Code::kInternal);
  CHECK(slice(0, INT64_MIN, 2) == Code::kInternal);
  CHECK(slice(INT64_MAX, INT64_MIN, 2) == Code::kInternal);
  CHECK(slice(2, INT64_MIN, 1) == Code::kOk);
}

TEST("MirrorPad and its gradient, both modes") {
  Source source;
  for (int trial = 0; trial < 100; ++trial) {
    const size_t rank = 1 + static_cast<size_t>(source.below(3));
    const int symmetric = static_cast<int>(source.below(2));
    Dims x(rank), y(rank), before(rank);
    for (size_t d = 0; d < rank; ++d) {
      x[d] = 1 + source.below(6);
      before[d] = source.below(x[d] + symmetric);
      y[d] = x[d] + before[d] + source.below(x[d] + symmetric);
    }
    Step step;
    step.kernel = "MirrorPad";
    const auto values = counting<double>(count(x));
    step.inputs = {tensor<double>(x, values)};
    step.attrs.i32(symmetric).i32(static_cast<int32_t>(rank));
    for (int64_t b : before) step.attrs.i64(b);
    const auto shown = [&](const Dims& at) {
      Dims from(rank);
      for (size_t d = 0; d < rank; ++d) {
        int64_t i = at[d] - before[d];
        while (i < 0 || i >= x[d]) i = i < 0 ? -i - symmetric : 2 * x[d] - 2 + symmetric - i;
        from[d] = i;
      }
      return static_cast<size_t>(position(from, x));
    };
    check_each<double>(step, y, [&](const Dims& at) { return values[shown(at)]; });
    std::vector<double> dx(values.size(), 0.0);
    const auto dy = counting<double>(count(y));
    for (int64_t i = 0; i < count(y); ++i) dx[shown(coordinates(i, y))] += dy[static_cast<size_t>(i)];
    step.kernel = "MirrorPadGrad";
    step.inputs = {tensor<double>(y, dy)};
    check_each<double>(step, x, [&](const Dims& at) { return dx[static_cast<size_t>(position(at, x))]; });
  }
  Step bad;
  bad.kernel = "MirrorPad";
  bad.inputs = {tensor<float>({3}, counting<float>(3))};
  bad.outputs = {output<float>({6})};
  for (int64_t before : {int64_t{3}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
    bad.attrs = Attrs().i32(0).i32(1).i64(before);
    CHECK(bad.run().code == Code::kInternal);
  }
}

TEST("Tile, Concat, Copy and Fill") {
  Source source;
  for (int trial = 0; trial < 100; ++trial) {
    const size_t rank = static_cast<size_t>(source.below(4));
    Dims x(rank), y(rank);
    for (size_t d = 0; d < rank; ++d) {
      x[d] = 1 + source.below(4);
      y[d] = x[d] * (source.below(12) == 0 ? 0 : 1 + source.below(3));
    }
    Step step;
    step.kernel = "Tile";
    const auto values = counting<int16_t>(count(x));
    step.inputs = {tensor<int16_t>(x, values)};
    check_each<int16_t>(step, y, [&](Dims at) {
      for (size_t d = 0; d < rank; ++d) at[d] %= x[d];
      return values[static_cast<size_t>(position(at, x))];
    });
    if (rank == 0) continue;
    const size_t axis = static_cast<size_t>(source.below(static_cast<int64_t>(rank)));
    Step concat;
    concat.kernel = "Concat";
    concat.attrs.i32(static_cast<int32_t>(axis));
    Dims whole = x;
    whole[axis] = 0;
    std::vector<std::pair<Dims, std::vector<float>>> parts;
    for (int64_t i = 0; i < 1 + source.below(4); ++i) {
      Dims dims = x;
      dims[axis] = source.below(4);
      whole[axis] += dims[axis];
      parts.push_back({dims, counting<float>(count(dims))});
      concat.inputs.push_back(tensor<float>(dims, parts.back().second));
    }
    check_each<float>(concat, whole, [&](Dims at) {
      size_t part = 0;
      while (at[axis] >= parts[part].first[axis]) at[axis] -= parts[part++].first[axis];
      return parts[part].second[static_cast<size_t>(position(at, parts[part].first))];
    });
  }
  Step copy;
  copy.kernel = "Copy";
  const auto values = counting<int64_t>(100000);
  copy.inputs = {tensor<int64_t>({100000}, values)};
  check_each<int64_t>(copy, {100, 1000}, [&](const Dims& at) { return values[static_cast<size_t>(at[0] * 1000 + at[1])]; });
  Step fill;
  fill.kernel = "Fill";
  fill.inputs = {scalar<bool>(true)};
  check_each<bool>(fill, {3, 50000}, [](const Dims&) { return true; });
}

TEST("OneHot: any axis, out of range is off") {
  for (int axis = 0; axis < 3; ++axis) {
    const std::vector<int32_t> indices = {0, 2, -1, 3, 1, 2};
    Step step;
    step.kernel = "OneHot";
    step.inputs = {tensor<int32_t>({2, 3}, indices), scalar(5.0f), scalar(-1.0f)};
    step.attrs.i32(axis);
    Dims dims = {2, 3};
    dims.insert(dims.begin() + axis, 3);
    check_each<float>(step, dims, [&](Dims at) {
      const int64_t hot = at[static_cast<size_t>(axis)];
      at.erase(at.begin() + axis);
      return indices[static_cast<size_t>(position(at, {2, 3}))] == hot ? 5.0f : -1.0f;
    });
  }
  Step bad;
  bad.kernel = "OneHot";
  bad.inputs = {tensor<int16_t>({2}, {0, 1}), scalar(5.0f), scalar(-1.0f)};
  bad.outputs = {output<float>({2, 3})};
  bad.attrs.i32(1);
  CHECK(bad.run().code == Code::kInternal);
}

}  // namespace
}  // namespace grafo::test
