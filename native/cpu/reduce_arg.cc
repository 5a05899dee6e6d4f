// ArgReduce and Cumulative: both see x as [outer, axis, inner].
#include <algorithm>
#include <limits>
#include <type_traits>

#include "cpu/kernels.h"
#include "math/reduce_tree.h"

namespace grafo::cpu {
namespace {

constexpr int64_t kStrip = 128;  // inner positions taken together

struct AxisStep;
using AxisLoop = void (*)(const AxisStep& step, const RunContext& context, const void* x, void* y);

struct AxisStep : PreparedStep {
  using PreparedStep::PreparedStep;
  AxisLoop loop = nullptr;
  int64_t outer = 0, axis = 0, inner = 0;
  bool wide = true;  // int64 indices
  bool exclusive = false, reverse = false;
};

Status run_axis(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const AxisStep&>(base);
  if (step.outer != 0 && step.inner != 0 && step.axis != 0)
    step.loop(step, context, buffers[0], buffers[1]);
  return Status();
}

Status read_axis(const StepDesc& desc, AttrReader& attrs, AxisStep& step, int32_t* axis) {
  const TensorDesc& x = desc.inputs[0];
  *axis = attrs.count(0, x.rank - 1);
  if (!attrs.ok()) return attrs.finish();
  step.outer = extent(x, 0, *axis);
  step.axis = x.dims[*axis];
  step.inner = extent(x, *axis + 1, x.rank);
  return Status();
}

// Calls body(offset of the first element, first inner position, width, outer position) for strips
// of inner positions.
template <class Body>
void for_strips(const AxisStep& step, const RunContext& context, Body&& body) {
  const int64_t strips = (step.inner + kStrip - 1) / kStrip;
  const int64_t grain = grain_for(2 * step.axis * std::min(step.inner, kStrip));
  parallel_for(context, step.outer * strips, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t outer = item / strips, first = item % strips * kStrip;
      body(outer, first, std::min(kStrip, step.inner - first));
    }
  });
}

struct Larger {
  template <class T>
  static constexpr T start = math::kLowest<T>;
  template <class T>
  FN bool operator()(T x, T best) const {
    return x > best;
  }
  using Best = math::MaxReducer;  // NaN is passed over there too
};
struct Smaller {
  template <class T>
  static constexpr T start = math::kHighest<T>;
  template <class T>
  FN bool operator()(T x, T best) const {
    return x < best;
  }
  using Best = math::MinReducer;  // NaN is passed over there too
};

// The best of n values and `best`.
template <class Wins, class T>
T best_value(const T* x, int64_t n, T best) {
  int64_t i = 0;
  if constexpr (math::kHasLanes<T>) {
    using V = math::Lanes<T>;
    constexpr int64_t kWidth = math::kWidth<T>, kVectors = 8;
    if (n >= kWidth) {
      V lane[kVectors];
      for (V& v : lane) v = V{} + best;
      for (; i + kVectors * kWidth <= n; i += kVectors * kWidth)
        for (int v = 0; v < kVectors; ++v)
          lane[v] = Wins::Best::combine(lane[v], math::load_lanes(x + i + v * kWidth));
      // The last vector may have some of those before it again.
      for (int v = 0; i < n; i += kWidth, ++v)
        lane[v] = Wins::Best::combine(lane[v], math::load_lanes(x + std::min(i, n - kWidth)));
      for (int half = kVectors / 2; half > 0; half /= 2)
        for (int v = 0; v < half; ++v) lane[v] = Wins::Best::combine(lane[v], lane[v + half]);
      return math::fold_lanes<typename Wins::Best, T, kWidth>(lane[0]);
    }
  } else {
    T lane[32];
    std::fill_n(lane, 32, best);
    for (; i + 32 <= n; i += 32)
      for (int l = 0; l < 32; ++l) lane[l] = Wins()(x[i + l], lane[l]) ? x[i + l] : lane[l];
    for (const T value : lane) best = Wins()(value, best) ? value : best;
  }
  for (; i < n; ++i) best = Wins()(x[i], best) ? x[i] : best;
  return best;
}

// Where `value`, which is among them, is first. By vectors: a loop that ends somewhere among 64 is foreseen by no processor.
template <class T>
int64_t find_first(const T* x, int64_t n, T value) {
  constexpr int64_t kStep = 64;
  int64_t i = 0;
  for (; i + kStep < n; i += kStep) {
    int found = 0;
    for (int64_t l = 0; l < kStep; ++l) found |= x[i + l] == value;
    if (found != 0) break;
  }
  using Index = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
  Index first = kStep;
  const auto look = [&](Index count) {
    for (Index l = 0; l < count; ++l) first = std::min(first, x[i + l] == value ? l : Index{kStep});
  };
  if (n >= kStep) {
    i = std::min(i, n - kStep);  // some that are not it again
    look(kStep);
  } else {
    look(static_cast<Index>(n));
  }
  return i + first;
}

