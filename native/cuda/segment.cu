// SegmentSum (UnsortedSegmentSum): rows of data added up by segment, in data's order.
#include "cuda/dispatch.h"
#include "cuda/row_order.h"
#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

template <class T>
struct AddRows {
  const T* data;
  T* y;
  int64_t inner;

  __device__ bool stop() const { return false; }
  __device__ void begin(int64_t row, int64_t column) const { y[row * inner + column] = 0; }
  __device__ void operator()(int64_t row, int64_t source, int64_t column) const {
    T& sum = y[row * inner + column];
    sum = static_cast<T>(sum + data[source * inner + column]);
  }
};

template <class T>
struct SegmentStep final : PreparedStep {
  IndexCheck ids;
  int64_t inner;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    TRY(ids.run(device, buffers[1]));
    return launch_rows(device, ids, buffers[1], ids.limit, inner,
                       AddRows<T>{static_cast<const T*>(buffers[0]), static_cast<T*>(buffers[2]), inner});
  }
  Status explain(const Fault& found) const override {
    return Status::error(Code::kInvalidArgument, "segment_ids%s = %lld is out of range [0, %lld)",
                         ids.where(found.first).c_str(), found.value, static_cast<long long>(ids.limit));
  }
};

}  // namespace

Status prepare_segment_sum(const StepDesc& desc, Device& device, StepPointer& step) {
  const TensorDesc &ids = desc.inputs[1], &y = desc.outputs[0];
  Status status;
  dispatch_numeric(y.dtype, [&](auto type) {
    auto sum = std::make_unique<SegmentStep<Wrapping<typename decltype(type)::type>>>();
    // A negative id drops its row.
    status = sum->ids.prepare(ids, INT64_MIN, y.dims[0], device);
    sum->inner = y.size == 0 ? 0 : extent(y, 1, y.rank);
    sum->fault = sum->ids.fault();
    step = std::move(sum);
  });
  return status;
}

}  // namespace grafo::cuda
