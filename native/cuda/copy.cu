// Copy and Fill.
#include "cuda/kernels.h"

namespace grafo::cuda {
namespace {

// A variable is not written once a step before has found something wrong.
template <class T>
__global__ void copy_kernel(const T* from, T* to, int64_t n, const unsigned* failed) {
  if (failed != nullptr && *failed != 0) return;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) to[i] = from[i];
}

template <class T>
__global__ void fill_kernel(const T* value, T* to, int64_t n) {
  const T held = *value;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) to[i] = held;
}

template <class T>
struct CopyStep final : PreparedStep {
  int64_t n = 0;
  bool guarded = false;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    if (n == 0) return {};
    return launch(device, copy_kernel<T>, blocks_for(n), kThreads, static_cast<const T*>(buffers[0]),
                  static_cast<T*>(buffers[1]), n, guarded ? device.failed : nullptr);
  }
};

template <class T>
struct FillStep final : PreparedStep {
  int64_t n = 0;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    if (n == 0) return {};
    return launch(device, fill_kernel<T>, blocks_for(n), kThreads, static_cast<const T*>(buffers[0]),
                  static_cast<T*>(buffers[1]), n);
  }
};

template <class T>
Status make_copy(const StepDesc& desc, StepPointer& step) {
  auto copy = std::make_unique<CopyStep<T>>();
  copy->n = desc.outputs[0].size;
  copy->guarded = desc.outputs[0].variable != 0;
  step = std::move(copy);
  return {};
}

template <class T>
Status make_fill(const StepDesc& desc, StepPointer& step) {
  auto fill = std::make_unique<FillStep<T>>();
  fill->n = desc.outputs[0].size;
  step = std::move(fill);
  return {};
}

}  // namespace

Status prepare_copy(const StepDesc& desc, Device&, StepPointer& step) {
  switch (item_size(desc.outputs[0].dtype)) {
    case 1:
      return make_copy<uint8_t>(desc, step);
    case 2:
      return make_copy<uint16_t>(desc, step);
    case 4:
      return make_copy<uint32_t>(desc, step);
    default:
      return make_copy<uint64_t>(desc, step);
  }
}

Status prepare_fill(const StepDesc& desc, Device&, StepPointer& step) {
  switch (item_size(desc.outputs[0].dtype)) {
    case 1:
      return make_fill<uint8_t>(desc, step);
    case 2:
      return make_fill<uint16_t>(desc, step);
    case 4:
      return make_fill<uint32_t>(desc, step);
    default:
      return make_fill<uint64_t>(desc, step);
  }
}

}  // namespace grafo::cuda
