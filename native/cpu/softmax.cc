// Softmax and LogSoftmax over an axis: the last one, whose rows lie together, or one before it.
#include "cpu/kernels.h"
#include "cpu/softmax_columns.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct SoftmaxStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t rows, columns;
  int64_t inner;  // items from one of the axis to the next
};

template <class T>
void scale_row(T* y, T sum, int64_t n) {
  const T scale = T(1) / sum;
  for (int64_t c = 0; c < n; ++c) y[c] *= scale;
}

template <class T>
Status run_softmax(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SoftmaxStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  const int64_t columns = step.columns;
  for_row_blocks(context, step.rows, columns, [&](int64_t row, int64_t rows) {
    T* const out = y + row * columns;
    if (columns < kLongRow)
      return short_rows(x + row * columns, out, rows, columns,
                        [&](int64_t, int64_t, SideBySide<T>& block, const SideBySide<T>& powers, const T* sums) {
                          scale_short_rows(powers, sums, columns, block.items);
                        });
    for (int64_t r = 0; r < rows; ++r) {
      const T* const from = x + (row + r) * columns;
      T* const to = out + r * columns;
      const int64_t ahead = row + r + 1 < step.rows ? columns : 0;
      scale_row(to, exp_row(from, row_max(from, columns), to, columns, ahead), columns);
    }
  });
  return Status();
}

template <class T>
Status run_log_softmax(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SoftmaxStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  const int64_t columns = step.columns;
  for_row_blocks(context, step.rows, columns, [&](int64_t row, int64_t rows) {
    if (columns < kLongRow && rows >= kManyRows)
      return short_rows(x + row * columns, y + row * columns, rows, columns,
                        [&](int64_t, int64_t, SideBySide<T>& block, const SideBySide<T>&, T* sums) {
                          map_items<math::Log>(sums, sums, kSumLanes);
                          for (int64_t c = 0; c < columns; ++c)
                            for (int i = 0; i < kSumLanes; ++i) block.items[c * kSumLanes + i] -= sums[i];
                        });
    shifted_rows(x + row * columns, y + row * columns, rows, columns,
                 [&](int64_t, T* shifted, T sum, const T*) {
                   const T logarithm = math::log(sum);
                   for (int64_t c = 0; c < columns; ++c) shifted[c] -= logarithm;
                 });
  });
  return Status();
}

template <bool kLog, class T>
Status run_columns(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SoftmaxStep&>(base);
  const ColumnPlan plan{step.rows / step.inner, step.columns, step.inner, context.host->threads(context.host->self)};
  softmax_columns<kLog>(context, plan, static_cast<const T*>(buffers[0]), static_cast<T*>(buffers[1]));
  return Status();
}

template <bool kLog>
Status prepare(const StepDesc& desc, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, x, y));
  if (x.rank < 1 || !same_shape(x, y)) return reject(desc, "shapes do not fit");
  AttrReader attrs(desc);
  const int32_t axis = desc.num_attrs == 0 ? x.rank - 1 : attrs.count(0, x.rank - 1);
  TRY(attrs.finish());
  if (!is_float(x.dtype)) return reject(desc, "no kernel for %s", dtype_name(x.dtype));
  if (x.size == 0) {
    step = std::make_unique<EmptyStep>();
    return Status();
  }
  const int64_t inner = extent(x, axis + 1, x.rank);
  const bool is_double = x.dtype == DType::kFloat64;
  PreparedStep::Run run = is_double ? run_columns<kLog, double> : run_columns<kLog, float>;
  if (inner == 1 && kLog) run = is_double ? run_log_softmax<double> : run_log_softmax<float>;
  if (inner == 1 && !kLog) run = is_double ? run_softmax<double> : run_softmax<float>;
  auto softmax = std::make_unique<SoftmaxStep>(run);
  softmax->columns = x.dims[axis];
  softmax->rows = x.size / softmax->columns;
  softmax->inner = inner;
  step = std::move(softmax);
  return Status();
}

}  // namespace

Status prepare_softmax(const StepDesc& desc, const HostServices&, StepPointer& step) {
  return prepare<false>(desc, step);
}

Status prepare_log_softmax(const StepDesc& desc, const HostServices&, StepPointer& step) {
  return prepare<true>(desc, step);
}

}  // namespace grafo::cpu
