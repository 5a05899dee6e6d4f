// CheckNumerics: a copy that looks at what it copies.
#include <string>

#include "cuda/kernels.h"

namespace grafo::cuda {
namespace {

// Bits of Fault::value that are taken away: the memset before has set all.
constexpr unsigned long long kInf = 1, kNaN = 2;

template <class T>
__global__ void check_numerics_kernel(const T* x, T* y, int64_t n, const unsigned* guard, unsigned* failed, Fault* fault) {
  if (guard != nullptr && *guard != 0) return;
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  unsigned long long kinds = 0;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    const T value = x[i];
    // x - x is 0 for every finite number.
    if (value - value != T(0)) kinds |= value != value ? kNaN : kInf;
    if (x != y) y[i] = value;
  }
  if (kinds == 0) return;
  atomicAnd(reinterpret_cast<unsigned long long*>(&fault->value), ~kinds);
  atomicMin(&fault->first, 0ull);
  *failed = 1;
}

template <class T>
struct CheckStep final : PreparedStep {
  int64_t n = 0;
  std::string message;
  const unsigned* guard = nullptr;
  Scratch memory;

  Status run(Device& device, RunContext&, void* const* buffers) override {
    TRY(forget_fault(device, fault));
    if (n == 0) return {};
    const T* const x = static_cast<const T*>(buffers[0]);
    const auto check = [&](T* y) {
      return launch(device, check_numerics_kernel<T>, blocks_for(n), kThreads, x, y, n, guard, device.failed, fault);
    };
    // A variable is written when all of x is known to be finite; over itself x is only looked at.
    if (guard != nullptr) TRY(check(const_cast<T*>(x)));
    return check(static_cast<T*>(buffers[1]));
  }
  Status explain(const Fault& found) const override {
    const auto kinds = ~static_cast<unsigned long long>(found.value);
    return Status::error(Code::kInvalidArgument, "%s : Tensor had %s values", message.c_str(),
                         kinds == (kInf | kNaN) ? "Inf and NaN" : kinds == kNaN ? "NaN" : "Inf");
  }
};

template <class T>
Status make(const StepDesc& desc, Device& device, StepPointer& pointer) {
  auto step = std::make_unique<CheckStep<T>>();
  step->n = desc.inputs[0].size;
  step->message = desc.symbols[Words(desc).i32()];
  step->guard = guard_of(desc, device);
  TRY(step->memory.allocate(device, sizeof(Fault)));
  step->fault = step->memory.template as<Fault>();
  pointer = std::move(step);
  return {};
}

}  // namespace

Status prepare_check_numerics(const StepDesc& desc, Device& device, StepPointer& step) {
  return desc.inputs[0].dtype == DType::kFloat32 ? make<float>(desc, device, step) : make<double>(desc, device, step);
}

}  // namespace grafo::cuda
