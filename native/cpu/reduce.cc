// Verifies Reduce and merges its dims.
#include "cpu/reduce.h"

#include "cpu/kernels.h"

namespace grafo::cpu {
namespace {

Status run_reduce(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const ReduceStep&>(base);
  if (step.outputs != 0) run_reduction(step, context, buffers[0], buffers[1]);
  return Status();
}

// Dims of 1 vanish and neighbours of one sort become one; then the innermost group is taken for the
// loop, the others for the odometers.
void merge(const TensorDesc& x, const bool* is_reduced, ReduceStep& step) {
  int64_t extent[kMaxRank];
  int64_t stride[kMaxRank];
  bool reduced[kMaxRank];
  int groups = 0;
  int64_t size = 1;
  for (int d = x.rank - 1; d >= 0; --d) {
    const int64_t dim = x.dims[d];
    if (dim == 1) continue;
    if (groups > 0 && reduced[groups - 1] == is_reduced[d]) {
      extent[groups - 1] *= dim;
    } else {
      extent[groups] = dim;
      stride[groups] = size;
      reduced[groups++] = is_reduced[d];
    }
    size *= dim;
  }
  if (groups == 0) return;
  step.rows = reduced[0];
  step.inner = extent[0];
  for (int g = groups - 1; g > 0; --g)
    add_group(reduced[g] ? step.reduced : step.kept, extent[g], stride[g]);
}

}  // namespace

const ReduceLoops* find_reduce_loops(ReduceOp op, DType dtype) {
  const ReduceLoops* loops = op == ReduceOp::kSum || op == ReduceOp::kMean
                                 ? find_sum_loops(op, dtype)
                                 : find_order_loops(op, dtype);
  return loops ? loops : find_narrow_loops(op, dtype);
}

Status prepare_reduce(const StepDesc& desc, const HostServices&, StepPointer& pointer) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  const TensorDesc& x = desc.inputs[0];
  const TensorDesc& y = desc.outputs[0];
  AttrReader attrs(desc);
  const auto op = static_cast<ReduceOp>(attrs.count(0, kReduceOps - 1));
  const int32_t count = attrs.count(0, x.rank);
  bool is_reduced[kMaxRank] = {};
  int32_t before = -1;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t axis = attrs.count(0, x.rank - 1);
    if (axis <= before) return reject(desc, "axes are not sorted");
    is_reduced[axis] = true;
    before = axis;
  }
  TRY(attrs.finish());
  if (x.dtype != y.dtype)
    return reject(desc, "x is %s, y %s", dtype_name(x.dtype), dtype_name(y.dtype));

  auto step = std::make_unique<ReduceStep>(run_reduce);
  step->loops = find_reduce_loops(op, x.dtype);
  if (!step->loops) return reject(desc, "op %d is not for %s", int(op), dtype_name(x.dtype));
  int64_t kept = 1;
  for (int d = 0; d < x.rank; ++d) {
    int64_t& product = is_reduced[d] ? step->divisor : kept;
    if (!checked_multiply(product, x.dims[d], &product))
      return reject(desc, "x has too many elements");
  }
  if (kept != y.size)
    return reject(desc, "y has %lld elements instead of %lld", (long long)y.size, (long long)kept);
  step->inputs = x.size;
  step->far = x.size * item_size(x.dtype) > kPastNearCaches;
  step->outputs = y.size;
  if (x.size != 0) merge(x, is_reduced, *step);
  pointer = std::move(step);
  return Status();
}

}  // namespace grafo::cpu
