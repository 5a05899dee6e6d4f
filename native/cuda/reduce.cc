// Reduce: merges dims, and cuts long outputs into stages by the shape alone.
#include "cuda/reduce.h"

#include <algorithm>

#include "cuda/kernels.h"

namespace grafo::cuda {
namespace {

void add_group(Groups& groups, int64_t extent, int64_t stride) {
  groups.extent[groups.count] = extent;
  groups.stride[groups.count++] = stride;
  groups.product *= extent;
}

// Dims of 1 vanish and neighbours of one sort become one.
ReduceShape merge(const TensorDesc& x, const bool* is_reduced) {
  ReduceShape shape;
  int64_t extent[kMaxRank], stride[kMaxRank];
  bool reduced[kMaxRank];
  int groups = 0;
  int64_t size = 1;
  for (int d = 0; d < x.rank; ++d) (is_reduced[d] ? shape.length : shape.outputs) *= x.dims[d];
  if (x.size == 0) return shape;
  for (int d = x.rank - 1; d >= 0; --d) {
    if (x.dims[d] == 1) continue;
    if (groups > 0 && reduced[groups - 1] == is_reduced[d]) {
      extent[groups - 1] *= x.dims[d];
    } else {
      extent[groups] = x.dims[d];
      stride[groups] = size;
      reduced[groups++] = is_reduced[d];
    }
    size *= x.dims[d];
  }
  if (groups == 0) return shape;
  shape.rows = reduced[0];
  shape.inner = extent[0];
  for (int g = groups - 1; g > 0; --g) add_group(reduced[g] ? shape.reduced : shape.kept, extent[g], stride[g]);
  return shape;
}

// What the kernels' 32-bit divisions reach: all but huge reductions over axes that do not lie together.
bool is_reached(const ReduceShape& shape) {
  const bool plain = shape.kept.count <= 1 && shape.reduced.count <= (shape.rows != 0 ? 0 : 1);
  constexpr int64_t kMost = INT32_MAX;
  return plain || (shape.outputs <= kMost && shape.length <= kMost);
}

struct ReduceStep final : PreparedStep {
  Reduction reduction;
  const unsigned* guard = nullptr;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return reduction.run(device, buffers[0], buffers[1], guard);
  }
};

}  // namespace

int64_t reduce_piece(const ReduceShape& shape) {
  if (shape.rows != 0) return kReduceChunk;
  const int64_t columns = shape.inner <= 8 ? 8 : shape.inner <= 16 ? 16 : 32;
  return kThreads / columns * kReduceSteps;
}

int64_t reduce_chunks(const ReduceShape& shape) {
  const int64_t of_chunk = reduce_piece(shape);
  return std::max<int64_t>(1, (shape.length + of_chunk - 1) / of_chunk);
}

Status Reduction::prepare(Device& device, ReduceOp op, DType dtype, ReduceShape shape) {
  const bool sums = op == ReduceOp::kSum || op == ReduceOp::kMean;
  kernels = sums ? find_sum_kernels(op, dtype) : find_order_kernels(op, dtype);
  if (kernels == nullptr) return Status::error(Code::kInternal, "Reduce: no kernel for %s", dtype_name(dtype));
  const int64_t length = shape.length;
  const bool is_float = dtype == DType::kFloat32 || dtype == DType::kFloat64;
  // 0 / 0 is the NaN of an empty float mean; an integer's is 0.
  const int64_t divisor = is_float ? length : std::max<int64_t>(length, 1);
  size_t bytes = 0;
  for (;;) {
    const int64_t chunks = reduce_chunks(shape);
    shape.divisor = op == ReduceOp::kMean ? divisor : -1;
    stages.push_back({shape, chunks, bytes});
    if (chunks == 1) break;
    bytes += static_cast<size_t>(shape.outputs * chunks) * kernels->accumulator;
    // Pieces of rows lie side by side, pieces of columns below each other.
    ReduceShape next;
    next.rows = shape.rows;
    next.length = chunks;
    next.outputs = shape.outputs;
    next.inner = shape.rows != 0 ? chunks : shape.outputs;
    add_group(shape.rows != 0 ? next.kept : next.reduced, shape.rows != 0 ? shape.outputs : chunks, next.inner);
    shape = next;
  }
  return scratch.allocate(device, bytes);
}

Status Reduction::run(Device& device, const void* x, void* y, const unsigned* guard) const {
  if (stages[0].shape.outputs == 0) return {};
  const void* from = x;
  for (size_t s = 0; s < stages.size(); ++s) {
    const Stage& stage = stages[s];
    const bool last = s + 1 == stages.size();
    void* const to = last ? y : scratch.as<unsigned char>() + stage.partials;
    TRY((s == 0 ? kernels->first : kernels->later)(device, stage.shape, from, to, stage.chunks, last, guard));
    from = to;
  }
  return {};
}

Status prepare_reduce(const StepDesc& desc, Device& device, StepPointer& pointer) {
  Words words(desc);
  const auto op = static_cast<ReduceOp>(words.i32());
  bool is_reduced[kMaxRank] = {};
  for (int32_t left = words.i32(); left > 0; --left) is_reduced[words.i32()] = true;
  auto step = std::make_unique<ReduceStep>();
  step->guard = guard_of(desc, device);
  const ReduceShape shape = merge(desc.inputs[0], is_reduced);
  if (!is_reached(shape)) return {};
  TRY(step->reduction.prepare(device, op, desc.inputs[0].dtype, shape));
  pointer = std::move(step);
  return {};
}

}  // namespace grafo::cuda
