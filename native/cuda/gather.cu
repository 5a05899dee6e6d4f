// Gather: copies the rows of params that the indices name, in units of up to 16 bytes.
#include <algorithm>

#include "cuda/indices.h"
#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

// params is [outer, limit, row], y is [outer, n, row]; outer and the indices begin with the batches.
template <class I>
struct Rows {
  Divisor<I> row, n, per_batch;
  I limit, size;  // size: of y
};

// A bad index writes nothing; where a fault is given, it is told there.
template <class U, class Index, class I>
__global__ void gather_kernel(const U* params, const Index* indices, U* y, Rows<I> rows, Fault* fault) {
  const I stride = static_cast<I>(gridDim.x) * blockDim.x;
  const I row = static_cast<I>(rows.row.by), n = static_cast<I>(rows.n.by);
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i < rows.size; i += stride) {
    const I above = rows.row.quotient(i), outer = rows.n.quotient(above);
    const I place = rows.per_batch.quotient(outer) * n + (above - outer * n);
    const uint64_t index = static_cast<uint64_t>(static_cast<int64_t>(indices[place]));
    if (index < rows.limit) y[i] = params[(outer * rows.limit + static_cast<I>(index)) * row + (i - above * row)];
    else if (fault != nullptr) lower(fault, place);
  }
}

struct GatherBase : PreparedStep {
  IndexCheck check;
  Status explain(const Fault& found) const override {
    return Status::error(Code::kInvalidArgument, "indices%s = %lld is not in [0, %lld)",
                         check.where(found.first).c_str(), found.value, static_cast<long long>(check.limit));
  }
};

template <class U, class Index, class I>
struct GatherStep final : GatherBase {
  Rows<I> rows;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    const bool first = rows.size == 0 || check.small();
    TRY(first ? check.run(device, buffers[1]) : check.begin(device));
    if (rows.size == 0) return {};
    TRY(launch(device, gather_kernel<U, Index, I>, blocks_for(static_cast<int64_t>(rows.size)), kThreads,
               static_cast<const U*>(buffers[0]), static_cast<const Index*>(buffers[1]), static_cast<U*>(buffers[2]),
               rows, first ? nullptr : fault));
    return first ? Status() : check.end(device, buffers[1]);
  }
};

struct Shape {
  int64_t outer, limit, row, n, per_batch;
};

template <class U, class I>
std::unique_ptr<GatherBase> make_gather(const Shape& shape, DType index) {
  Rows<I> rows{Divisor<I>(shape.row), Divisor<I>(shape.n), Divisor<I>(shape.per_batch), static_cast<I>(shape.limit),
               static_cast<I>(shape.outer * shape.n * shape.row)};
  const auto fill = [&](auto step) -> std::unique_ptr<GatherBase> {
    step->rows = rows;
    return step;
  };
  return index == DType::kInt32 ? fill(std::make_unique<GatherStep<U, int32_t, I>>())
                                : fill(std::make_unique<GatherStep<U, int64_t, I>>());
}

}  // namespace

Status prepare_gather(const StepDesc& desc, Device& device, StepPointer& step) {
  const TensorDesc &params = desc.inputs[0], &indices = desc.inputs[1], &y = desc.outputs[0];
  Words words(desc);
  const int axis = words.i32();
  const int batch = words.left() > 0 ? words.i32() : 0;
  const int64_t item = static_cast<int64_t>(item_size(y.dtype));
  Shape shape{1, params.dims[axis], 1, 0, 1};
  Unit unit;
  if (y.size != 0) {
    shape.outer = extent(params, 0, axis);
    shape.row = extent(params, axis + 1, params.rank);
    const int64_t batches = extent(params, 0, batch);
    shape.n = indices.size / batches;
    shape.per_batch = shape.outer / batches;
  }
  unit.fit(shape.row * item);
  shape.row = shape.row * item / unit.bytes;
  if (y.size == 0) shape.row = shape.n = 1, shape.outer = 0;
  std::unique_ptr<GatherBase> gather;
  dispatch_unit(unit.bytes, [&](auto type) {
    using U = typename decltype(type)::type;
    dispatch_index(std::max(params.size, y.size), [&](auto index) {
      gather = make_gather<U, typename decltype(index)::type>(shape, indices.dtype);
    });
  });
  TRY(gather->check.prepare(indices, 0, params.dims[axis], device));
  gather->fault = gather->check.fault();
  step = std::move(gather);
  return {};
}

}  // namespace grafo::cuda
