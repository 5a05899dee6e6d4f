// Softmax and LogSoftmax over the last axis.
#include "cuda/softmax.cuh"

#include "cuda/kernels.h"

namespace grafo::cuda {
namespace {

template <class T, int kPer, bool kLog>
__global__ void __launch_bounds__(kThreads) softmax_kernel(const T* x, T* y, int64_t rows, int64_t columns, int count,
                                                           const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  softmax::for_rows<T, kPer>(rows, count, [&](int64_t r, bool exists, const softmax::Lanes<T, kPer>& lanes) {
    const softmax::Row<T, kPer> row(x + r * columns, columns, lanes.lane(), count);
    const T most = softmax::most_of(row, lanes);
    const T sum = softmax::sum_of(row, most, lanes);
    if (!exists) return;
    T* const to = y + r * columns;
    if constexpr (kLog) {
      const T logarithm = math::log(sum);
      row.each([&](int64_t c, T value) { to[c] = (value - most) - logarithm; });
    } else {
      const T scale = T(1) / sum;
      row.each([&](int64_t c, T value) { to[c] = math::exp(value - most) * scale; });
    }
  });
}

template <class T, bool kLog>
struct SoftmaxStep final : PreparedStep {
  int64_t rows = 0, columns = 0;
  const unsigned* guard = nullptr;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return softmax::by_length<T>(columns, [&]<int kPer>(int count) {
      return launch(device, softmax_kernel<T, kPer, kLog>, blocks_for(rows, kThreads / count), kThreads,
                    static_cast<const T*>(buffers[0]), static_cast<T*>(buffers[1]), rows, columns, count, guard);
    });
  }
};

struct NothingStep final : PreparedStep {
  Status run(Device&, RunContext&, void* const*) override { return {}; }
};

template <class T, bool kLog>
Status make(const StepDesc& desc, Device& device, StepPointer& pointer) {
  auto step = std::make_unique<SoftmaxStep<T, kLog>>();
  const TensorDesc& x = desc.inputs[0];
  step->columns = x.dims[x.rank - 1];
  step->rows = x.size / step->columns;
  step->guard = guard_of(desc, device);
  pointer = std::move(step);
  return {};
}

template <bool kLog>
Status prepare(const StepDesc& desc, Device& device, StepPointer& pointer) {
  if (desc.inputs[0].size == 0) {
    pointer = std::make_unique<NothingStep>();
    return {};
  }
  return desc.inputs[0].dtype == DType::kFloat32 ? make<float, kLog>(desc, device, pointer)
                                                 : make<double, kLog>(desc, device, pointer);
}

}  // namespace

Status prepare_softmax(const StepDesc& desc, Device& device, StepPointer& step) {
  return prepare<false>(desc, device, step);
}
Status prepare_log_softmax(const StepDesc& desc, Device& device, StepPointer& step) {
  return prepare<true>(desc, device, step);
}

}  // namespace grafo::cuda
