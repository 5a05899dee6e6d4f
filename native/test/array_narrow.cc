// Kernels that move elements where rows are a few bytes long and there are many of them: each length has a loop of its own.
#include <cmath>

#include "test/array_each.h"

namespace grafo::test {
namespace {

// The item sizes 1, 2, 4 and 8.
template <class Check>
void for_item_sizes(Check check) {
  check(uint8_t());
  check(int16_t());
  check(float());
  check(double());
}

template <class T>
void check_concat(int64_t rows, const Dims& widths) {
  Step step;
  step.kernel = "Concat";
  step.attrs.i32(1);
  std::vector<std::vector<T>> parts;
  int64_t seed = 0;
  for (int64_t width : widths) {
    parts.push_back(counting<T>(rows * width));
    for (T& value : parts.back()) value = static_cast<T>(value + 3 * seed);
    step.inputs.push_back(tensor<T>({rows, width}, parts.back()));
    ++seed;
  }
  const int64_t whole = std::accumulate(widths.begin(), widths.end(), int64_t{0});
  check_each<T>(step, {rows, whole}, [&](const Dims& at) {
    size_t part = 0;
    int64_t column = at[1];
    while (column >= widths[part]) column -= widths[part++];
    return parts[part][static_cast<size_t>(at[0] * widths[part] + column)];
  });
}

TEST("Concat: few and many rows of every short length") {
  for_item_sizes([](auto item) {
    using T = decltype(item);
    for (int64_t rows : {1, 2, 3, 17, 33, 5001}) {
      for (int64_t width = 1; width < 20; ++width) check_concat<T>(rows, {width, 20 - width});
      for (const Dims& widths : {Dims{1, 1}, Dims{1, 1, 1}, Dims{1, 1, 1, 1}, Dims{1, 1, 1, 1, 1}, Dims{2, 2}, Dims{2, 2, 2},
                                 Dims{4, 4, 4, 4}, Dims{3, 3}, Dims{8, 8}, Dims{0, 1, 1}, Dims{1}, Dims{33, 1}, Dims{130, 65}})
        check_concat<T>(rows, widths);
    }
  });
}

template <class T>
void check_slice(const Dims& x, const Dims& begin, const Dims& stride, const Dims& y) {
  Step step;
  step.kernel = "Slice";
  const auto values = counting<T>(count(x));
  step.inputs = {tensor<T>(x, values)};
  step.attrs.i32(static_cast<int32_t>(x.size()));
  for (int64_t b : begin) step.attrs.i64(b);
  for (int64_t s : stride) step.attrs.i64(s);
  const auto source_of = [&](Dims at) {
    for (size_t d = 0; d < at.size(); ++d) at[d] = begin[d] + at[d] * stride[d];
    return static_cast<size_t>(position(at, x));
  };
  check_each<T>(step, y, [&](const Dims& at) { return values[source_of(at)]; });
  const auto dy = counting<T>(count(y));
  for (T pad : {T(0), T(5)}) {
    std::vector<T> dx(values.size(), pad);
    for (int64_t i = 0; i < count(y); ++i) dx[source_of(coordinates(i, y))] = dy[static_cast<size_t>(i)];
    step.kernel = "SliceGrad";
    step.inputs = {tensor<T>(y, dy)};
    if (pad != T(0)) step.inputs.push_back(scalar<T>(pad));
    check_each<T>(step, x, [&](const Dims& at) { return dx[static_cast<size_t>(position(at, x))]; });
  }
}

TEST("Slice and SliceGrad: short rows, long rows, reversed ones and every second or third item") {
  for_item_sizes([](auto item) {
    using T = decltype(item);
    for (int64_t width = 2; width < 20; ++width) {
      check_slice<T>({1001, width}, {0, 0}, {1, 1}, {1001, width - 1});
      check_slice<T>({1001, width}, {1, 1}, {2, 1}, {499, width - 1});
      check_slice<T>({1001, width}, {1000, 0}, {-1, 1}, {1001, width});
      check_slice<T>({901, width}, {0, width - 1}, {1, -1}, {901, width});
      check_slice<T>({901, width}, {0, 0}, {1, 2}, {901, (width + 1) / 2});
      check_slice<T>({3, width}, {0, width - 1}, {1, -2}, {3, width / 2});
    }
    for (int64_t n : {1, 2, 15, 16, 17, 63, 64, 65, 1000}) {
      check_slice<T>({n}, {n - 1}, {-1}, {n});
      check_slice<T>({2 * n}, {2 * n - 1}, {-1}, {n});
      check_slice<T>({2 * n}, {1}, {2}, {n});
      check_slice<T>({2 * n - 1}, {0}, {2}, {n});
      check_slice<T>({2 * n - 1}, {2 * n - 2}, {-2}, {n});
      check_slice<T>({3 * n}, {2}, {3}, {n});
      check_slice<T>({5, n + 3}, {1, 2}, {1, 1}, {4, n});
      check_slice<T>({5, n + 3}, {4, n + 2}, {-1, -1}, {5, n});
      check_slice<T>({40, 9 * n}, {7, 3}, {1, 1}, {20, n});
    }
    check_slice<T>({7, 300, 5, 3}, {1, 10, 1, 1}, {1, 1, 1, 1}, {6, 280, 3, 2});
    check_slice<T>({7, 300, 5, 3}, {6, 299, 4, 2}, {-2, -1, -1, -1}, {4, 300, 5, 3});
    check_slice<T>({3, 70000}, {0, 5}, {1, 1}, {3, 69990});
  });
}

template <class T, class I>
void check_gather(int64_t outer, int64_t limit, int64_t width, int64_t n) {
  Source source;
  std::vector<I> indices(static_cast<size_t>(n));
  for (I& index : indices) index = static_cast<I>(source.below(limit));
  Step step;
  step.kernel = "Gather";
  const Dims x = {outer, limit, width};
  const auto values = counting<T>(count(x));
  step.inputs = {tensor<T>(x, values), tensor<I>({n}, indices)};
  step.attrs.i32(1);
  check_each<T>(step, {outer, n, width}, [&](const Dims& at) {
    return values[static_cast<size_t>(position({at[0], int64_t{indices[static_cast<size_t>(at[1])]}, at[2]}, x))];
  });
}

TEST("Gather: rows of every short length, batches, and the first of several bad indices") {
  for_item_sizes([](auto item) {
    using T = decltype(item);
    for (int64_t width = 1; width < 20; ++width) {
      check_gather<T, int32_t>(1, 50, width, 1);
      check_gather<T, int64_t>(3, 7, width, 301);
      check_gather<T, int32_t>(40, 5, width, 3);
    }
    check_gather<T, int64_t>(1, 3, 200, 17);
    check_gather<T, int32_t>(1, 1000, 1, 40000);
    Step step;
    step.kernel = "Gather";
    const auto values = counting<T>(4 * 3 * 5);
    const std::vector<int32_t> indices = {4, 0, 1, 1, 3, 2, 0, 0};
    step.inputs = {tensor<T>({4, 3, 5}, values), tensor<int32_t>({4, 2}, indices)};
    step.attrs.i32(2).i32(1);
    check_each<T>(step, {4, 3, 2}, [&](const Dims& at) {
      const int64_t index = indices[static_cast<size_t>(at[0] * 2 + at[2])];
      return values[static_cast<size_t>(position({at[0], at[1], index}, {4, 3, 5}))];
    });
  });
  for (int64_t bad : {0, 255, 256, 511, 700, 999}) {
    std::vector<int64_t> indices(1000, 2);
    indices[999] = -1;
    indices[static_cast<size_t>(bad)] = int64_t{1} << 32;
    Step step;
    step.kernel = "Gather";
    step.inputs = {tensor<float>({3}, {0, 1, 2}), tensor<int64_t>({1000}, indices)};
    step.outputs = {output<float>({1000})};
    step.attrs.i32(0);
    CHECK_EQ(std::string(step.run().text), "indices[" + std::to_string(bad) + "] = 4294967296 is not in [0, 3)");
  }
}

TEST("Tile: repetitions of short and of long rows, inside and outside of each other") {
  for_item_sizes([](auto item) {
    using T = decltype(item);
    const auto check = [](const Dims& x, const Dims& times) {
      Step step;
      step.kernel = "Tile";
      const auto values = counting<T>(count(x));
      step.inputs = {tensor<T>(x, values)};
      Dims y = x;
      for (size_t d = 0; d < x.size(); ++d) y[d] *= times[d];
      check_each<T>(step, y, [&](Dims at) {
        for (size_t d = 0; d < x.size(); ++d) at[d] %= x[d];
        return values[static_cast<size_t>(position(at, x))];
      });
    };
    for (int64_t width = 1; width < 10; ++width)
      for (int64_t times = 1; times < 10; ++times) {
        check({701, width}, {1, times});
        check({3, width}, {1, times});
        check({width}, {times * 1000});
      }
    for (int64_t n : {1, 7, 64, 1000, 5000}) {
      check({n}, {3});
      check({1}, {n});
      check({n, 1}, {1, 33});
      check({1, n}, {33, 1});
      check({3, 1}, {1, n});
    }
    for (int64_t n = 10; n < 300; ++n) {
      check({13, 1}, {1, n});
      check({2, 3, 1}, {1, 2, n});
    }
    check({5, 3, 5}, {1, 40, 10});
    check({3, 1, 4, 1}, {2, 30, 1, 5});
    check({2, 1, 3}, {1, 20000, 1});
    check({2, 3}, {3, 40000});
  });
}

TEST("Transpose: thin matrices and batches of small ones") {
  for_item_sizes([](auto item) {
    using T = decltype(item);
    const auto check = [](const Dims& x) {
      Dims perm(x.size());
      std::iota(perm.begin(), perm.end(), 0);
      const auto values = counting<T>(count(x));
      do {
        Step step;
        step.kernel = "Transpose";
        step.inputs = {tensor<T>(x, values)};
        Dims y;
        for (int64_t p : perm) {
          y.push_back(x[static_cast<size_t>(p)]);
          step.attrs.i32(static_cast<int32_t>(p));
        }
        check_each<T>(step, y, [&](const Dims& at) {
          Dims from(x.size());
          for (size_t d = 0; d < x.size(); ++d) from[static_cast<size_t>(perm[d])] = at[d];
          return values[static_cast<size_t>(position(from, x))];
        });
      } while (std::next_permutation(perm.begin(), perm.end()));
    };
    for (int64_t thin = 1; thin < 10; ++thin) {
      check({thin, 4099});
      check({4099, thin});
      check({331, thin, 3});
      check({thin, 57, 2});
      check({2, 40, thin});
      check({37, 9, thin});
    }
    check({5, 21, 2, 3});
    check({3, 2, 18, 3});
  });
}

TEST("MirrorPad: every item size, rows shorter and longer than a vector") {
  for_item_sizes([](auto item) {
    using T = decltype(item);
    for (int64_t width : {1, 2, 3, 17, 100})
      for (int64_t symmetric : {0, 1}) {
        const Dims x = {4, width};
        const int64_t most = width - 1 + symmetric;
        for (const Dims& pads : {Dims{0, 0}, Dims{most, 0}, Dims{0, most}, Dims{most, most}, Dims{most / 2, most}}) {
          Step step;
          step.kernel = "MirrorPad";
          const auto values = counting<T>(count(x));
          step.inputs = {tensor<T>(x, values)};
          step.attrs.i32(static_cast<int32_t>(symmetric)).i32(2).i64(1).i64(pads[0]);
          check_each<T>(step, {7, width + pads[0] + pads[1]}, [&](Dims at) {
            const int64_t before[] = {1, pads[0]};
            for (size_t d = 0; d < 2; ++d) {
              at[d] -= before[d];
              if (at[d] < 0) at[d] = -at[d] - symmetric;
              if (at[d] >= x[d]) at[d] = 2 * x[d] - 2 + symmetric - at[d];
            }
            return values[static_cast<size_t>(position(at, x))];
          });
        }
      }
  });
}

template <class T>
void check_where(const Dims& dims, int64_t one_of) {
  Source source;
  std::vector<T> x(static_cast<size_t>(count(dims)));
  std::vector<int64_t> expected;
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<T>(source.below(one_of) == 0);
    if (x[i] != T(0))
      for (int64_t c : coordinates(static_cast<int64_t>(i), dims)) expected.push_back(c);
  }
  Step step;
  step.kernel = "Where";
  step.inputs = {tensor<T>(dims, x)};
  step.outputs = {output<int64_t>({count(dims), static_cast<int64_t>(dims.size())})};
  CHECK_EQ(std::string(step.run().text), "");
  auto found = step.outputs[0].template get<int64_t>();
  CHECK(step.dynamic[0] * static_cast<int64_t>(dims.size()) == static_cast<int64_t>(expected.size()));
  found.resize(expected.size());
  CHECK(found == expected);
}

TEST("Where: all, some, few and none of an item, in up to four dimensions") {
  for (int64_t one_of : {1, 2, 30, 1000000000})
    for (const Dims& dims : {Dims{1}, Dims{511}, Dims{512}, Dims{513}, Dims{5000}, Dims{1, 1}, Dims{700, 3}, Dims{3, 700}, Dims{1, 1025},
                             Dims{1025, 1}, Dims{2, 0, 3}, Dims{9, 1, 130}, Dims{17, 5, 2, 9}}) {
      check_where<bool>(dims, one_of);
      check_where<int8_t>(dims, one_of);
      check_where<int64_t>(dims, one_of);
      check_where<float>(dims, one_of);
    }
  Step step;
  step.kernel = "Where";
  step.inputs = {tensor<double>({4}, {-0.0, std::nan(""), 0.0, 1e-310})};
  step.outputs = {output<int64_t>({4, 1})};
  CHECK(step.run().ok());
  CHECK_EQ(step.dynamic[0], 2);
  const auto y = step.outputs[0].get<int64_t>();
  CHECK(y[0] == 1 && y[1] == 3);
}

template <class T>
void check_boolean_mask(int64_t n, int64_t inner, int64_t one_of) {
  Source source;
  const auto x = counting<T>(n * inner);
  std::vector<bool> mask(static_cast<size_t>(n));
  std::vector<T> expected;
  for (int64_t i = 0; i < n; ++i) {
    mask[static_cast<size_t>(i)] = source.below(one_of) == 0;
    if (mask[static_cast<size_t>(i)]) expected.insert(expected.end(), x.begin() + i * inner, x.begin() + (i + 1) * inner);
  }
  Step step;
  step.kernel = "BooleanMask";
  step.inputs = {tensor<bool>({n}, mask), tensor<T>({n, inner}, x)};
  step.outputs = {output<T>({n, inner})};
  CHECK_EQ(std::string(step.run().text), "");
  CHECK(inner == 0 || step.dynamic[0] * inner == static_cast<int64_t>(expected.size()));
  auto y = step.outputs[0].template get<T>();
  y.resize(expected.size());
  CHECK(y == expected);
}

TEST("BooleanMask: all, some, few and none of rows of any width; a mask of another length") {
  for (int64_t one_of : {1, 2, 30, 1000000000})
    for (int64_t n : {0, 1, 2, 63, 1000})
      for (int64_t inner : {0, 1, 2, 3, 5, 8, 17, 40, 300}) {
        check_boolean_mask<uint8_t>(n, inner, one_of);
        check_boolean_mask<int16_t>(n, inner, one_of);
        check_boolean_mask<float>(n, inner, one_of);
        check_boolean_mask<double>(n, inner, one_of);
      }
  Step step;
  step.kernel = "BooleanMask";
  const auto x = tensor<float>({3}, {1, 2, 3});
  step.inputs = {tensor<bool>({5}, {false, true, true, false, false}), x};
  step.outputs = {output<float>({5})};
  CHECK(step.run().ok());
  CHECK_EQ(step.dynamic[0], 2);
  step.inputs = {tensor<bool>({5}, {false, true, true, false, true}), x};
  CHECK_EQ(std::string(step.run().text), "indices[2] = 4 is not in [0, 3)");
  step.inputs = {tensor<bool>({2}, {false, true}), x};
  step.outputs = {output<float>({2})};
  CHECK(step.run().ok());
  CHECK_EQ(step.dynamic[0], 1);
  CHECK_EQ(step.outputs[0].get<float>()[0], 2.0f);
  step.outputs = {output<float>({1})};
  CHECK(step.run().code == Code::kInternal);
  step.inputs = {tensor<uint8_t>({2}, {0, 1}), x};
  step.outputs = {output<float>({2})};
  CHECK(step.run().code == Code::kInternal);
}

template <class T, class I>
void check_scatter(int op, int64_t limit, int64_t inner, int64_t n, bool scalar_update) {
  Source source;
  std::vector<I> indices(static_cast<size_t>(n));
  for (I& index : indices) index = static_cast<I>(source.below(limit));
  auto var = counting<T>(limit * inner);
  const std::vector<T> before = var;
  std::vector<T> updates(static_cast<size_t>(scalar_update ? 1 : n * inner));
  for (T& update : updates) update = static_cast<T>(1 + source.below(5));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t c = 0; c < inner; ++c) {
      T& to = var[static_cast<size_t>(int64_t{indices[static_cast<size_t>(i)]} * inner + c)];
      const T by = updates[scalar_update ? 0 : static_cast<size_t>(i * inner + c)];
      const T results[] = {by, T(to + by), T(to - by), T(to * by), T(to / by), std::min(to, by), std::max(to, by)};
      to = results[op];
    }
  Step step;
  step.kernel = "ScatterUpdate";
  step.inputs = {tensor<I>({n}, indices), scalar_update ? scalar(updates[0]) : tensor<T>(inner == 1 ? Dims{n} : Dims{n, inner}, updates)};
  step.attrs.i32(op);
  for (int threads : {1, 4}) {
    step.threads = threads;
    step.outputs = {tensor<T>(inner == 1 ? Dims{limit} : Dims{limit, inner}, before)};
    step.outputs[0].variable = true;
    CHECK_EQ(std::string(step.run().text), "");
    CHECK(step.outputs[0].template get<T>() == var);
  }
}