// Starts from the lowest finite number at index 0, as Eigen's tuple reducer does: NaN never wins,
// and neither does -Inf.
template <class Wins, class T>
int64_t best_of_row(const T* x, int64_t n) {
  T best = Wins::template start<T>;
  constexpr int64_t kFew = math::kHasLanes<T> ? 16 : 64;
  if (n < kFew) {
    int64_t index = 0;
    for (int64_t i = 0; i < n; ++i) {
      const bool wins = Wins()(x[i], best);
      best = wins ? x[i] : best;
      index = wins ? i : index;
    }
    return index;
  }
  // The best value of each block, then where it is in the first of the best blocks.
  constexpr int64_t kBlock = 1024;
  int64_t block = -1;
  for (int64_t i = 0; i < n; i += kBlock) {
    const T value = best_value<Wins>(x + i, std::min(kBlock, n - i), best);
    if (!Wins()(value, best)) continue;
    best = value;
    block = i;
  }
  return block < 0 ? 0 : block + find_first(x + block, std::min(kBlock, n - block), best);
}

template <class Index>
void store_indices(const Index* index, int64_t n, bool wide, void* y, int64_t at) {
  if (wide)
    std::copy_n(index, n, static_cast<int64_t*>(y) + at);
  else
    for (int64_t j = 0; j < n; ++j)
      static_cast<int32_t*>(y)[at + j] = static_cast<int32_t>(index[j]);
}

template <class Wins, class T, class Index>
void arg_columns(const AxisStep& step, const RunContext& context, const T* from, void* y) {
  for_strips(step, context, [&](int64_t outer, int64_t first, int64_t width) {
    T best[kStrip];
    Index index[kStrip];
    std::fill_n(best, width, Wins::template start<T>);
    std::fill_n(index, width, Index{0});
    const T* base = from + outer * step.axis * step.inner + first;
    for (int64_t a = 0; a < step.axis; ++a)
      for (int64_t j = 0; j < width; ++j) {
        const T value = base[a * step.inner + j];
        const bool wins = Wins()(value, best[j]);
        index[j] = wins ? static_cast<Index>(a) : index[j];
        best[j] = wins ? value : best[j];
      }
    store_indices(index, width, step.wide, y, outer * step.inner + first);
  });
}

template <class Wins, class T>
void arg_loop(const AxisStep& step, const RunContext& context, const void* x, void* y) {
  const auto* from = static_cast<const T*>(x);
  if (step.inner == 1) {
    parallel_for(context, step.outer, grain_for(2 * step.axis), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        const int64_t index = best_of_row<Wins, T>(from + o * step.axis, step.axis);
        store_indices(&index, 1, step.wide, y, o);
      }
    });
    return;
  }
  // Indices as wide as the values fill the same vectors.
  using Narrow = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
  if (step.axis <= std::numeric_limits<Narrow>::max())
    arg_columns<Wins, T, Narrow>(step, context, from, y);
  else
    arg_columns<Wins, T, int64_t>(step, context, from, y);
}

constexpr int64_t kFewColumns = 16;
constexpr int64_t kRowsAtOnce = 1024;  // of few columns: they stay in the first cache until all of them have been taken

// Rows [begin, end) of kColumns columns, their sums in registers.
template <int kColumns, class Combine, class T>
void cumulate(const AxisStep& step, const T* from, T* to, int64_t begin, int64_t end, T* sums) {
  T sum[kColumns];
  std::copy_n(sums, kColumns, sum);
  const int64_t stride = step.reverse ? -step.inner : step.inner;
  int64_t at = (step.reverse ? step.axis - 1 - begin : begin) * step.inner;
  for (int64_t i = begin; i < end; ++i, at += stride)
    for (int j = 0; j < kColumns; ++j) {
      const T next = Combine()(sum[j], from[at + j]);
      to[at + j] = step.exclusive ? sum[j] : next;
      sum[j] = next;
    }
  std::copy_n(sum, kColumns, sums);
}

