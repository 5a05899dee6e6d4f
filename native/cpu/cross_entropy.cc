// SoftmaxXent and SparseSoftmaxXent: loss and gradient of each row in one pass over it.
#include <string>

#include "cpu/kernels.h"
#include "cpu/softmax_rows.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct XentStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t rows, columns;
};

// Exponentials that were kept, or are taken again, times scale.
template <class T>
void softmax_of(const T* shifted, const T* powers, T scale, T* y, int64_t n) {
  if (powers) {
    for (int64_t c = 0; c < n; ++c) y[c] = powers[c] * scale;
  } else {
    for (int64_t c = 0; c < n; ++c) y[c] = math::exp(shifted[c]) * scale;
  }
}

// kSumLanes rows' losses and gradients.
template <class T>
void xent_short_rows(const T* labels, int64_t rows, int64_t columns, SideBySide<T>& block, const SideBySide<T>& powers, const T* sums,
                     T* loss) {
  SideBySide<T> targets, terms;
  T logarithms[kSumLanes], totals[kSumLanes];
  targets.take(labels, rows, columns);
  map_items<math::Log>(sums, logarithms, kSumLanes);
  const T *const target = targets.items, *const shifted = block.items;
  for (int64_t c = 0; c < columns; ++c)
    for (int i = 0; i < kSumLanes; ++i)
      terms.items[c * kSumLanes + i] = target[c * kSumLanes + i] * (logarithms[i] - shifted[c * kSumLanes + i]);
  terms.add_up(columns, totals);
  std::copy_n(totals, rows, loss);
  scale_short_rows(powers, sums, columns, block.items);
  for (int64_t i = 0; i < columns * kSumLanes; ++i) block.items[i] -= target[i];
}
template <class T, class I>
void sparse_xent_short_rows(const I* labels, int64_t rows, int64_t columns, SideBySide<T>& block, const SideBySide<T>& powers,
                            const T* sums, T* loss) {
  T logarithms[kSumLanes];
  map_items<math::Log>(sums, logarithms, kSumLanes);
  for (int64_t i = 0; i < rows; ++i) loss[i] = logarithms[i] - block.items[labels[i] * kSumLanes + i];
  scale_short_rows(powers, sums, columns, block.items);
  for (int64_t i = 0; i < rows; ++i) block.items[labels[i] * kSumLanes + i] -= T(1);
}

template <class T>
Status run_xent(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const XentStep&>(base);
  const T* const logits = static_cast<const T*>(buffers[0]);
  const T* const labels = static_cast<const T*>(buffers[1]);
  T* const loss = static_cast<T*>(buffers[2]);
  T* const backprop = static_cast<T*>(buffers[3]);
  const int64_t columns = step.columns;
  if (columns == 0) {
    std::fill(loss, loss + step.rows, T(0));
    return Status();
  }
  for_row_blocks(context, step.rows, columns, [&](int64_t first, int64_t rows) {
    if (columns < kLongRow && rows >= kManyRows)
      return short_rows(logits + first * columns, backprop + first * columns, rows, columns,
                        [&](int64_t r, int64_t height, SideBySide<T>& block, const SideBySide<T>& powers, const T* sums) {
                          xent_short_rows(labels + (first + r) * columns, height, columns, block, powers, sums, loss + first + r);
                        });
    shifted_rows(logits + first * columns, backprop + first * columns, rows, columns,
                 [&](int64_t r, T* row, T sum, const T* powers) {
                   const T* const target = labels + (first + r) * columns;
                   const T logarithm = math::log(sum);
                   T terms[kBlockItems];
                   LaneSum<T> total;
                   for (int64_t c = 0; c < columns; c += kBlockItems) {
                     const int64_t n = std::min(kBlockItems, columns - c);
                     for (int64_t i = 0; i < n; ++i)
                       terms[i] = target[c + i] * (logarithm - row[c + i]);
                     total.add(terms, n);
                   }
                   loss[first + r] = total.total();
                   softmax_of(row, powers, T(1) / sum, row, columns);
                   for (int64_t c = 0; c < columns; ++c) row[c] -= target[c];
                 });
  });
  return Status();
}

