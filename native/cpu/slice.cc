// Slice reads a strided part of x; SliceGrad puts a tensor into such a part of a padded one.
#include "cpu/kernels.h"
#include "cpu/short_rows.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct SliceStep : PreparedStep {
  using PreparedStep::PreparedStep;
  Strided part;       // row-major over the small side, positions in the large side
  int64_t size;       // of the large side
  bool padded;        // SliceGrad has an input with the value of the rest
  bool in_order;      // the part goes forward only and leaves little out
};

// Item i < n goes from + i * stride -> to + i * apart, one of which is 1. The compiler has vectors for the strides it knows.
template <class T>
void copy_items(T* to, int64_t apart, const T* from, int64_t stride, int64_t n) {
  if (apart != 1) {
    for (int64_t i = 0; i < n; ++i) to[i * apart] = from[i];
  } else if (stride == -1) {
    // In x's order: rows follow each other there, and what is read ahead of time is theirs.
    T* const last = to + (n - 1);
    const T* const first = from - (n - 1);
    for (int64_t i = 0; i < n; ++i) last[-i] = first[i];
  } else if (stride == 2) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * 2];
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * stride];
  }
}

template <int kSize, class T>
void copy_run_of(T* y, int64_t y_step, const T* x, int64_t x_step, int64_t x_stride, int64_t n) {
  for (int64_t row = 0; row < n; ++row, y += y_step, x += x_step)
    for (int i = 0; i < kSize; ++i) y[i] = x[i * x_stride];
}

// A row of x is `size` items `stride` apart, the next row x_step further; a row of y likewise.
template <class T>
void copy_run(T* y, int64_t y_step, int64_t y_stride, const T* x, int64_t x_step, int64_t x_stride, int64_t size, int64_t n) {
  constexpr int64_t kItem = sizeof(T);
  constexpr int64_t kShort = 8, kAtOnce = 256;  // so many rows stay in the L1 cache
  const auto copy = [=](int64_t column, int64_t row, int64_t bytes, int64_t rows) {
    copy_rows(reinterpret_cast<char*>(y + row * y_step + column * y_stride), y_step * kItem,
              reinterpret_cast<const char*>(x + row * x_step + column * x_stride), x_step * kItem, bytes, rows);
  };
  if (x_stride == 1 && y_stride == 1) return copy(0, 0, size * kItem, n);
  if (size == 2 && y_stride == 1) return copy_run_of<2>(y, y_step, x, x_step, x_stride, n);
  if (size == 3 && y_stride == 1) return copy_run_of<3>(y, y_step, x, x_step, x_stride, n);
  if (size == 4 && y_stride == 1) return copy_run_of<4>(y, y_step, x, x_step, x_stride, n);
  if (size <= kShort && n >= size) {
    for (int64_t row = 0; row < n; row += kAtOnce)
      for (int64_t column = 0; column < size; ++column) copy(column, row, kItem, std::min(kAtOnce, n - row));
    return;
  }
  for (int64_t row = 0; row < n; ++row) copy_items(y + row * y_step, y_stride, x + row * x_step, x_stride, size);
}

template <class T>
Status run_slice(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SliceStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  const int64_t size = step.part.row_size(), stride = step.part.row_step();
  const int64_t bytes = size * static_cast<int64_t>(sizeof(T));
  parallel_for(context, step.part.rows(), kGrainBytes / (bytes + 16) + 1,
               [&](int64_t begin, int64_t end) {
                 step.part.walk(begin, end, [&](int64_t row, int64_t at, int64_t n) {
                   copy_run(y + row * size, size, 1, x + at, step.part.run_step(), stride, size, n);
                 });
               });
  return Status();
}

constexpr int64_t kLongRow = 256, kFilledAtOnce = 8192;  // bytes