template <class Combine, class T>
void cumulative_loop(const AxisStep& step, const RunContext& context, const void* x, void* y) {
  const T identity = std::is_same_v<Combine, math::Add> ? T(0) : T(1);
  if (step.inner == 1) {
    // Rows are short or long: the processor goes on with the next while a sum waits.
    parallel_for(context, step.outer, grain_for(4 * step.axis), [&](int64_t begin, int64_t end) {
      const int64_t stride = step.reverse ? -1 : 1;
      for (int64_t o = begin; o < end; ++o) {
        T sum = identity;
        int64_t at = o * step.axis + (step.reverse ? step.axis - 1 : 0);
        for (int64_t i = 0; i < step.axis; ++i, at += stride) {
          const T next = Combine()(sum, static_cast<const T*>(x)[at]);
          static_cast<T*>(y)[at] = step.exclusive ? sum : next;
          sum = next;
        }
      }
    });
    return;
  }
  if (step.inner < kFewColumns) {
    parallel_for(context, step.outer, grain_for(4 * step.axis * step.inner), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        const int64_t base = o * step.axis * step.inner;
        T sums[kFewColumns];
        std::fill_n(sums, step.inner, identity);
        for (int64_t first = 0, last; first < step.axis; first = last) {
          last = std::min(first + kRowsAtOnce, step.axis);
          for (int64_t j = 0; j < step.inner;) {
            const T* const from = static_cast<const T*>(x) + base + j;
            T* const to = static_cast<T*>(y) + base + j;
            switch (step.inner - j) {
              case 1:
                cumulate<1, Combine>(step, from, to, first, last, sums + j);
                j += 1;
                break;
              case 2:
                cumulate<2, Combine>(step, from, to, first, last, sums + j);
                j += 2;
                break;
              case 3:
                cumulate<3, Combine>(step, from, to, first, last, sums + j);
                j += 3;
                break;
              default:
                cumulate<4, Combine>(step, from, to, first, last, sums + j);
                j += 4;
            }
          }
        }
      }
    });
    return;
  }
  for_strips(step, context, [&](int64_t outer, int64_t first, int64_t width) {
    const int64_t base = outer * step.axis * step.inner + first;
    const T* from = static_cast<const T*>(x) + base;
    T* to = static_cast<T*>(y) + base;
    T sums[kStrip];
    std::fill_n(sums, width, identity);
    for (int64_t i = 0; i < step.axis; ++i) {
      const int64_t at = (step.reverse ? step.axis - 1 - i : i) * step.inner;
      if (step.exclusive) std::copy_n(sums, width, to + at);
      for (int64_t j = 0; j < width; ++j) sums[j] = Combine()(sums[j], from[at + j]);
      if (!step.exclusive) std::copy_n(sums, width, to + at);
    }
  });
}

}  // namespace

Status prepare_arg_reduce(const StepDesc& desc, const HostServices&, StepPointer& pointer) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  const TensorDesc& x = desc.inputs[0];
  const TensorDesc& y = desc.outputs[0];
  auto step = std::make_unique<AxisStep>(run_axis);
  AttrReader attrs(desc);
  const bool smallest = attrs.flag();
  int32_t axis = 0;
  TRY(read_axis(desc, attrs, *step, &axis));
  TRY(attrs.finish());
  if (!is_index(y.dtype)) return reject(desc, "y is %s", dtype_name(y.dtype));
  if (y.dtype == DType::kInt32 && step->axis > INT32_MAX)
    return reject(desc, "indices do not fit int32");
  if (step->axis == 0) {
    return Status::error(Code::kInvalidArgument, "Reduction axis %d is empty", axis).at(desc.node);
  }
  if (y.size != step->outer * step->inner)
    return reject(desc, "y has %lld elements", (long long)y.size);
  step->wide = y.dtype == DType::kInt64;
  const bool found = dispatch_numeric(x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    step->loop = smallest ? arg_loop<Smaller, T> : arg_loop<Larger, T>;
  });
  if (!found) return reject(desc, "x is %s", dtype_name(x.dtype));
  pointer = std::move(step);
  return Status();
}

Status prepare_cumulative(const StepDesc& desc, const HostServices&, StepPointer& pointer) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  const TensorDesc& x = desc.inputs[0];
  const TensorDesc& y = desc.outputs[0];
  auto step = std::make_unique<AxisStep>(run_axis);
  AttrReader attrs(desc);
  const bool product = attrs.flag();
  int32_t axis = 0;
  TRY(read_axis(desc, attrs, *step, &axis));
  step->exclusive = attrs.flag();
  step->reverse = attrs.flag();
  TRY(attrs.finish());
  if (x.dtype != y.dtype || !same_shape(x, y))
    return reject(desc, "y is not of x's shape and dtype");
  const bool found = dispatch_numeric(x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    // Integers wrap, so either sign is the unsigned one.
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      step->loop = product ? cumulative_loop<math::Mul, U> : cumulative_loop<math::Add, U>;
    } else {
      step->loop = product ? cumulative_loop<math::Mul, T> : cumulative_loop<math::Add, T>;
    }
  });
  if (!found) return reject(desc, "x is %s", dtype_name(x.dtype));
  pointer = std::move(step);
  return Status();
}

}  // namespace grafo::cpu
