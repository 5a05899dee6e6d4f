// OneHot: y is off everywhere but on at the index along a new axis; an index out of range is off everywhere.
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct OneHotStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t outer, depth, inner;  // y is [outer, depth, inner], indices are [outer, inner]
};

template <class T, class I>
Status run_one_hot(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const OneHotStep&>(base);
  const I* const indices = static_cast<const I*>(buffers[0]);
  const T on = *static_cast<const T*>(buffers[1]), off = *static_cast<const T*>(buffers[2]);
  T* const y = static_cast<T*>(buffers[3]);
  const int64_t size = step.depth * step.inner;
  parallel_for(context, step.outer, grain_for(size / 4), [&](int64_t begin, int64_t end) {
    std::fill(y + begin * size, y + end * size, off);
    for (int64_t o = begin; o < end; ++o)
      for (int64_t i = 0; i < step.inner; ++i) {
        const int64_t index = static_cast<int64_t>(indices[o * step.inner + i]);
        if (index >= 0 && index < step.depth) y[o * size + index * step.inner + i] = on;
      }
  });
  return Status();
}

}  // namespace

Status prepare_one_hot(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 3, 1));
  TRY(check_no_alias(desc));
  const TensorDesc &indices = desc.inputs[0], &y = desc.outputs[0];
  AttrReader attrs(desc);
  const int axis = attrs.count(0, y.rank - 1);
  TRY(attrs.finish());
  for (int i = 1; i < 3; ++i) {
    TRY(check_same_dtype(desc, desc.inputs[i], y));
    if (desc.inputs[i].size != 1) return reject(desc, "input %d is not a scalar", i);
  }
  if (y.rank != indices.rank + 1) return reject(desc, "the output has rank %d", y.rank);
  for (int d = 0; d < indices.rank; ++d)
    if (y.dims[d < axis ? d : d + 1] != indices.dims[d])
      return reject(desc, "dimension %d of the indices is wrong", d);
  if (y.size == 0) {
    step = std::make_unique<EmptyStep>();
    return Status();
  }
  PreparedStep::Run run = nullptr;
  dispatch_bytes(y.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    if (indices.dtype == DType::kUint8) run = run_one_hot<T, uint8_t>;
    if (indices.dtype == DType::kInt32) run = run_one_hot<T, int32_t>;
    if (indices.dtype == DType::kInt64) run = run_one_hot<T, int64_t>;
  });
  if (!run) return reject(desc, "indices are %s", dtype_name(indices.dtype));
  auto one_hot = std::make_unique<OneHotStep>(run);
  one_hot->outer = extent(y, 0, axis);
  one_hot->depth = y.dims[axis];
  one_hot->inner = extent(y, axis + 1, y.rank);
  step = std::move(one_hot);
  return Status();
}

}  // namespace grafo::cpu