TEST("ScatterUpdate: scalars and short rows, many of which meet, in their order") {
  for (int op = 0; op < 7; ++op)
    for (int64_t inner : {1, 2, 3, 40})
      for (bool scalar_update : {false, true})
        for (int64_t n : {1, 255, 256, 257, 1000}) {
          // Products of more than a few would overflow.
          const int64_t limit = op == 3 ? 100 * n : 37;
          check_scatter<float, int32_t>(op, limit, inner, n, scalar_update);
          check_scatter<double, int64_t>(op, limit, inner, n, scalar_update);
          if (op == 3) continue;
          check_scatter<int64_t, int32_t>(op, limit, inner, n, scalar_update);
          check_scatter<uint8_t, int64_t>(op, limit, inner, n, scalar_update);
        }
}

template <class T, class I>
void check_segments(int64_t segments, int64_t inner, int64_t n) {
  Source source;
  std::vector<I> ids(static_cast<size_t>(n));
  for (I& id : ids) id = static_cast<I>(source.below(segments + 1) - 1);
  std::vector<T> data(static_cast<size_t>(n * inner)), sums(static_cast<size_t>(segments * inner), T(0));
  for (T& value : data) value = static_cast<T>(source.below(100)) / static_cast<T>(7);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t c = 0; c < inner; ++c)
      if (ids[static_cast<size_t>(i)] >= 0) {
        T& sum = sums[static_cast<size_t>(int64_t{ids[static_cast<size_t>(i)]} * inner + c)];
        sum = static_cast<T>(sum + data[static_cast<size_t>(i * inner + c)]);
      }
  Step step;
  step.kernel = "SegmentSum";
  step.inputs = {tensor<T>(inner == 1 ? Dims{n} : Dims{n, inner}, data), tensor<I>({n}, ids)};
  check_each<T>(step, inner == 1 ? Dims{segments} : Dims{segments, inner},
                [&](const Dims& at) { return sums[static_cast<size_t>(at[0] * inner + (inner == 1 ? 0 : at[1]))]; });
}

TEST("SegmentSum: scalars and short rows, in data's order") {
  for (int64_t inner : {1, 2, 50})
    for (int64_t n : {1, 300, 3000}) {
      check_segments<float, int32_t>(9, inner, n);
      check_segments<double, int64_t>(400, inner, n);
      check_segments<uint8_t, int32_t>(9, inner, n);
      check_segments<int64_t, int64_t>(1, inner, n);
    }
}

}  // namespace
}  // namespace grafo::test
