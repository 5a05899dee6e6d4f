// Slice reads a strided part of x; SliceGrad puts a tensor into such a part of a padded one.
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct SliceStep : PreparedStep {
  using PreparedStep::PreparedStep;
  Strided part;       // row-major over the small side, positions in the large side
  int64_t size;       // of the large side
  bool padded;        // SliceGrad has an input with the value of the rest
};

template <class T>
Status run_slice(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SliceStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  const int64_t size = step.part.row_size(), stride = step.part.row_step();
  const int64_t bytes = size * static_cast<int64_t>(sizeof(T));
  parallel_for(context, step.part.rows(), kGrainBytes / (bytes + 16) + 1,
               [&](int64_t begin, int64_t end) {
                 step.part.walk(begin, end, [&](int64_t row, int64_t at) {
                   T* const to = y + row * size;
                   if (stride == 1) {
                     std::memcpy(to, x + at, static_cast<size_t>(bytes));
                   } else {
                     for (int64_t i = 0; i < size; ++i) to[i] = x[at + i * stride];
                   }
                 });
               });
  return Status();
}

template <class T>
Status run_slice_grad(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SliceStep&>(base);
  const T* const dy = static_cast<const T*>(buffers[0]);
  T* const dx = static_cast<T*>(buffers[step.padded ? 2 : 1]);
  const T pad = step.padded ? *static_cast<const T*>(buffers[1]) : T(0);
  parallel_for(context, step.size, kGrainBytes / static_cast<int64_t>(sizeof(T)),
               [&](int64_t begin, int64_t end) { std::fill(dx + begin, dx + end, pad); });
  if (step.part.rank == 0) return Status();
  const int64_t size = step.part.row_size(), stride = step.part.row_step();
  const int64_t bytes = size * static_cast<int64_t>(sizeof(T));
  parallel_for(context, step.part.rows(), kGrainBytes / (bytes + 16) + 1,
               [&](int64_t begin, int64_t end) {
                 step.part.walk(begin, end, [&](int64_t row, int64_t at) {
                   const T* const from = dy + row * size;
                   if (stride == 1) {
                     std::memcpy(dx + at, from, static_cast<size_t>(bytes));
                   } else {
                     for (int64_t i = 0; i < size; ++i) dx[at + i * stride] = from[i];
                   }
                 });
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
    step = std::move(grad);
  });
  return Status();
}

}  // namespace grafo::cpu
