// Updates of some rows of a variable: ScatterUpdate and SparseApplyMomentum. Nothing is written where an index is bad.
#include "cuda/dispatch.h"
#include "cuda/row_order.h"
#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

enum Op { kAssign, kAdd, kSub, kMul, kDiv, kMin, kMax };

template <Op op, class T>
__device__ T update(T old, T by) {
  if constexpr (op == kAdd) return static_cast<T>(old + by);
  if constexpr (op == kSub) return static_cast<T>(old - by);
  // 16-bit numbers must not be promoted to int, which could overflow.
  if constexpr (op == kMul && sizeof(T) == 2) return static_cast<T>(uint32_t{old} * by);
  if constexpr (op == kMul && sizeof(T) != 2) return static_cast<T>(old * by);
  if constexpr (op == kDiv && std::is_signed_v<T> && !std::is_floating_point_v<T>) {
    // The lowest number by -1 wraps around.
    if (by == T(-1)) return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(old));
  }
  if constexpr (op == kDiv) return static_cast<T>(old / by);
  if constexpr (op == kMin) return by < old ? by : old;
  if constexpr (op == kMax) return old < by ? by : old;
  return by;
}

template <Op op, class T>
struct UpdateRows {
  const T* updates;
  T* var;
  int64_t inner;
  bool scalar;  // updates are one number
  const unsigned* failed;

  __device__ bool stop() const { return *failed != 0; }
  __device__ void begin(int64_t, int64_t) const {}
  __device__ void operator()(int64_t row, int64_t source, int64_t column) const {
    T& old = var[row * inner + column];
    old = update<op>(old, updates[scalar ? 0 : source * inner + column]);
  }
};

// Integers are not divided at all where one divisor is 0.
template <class T>
__global__ void divisor_kernel(const T* updates, int64_t n, Fault* fault) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += stride) {
    if (updates[i] == 0) lower(fault, kOtherFault);
  }
}

struct ScatterBase : PreparedStep {
  IndexCheck indices;
  int64_t inner = 0;
  bool scalar = false;
  Status explain(const Fault& found) const override {
    if (found.first >= kOtherFault) return Status::error(Code::kInvalidArgument, "Integer division by zero");
    return Status::error(Code::kInvalidArgument, "indices%s = %lld is not in [0, %lld)",
                         indices.where(found.first).c_str(), found.value, static_cast<long long>(indices.limit));
  }
};

template <Op op, class T>
struct ScatterStep final : ScatterBase {
  Status run(Device& device, RunContext&, void* const* buffers) override {
    const T* const updates = static_cast<const T*>(buffers[1]);
    const int64_t divisors = indices.size == 0 || inner == 0 ? 0 : scalar ? 1 : indices.size * inner;
    if (op == kDiv && !std::is_floating_point_v<T> && divisors != 0) {
      TRY(indices.begin(device));
      TRY(indices.check_all(device, buffers[0]));
      TRY(launch(device, divisor_kernel<T>, blocks_for(divisors), kThreads, updates, divisors, fault));
      TRY(indices.end(device, buffers[0]));
    } else {
      TRY(indices.run(device, buffers[0]));
    }
    if (indices.size == 0) return {};
    return launch_rows(device, indices, buffers[0], indices.limit, inner,
                       UpdateRows<op, T>{updates, static_cast<T*>(buffers[2]), inner, scalar, device.failed});
  }
};

template <class T>
std::unique_ptr<ScatterBase> make_scatter(int op) {
  using W = Wrapping<T>;
  switch (op) {
    case kAdd:
      return std::make_unique<ScatterStep<kAdd, W>>();
    case kSub:
      return std::make_unique<ScatterStep<kSub, W>>();
    case kMul:
      return std::make_unique<ScatterStep<kMul, W>>();
    case kDiv:
      return std::make_unique<ScatterStep<kDiv, T>>();
    case kMin:
      return std::make_unique<ScatterStep<kMin, T>>();
    default:
      return std::make_unique<ScatterStep<kMax, T>>();
  }
}

template <class T>
struct MomentumRows {
  const T *rate, *grad, *momentum;
  T *var, *accum;
  int64_t inner;
  bool nesterov;
  const unsigned* failed;

  __device__ bool stop() const { return *failed != 0; }
  __device__ void begin(int64_t, int64_t) const {}
  __device__ void operator()(int64_t row, int64_t source, int64_t column) const {
    const int64_t at = row * inner + column;
    const T g = grad[source * inner + column];
    const T a = accum[at] * *momentum + g;
    accum[at] = a;
    var[at] -= nesterov ? *rate * g + *rate * *momentum * a : *rate * a;
  }
};

template <class T>
struct MomentumStep final : PreparedStep {
  IndexCheck indices;
  int64_t inner;
  bool nesterov;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    TRY(indices.run(device, buffers[2]));
    if (indices.size == 0) return {};
    const MomentumRows<T> rows{static_cast<const T*>(buffers[0]),
                               static_cast<const T*>(buffers[1]),
                               static_cast<const T*>(buffers[3]),
                               static_cast<T*>(buffers[4]),
                               static_cast<T*>(buffers[5]),
                               inner,
                               nesterov,
                               device.failed};
    return launch_rows(device, indices, buffers[2], indices.limit, inner, rows);
  }
  Status explain(const Fault& found) const override {
    return Status::error(Code::kInvalidArgument, "Index %lld at offset %lld in indices is out of range", found.value,
                         static_cast<long long>(found.first));
  }
};

template <class T>
Status make_momentum(const StepDesc& desc, Device& device, StepPointer& step) {
  auto momentum = std::make_unique<MomentumStep<T>>();
  const TensorDesc& var = desc.outputs[0];
  TRY(momentum->indices.prepare(desc.inputs[2], 0, var.dims[0], device));
  momentum->inner = var.size == 0 ? 0 : extent(var, 1, var.rank);
  momentum->nesterov = Words(desc).i32() != 0;
  momentum->fault = momentum->indices.fault();
  step = std::move(momentum);
  return {};
}

}  // namespace

Status prepare_scatter_update(const StepDesc& desc, Device& device, StepPointer& step) {
  const TensorDesc &updates = desc.inputs[1], &var = desc.outputs[0];
  const int op = Words(desc).i32();
  std::unique_ptr<ScatterBase> scatter;
  if (op == kAssign) {
    dispatch_bytes(static_cast<int64_t>(item_size(var.dtype)), [&](auto type) {
      scatter = std::make_unique<ScatterStep<kAssign, typename decltype(type)::type>>();
    });
  } else {
    dispatch_numeric(var.dtype, [&](auto type) { scatter = make_scatter<typename decltype(type)::type>(op); });
  }
  TRY(scatter->indices.prepare(desc.inputs[0], 0, var.dims[0], device));
  scatter->inner = var.size == 0 ? 0 : extent(var, 1, var.rank);
  scatter->scalar = updates.rank == 0;
  scatter->fault = scatter->indices.fault();
  step = std::move(scatter);
  return {};
}

Status prepare_sparse_momentum(const StepDesc& desc, Device& device, StepPointer& step) {
  return desc.outputs[0].dtype == DType::kFloat32 ? make_momentum<float>(desc, device, step)
                                                  : make_momentum<double>(desc, device, step);
}

}  // namespace grafo::cuda