template <class I>
Status bad_label(const I* labels, int64_t n, int64_t bad, int64_t classes) {
  std::string values;
  for (int64_t i = 0; i < n && values.size() < Status::kTextBytes; ++i) {
    if (i > 0) values += ' ';
    values += std::to_string(labels[i]);
  }
  return Status::error(Code::kInvalidArgument,
                       "Received a label value of %lld which is outside the valid range of [0, %lld)."
                       "  Label values: %s",
                       static_cast<long long>(labels[bad]), static_cast<long long>(classes),
                       values.c_str());
}

template <class T, class I>
Status run_sparse_xent(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const XentStep&>(base);
  const T* const logits = static_cast<const T*>(buffers[0]);
  const I* const labels = static_cast<const I*>(buffers[1]);
  T* const loss = static_cast<T*>(buffers[2]);
  T* const backprop = static_cast<T*>(buffers[3]);
  const int64_t columns = step.columns;
  for (int64_t r = 0; r < step.rows; ++r)
    if (labels[r] < 0 || labels[r] >= columns) return bad_label(labels, step.rows, r, columns);
  for_row_blocks(context, step.rows, columns, [&](int64_t first, int64_t rows) {
    if (columns < kLongRow && rows >= kManyRows)
      return short_rows(logits + first * columns, backprop + first * columns, rows, columns,
                        [&](int64_t r, int64_t height, SideBySide<T>& block, const SideBySide<T>& powers, const T* sums) {
                          sparse_xent_short_rows(labels + first + r, height, columns, block, powers, sums, loss + first + r);
                        });
    shifted_rows(logits + first * columns, backprop + first * columns, rows, columns,
                 [&](int64_t r, T* row, T sum, const T* powers) {
                   const I label = labels[first + r];
                   loss[first + r] = math::log(sum) - row[label];
                   softmax_of(row, powers, T(1) / sum, row, columns);
                   row[label] -= T(1);
                 });
  });
  return Status();
}

Status check_outputs(const StepDesc& desc) {
  TRY(check_arity(desc, 2, 2));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  const TensorDesc &logits = desc.inputs[0], &loss = desc.outputs[0], &backprop = desc.outputs[1];
  if (!is_float(logits.dtype) || loss.dtype != logits.dtype || backprop.dtype != logits.dtype)
    return reject(desc, "no kernel for %s", dtype_name(logits.dtype));
  if (logits.rank != 2 || loss.rank != 1 || loss.dims[0] != logits.dims[0] ||
      !same_shape(logits, backprop))
    return reject(desc, "shapes do not fit");
  return Status();
}

Status finish(const StepDesc& desc, PreparedStep::Run run, StepPointer& step) {
  auto xent = std::make_unique<XentStep>(run);
  xent->rows = desc.inputs[0].dims[0];
  xent->columns = desc.inputs[0].dims[1];
  if (xent->rows == 0) step = std::make_unique<EmptyStep>();
  else step = std::move(xent);
  return Status();
}

}  // namespace

Status prepare_softmax_xent(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_outputs(desc));
  const TensorDesc &logits = desc.inputs[0], &labels = desc.inputs[1];
  TRY(check_same_dtype(desc, logits, labels));
  if (!same_shape(logits, labels)) return reject(desc, "the labels' shape is wrong");
  return finish(desc, logits.dtype == DType::kFloat32 ? run_xent<float> : run_xent<double>, step);
}

Status prepare_sparse_softmax_xent(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_outputs(desc));
  const TensorDesc &logits = desc.inputs[0], &labels = desc.inputs[1];
  if (!is_index(labels.dtype)) return reject(desc, "labels are %s", dtype_name(labels.dtype));
  if (labels.rank != 1 || labels.dims[0] != logits.dims[0])
    return reject(desc, "the labels' shape is wrong");
  if (logits.dims[1] == 0)
    return Status::error(Code::kInvalidArgument,
                         "Must have at least one class, but got logits shape [%lld,0]",
                         static_cast<long long>(logits.dims[0]));
  const bool narrow = labels.dtype == DType::kInt32;
  if (logits.dtype == DType::kFloat32)
    return finish(desc, narrow ? run_sparse_xent<float, int32_t> : run_sparse_xent<float, int64_t>,
                  step);
  return finish(desc, narrow ? run_sparse_xent<double, int32_t> : run_sparse_xent<double, int64_t>,
                step);
}

}  // namespace grafo::cpu
