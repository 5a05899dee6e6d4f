// Softmax and LogSoftmax over the last axis.
#include "cpu/kernels.h"
#include "cpu/softmax_rows.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct SoftmaxStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t rows, columns;
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

template <class Pick>
Status prepare_rows(const StepDesc& desc, StepPointer& step, Pick&& pick) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, x, y));
  if (x.rank < 1 || !same_shape(x, y)) return reject(desc, "shapes do not fit");
  if (!is_float(x.dtype)) return reject(desc, "no kernel for %s", dtype_name(x.dtype));
  if (x.size == 0) {
    step = std::make_unique<EmptyStep>();
    return Status();
  }
  auto softmax = std::make_unique<SoftmaxStep>(pick(x.dtype));
  softmax->columns = x.dims[x.rank - 1];
  softmax->rows = x.size / softmax->columns;
  step = std::move(softmax);
  return Status();
}

}  // namespace

Status prepare_softmax(const StepDesc& desc, const HostServices&, StepPointer& step) {
  return prepare_rows(desc, step, [](DType dtype) {
    return dtype == DType::kFloat32 ? run_softmax<float> : run_softmax<double>;
  });
}

Status prepare_log_softmax(const StepDesc& desc, const HostServices&, StepPointer& step) {
  return prepare_rows(desc, step, [](DType dtype) {
    return dtype == DType::kFloat32 ? run_log_softmax<float> : run_log_softmax<double>;
  });
}

}  // namespace grafo::cpu