template <class T>
Status run_slice_grad(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SliceStep&>(base);
  const T* const dy = static_cast<const T*>(buffers[0]);
  T* const dx = static_cast<T*>(buffers[step.padded ? 2 : 1]);
  const T pad = step.padded ? *static_cast<const T*>(buffers[1]) : T(0);
  const auto fill = [=](int64_t begin, int64_t end) { std::fill(dx + begin, dx + end, pad); };
  if (!step.in_order)
    parallel_for(context, step.size, kGrainBytes / static_cast<int64_t>(sizeof(T)), fill);
  if (step.part.rank == 0) return Status();
  const int64_t size = step.part.row_size(), stride = step.part.row_step(), apart = step.part.run_step();
  const int64_t bytes = size * static_cast<int64_t>(sizeof(T)), rows = step.part.rows();
  // In order: dx is filled just ahead of the rows, with what of short ones is then still in the L1 cache, of long ones the gaps only.
  const int64_t span = (size - 1) * stride + 1;
  const int64_t at_once =
      !step.in_order ? rows : bytes >= kLongRow ? 1 : kFilledAtOnce / (apart * static_cast<int64_t>(sizeof(T)) + 1) + 1;
  parallel_for(context, rows, kGrainBytes / (bytes + 16) + 1,
               [&](int64_t begin, int64_t end) {
                 int64_t filled = begin == 0 ? 0 : step.part.position_of(begin);  // up to here dx is done
                 step.part.walk(begin, end, [&](int64_t row, int64_t at, int64_t n) {
                   for (int64_t m; n > 0; n -= m, row += m, at += m * apart) {
                     m = std::min(n, at_once);
                     if (step.in_order) {
                       const int64_t last = at + (m - 1) * apart + span;
                       fill(filled, m == 1 && stride == 1 ? at : last);
                       filled = last;
                     }
                     copy_run(dx + at, apart, stride, dy + row * size, size, 1, size, m);
                   }
                 });
                 if (step.in_order) fill(filled, end == rows ? step.size : step.part.position_of(end));
               });
  return Status();
}

// Reads begin and stride; every index of the part must fall inside the large side. The part of an empty small side has
// rank 0.
Status read_part(const StepDesc& desc, const TensorDesc& large, const TensorDesc& small,
                 Strided& part) {
  TRY(check_same_dtype(desc, large, small));
  if (large.rank != small.rank) return reject(desc, "ranks %d and %d", large.rank, small.rank);
  AttrReader attrs(desc);
  if (attrs.i32() != large.rank) return reject(desc, "the attributes are for another rank");
  int64_t begin[kMaxRank] = {}, stride[kMaxRank] = {};
  for (int d = 0; d < large.rank; ++d) begin[d] = attrs.i64();
  for (int d = 0; d < large.rank; ++d) stride[d] = attrs.i64();
  TRY(attrs.finish());
  for (int d = 0; d < large.rank; ++d) {
    if (stride[d] == 0) return reject(desc, "stride %d is 0", d);
    if (small.size == 0) continue;
    int64_t last;
    if (__builtin_mul_overflow(small.dims[d] - 1, stride[d], &last) ||
        __builtin_add_overflow(last, begin[d], &last) || begin[d] < 0 || last < 0 ||
        begin[d] >= large.dims[d] || last >= large.dims[d])
      return reject(desc, "dimension %d leaves the tensor", d);
  }
  if (small.size == 0) return Status();
  int64_t steps[kMaxRank];
  row_major(large, steps);
  for (int d = 0; d < large.rank; ++d) {
    part.offset += begin[d] * steps[d];
    // A stride over one element may be anything.
    part.push(small.dims[d], small.dims[d] == 1 ? 0 : stride[d] * steps[d]);
  }
  part.close();
  return Status();
}

}  // namespace

Status prepare_slice(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  Strided part;
  TRY(read_part(desc, desc.inputs[0], desc.outputs[0], part));
  if (desc.outputs[0].size == 0) {
    step = std::make_unique<EmptyStep>();
    return Status();
  }
  dispatch_bytes(desc.outputs[0].dtype, [&](auto type) {
    auto slice = std::make_unique<SliceStep>(run_slice<typename decltype(type)::type>);
    slice->part = part;
    step = std::move(slice);
  });
  return Status();
}

Status prepare_slice_grad(const StepDesc& desc, const HostServices&, StepPointer& step) {
  const bool padded = desc.num_inputs == 2;
  TRY(check_arity(desc, padded ? 2 : 1, 1));
  TRY(check_no_alias(desc));
  const TensorDesc& dx = desc.outputs[0];
  if (padded && (desc.inputs[1].dtype != dx.dtype || desc.inputs[1].size != 1))
    return reject(desc, "the pad value is not a scalar of the same dtype");
  Strided part;
  TRY(read_part(desc, dx, desc.inputs[0], part));
  dispatch_bytes(dx.dtype, [&](auto type) {
    auto grad = std::make_unique<SliceStep>(run_slice_grad<typename decltype(type)::type>);
    grad->part = part;
    grad->size = dx.size;
    grad->padded = padded;
    grad->in_order = part.rank > 0 && 8 * desc.inputs[0].size >= dx.size && (part.rows() > 1 || 2 * desc.inputs[0].size >= dx.size);
    for (int d = 0; d < part.rank; ++d) grad->in_order &= part.steps[d] > 0;
    step = std::move(grad);
  });
  return Status();
}

}  // namespace grafo::cpu
