// SoftmaxXent and SparseSoftmaxXent: loss and gradient of each row in one pass over it.
#include <algorithm>
#include <string>

#include "cuda/kernels.h"
#include "cuda/softmax.cuh"

namespace grafo::cuda {
namespace {

template <class T, int kPer>
__global__ void __launch_bounds__(kThreads) xent_kernel(const T* logits, const T* labels, T* loss, T* backprop,
                                                        int64_t rows, int64_t columns, int count, const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  softmax::for_rows<T, kPer>(rows, count, [&](int64_t r, bool exists, const softmax::Lanes<T, kPer>& lanes) {
    const softmax::Row<T, kPer> row(logits + r * columns, columns, lanes.lane(), count);
    const T most = softmax::most_of(row, lanes);
    const T sum = softmax::sum_of(row, most, lanes);
    const T logarithm = math::log(sum), scale = T(1) / sum;
    const T* const target = labels + r * columns;
    T* const to = backprop + r * columns;
    T total = 0;
    row.each([&](int64_t c, T value) {
      const T label = target[c], shifted = value - most;
      total += label * (logarithm - shifted);
      if (exists) to[c] = math::exp(shifted) * scale - label;
    });
    total = lanes.template all<softmax::Sum<T>>(total);
    if (exists && lanes.lane() == 0) loss[r] = total;
  });
}

// Labels that the text of an error has room for.
constexpr int64_t kTold = Status::kTextBytes / 2;

template <class T, class I, int kPer>
__global__ void __launch_bounds__(kThreads)
    sparse_xent_kernel(const T* logits, const I* labels, T* loss, T* backprop, int64_t rows, int64_t columns, int count,
                       const unsigned* guard, unsigned* failed, Fault* fault, int64_t* told) {
  if (guard != nullptr && *guard != 0) return;
  softmax::for_rows<T, kPer>(rows, count, [&](int64_t r, bool exists, const softmax::Lanes<T, kPer>& lanes) {
    const softmax::Row<T, kPer> row(logits + r * columns, columns, lanes.lane(), count);
    const T most = softmax::most_of(row, lanes);
    const T sum = softmax::sum_of(row, most, lanes);
    if (!exists) return;
    const int64_t label = labels[r];
    if (lanes.lane() == 0) {
      told[r] = label;
      const bool is_class = label >= 0 && label < columns;
      loss[r] = is_class ? math::log(sum) - (logits[r * columns + label] - most) : math::kNaN<T>;
      if (!is_class) {
        atomicMin(&fault->first, static_cast<unsigned long long>(r));
        *failed = 1;
      }
    }
    const T scale = T(1) / sum;
    T* const to = backprop + r * columns;
    row.each([&](int64_t c, T value) { to[c] = math::exp(value - most) * scale - (c == label ? T(1) : T(0)); });
  });
}

// Where a variable is written: all labels are looked at before any row is.
template <class I>
__global__ void labels_kernel(const I* labels, int64_t rows, int64_t columns, unsigned* failed, Fault* fault,
                              int64_t* told) {
  for (int64_t r = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; r < rows; r += int64_t{gridDim.x} * blockDim.x) {
    const int64_t label = labels[r];
    told[r] = label;
    if (label >= 0 && label < columns) continue;
    atomicMin(&fault->first, static_cast<unsigned long long>(r));
    *failed = 1;
  }
}

template <class T>
__global__ void zero_loss_kernel(T* loss, int64_t rows, const unsigned* guard) {
  if (guard != nullptr && *guard != 0) return;
  for (int64_t r = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; r < rows; r += int64_t{gridDim.x} * blockDim.x)
    loss[r] = T(0);
}

template <class T>
struct XentStep final : PreparedStep {
  int64_t rows = 0, columns = 0;
  const unsigned* guard = nullptr;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    if (rows == 0) return {};
    T* const loss = static_cast<T*>(buffers[2]);
    if (columns == 0) return launch(device, zero_loss_kernel<T>, blocks_for(rows), kThreads, loss, rows, guard);
    return softmax::by_length<T>(columns, [&]<int kPer>(int count) {
      return launch(device, xent_kernel<T, kPer>, blocks_for(rows, kThreads / count), kThreads,
                    static_cast<const T*>(buffers[0]), static_cast<const T*>(buffers[1]), loss,
                    static_cast<T*>(buffers[3]), rows, columns, count, guard);
    });
  }
};

template <class T, class I>
struct SparseXentStep final : PreparedStep {
  int64_t rows = 0, columns = 0;
  const unsigned* guard = nullptr;
  Device* device_ = nullptr;
  Scratch memory;  // the fault, then labels as they were

  Status prepare(Device& device) {
    device_ = &device;
    TRY(memory.allocate(device, sizeof(Fault) + static_cast<size_t>(rows) * sizeof(int64_t)));
    fault = memory.as<Fault>();
    return {};
  }
  Status run(Device& device, RunContext&, void* const* buffers) override {
    TRY(forget_fault(device, fault));
    if (rows == 0) return {};
    if (guard != nullptr) {
      TRY(launch(device, labels_kernel<I>, blocks_for(rows), kThreads, static_cast<const I*>(buffers[1]), rows, columns,
                 device.failed, fault, reinterpret_cast<int64_t*>(fault + 1)));
    }
    return softmax::by_length<T>(columns, [&]<int kPer>(int count) {
      return launch(device, sparse_xent_kernel<T, I, kPer>, blocks_for(rows, kThreads / count), kThreads,
                    static_cast<const T*>(buffers[0]), static_cast<const I*>(buffers[1]), static_cast<T*>(buffers[2]),
                    static_cast<T*>(buffers[3]), rows, columns, count, guard, device.failed, fault,
                    reinterpret_cast<int64_t*>(fault + 1));
    });
  }

  Status fetch(int64_t* to, const int64_t* from, size_t n) const {
    TRY(check(cudaMemcpyAsync(to, from, n * sizeof *to, cudaMemcpyDeviceToHost, device_->stream), "a copy to the host"));
    return check(cudaStreamSynchronize(device_->stream), "a run");
  }
  Status explain(const Fault& found) const override {
    std::vector<int64_t> labels(static_cast<size_t>(std::min(rows, kTold)));
    int64_t bad = 0;
    const auto* const all = reinterpret_cast<const int64_t*>(fault + 1);
    TRY(fetch(labels.data(), all, labels.size()));
    TRY(fetch(&bad, all + found.first, 1));
    std::string values;
    for (size_t i = 0; i < labels.size() && values.size() < Status::kTextBytes; ++i)
      values += (i > 0 ? " " : "") + std::to_string(labels[i]);
    return Status::error(Code::kInvalidArgument,
                         "Received a label value of %lld which is outside the valid range of [0, %lld)."
                         "  Label values: %s",
                         static_cast<long long>(bad), static_cast<long long>(columns), values.c_str());
  }
};

template <class Step>
std::unique_ptr<Step> make(const StepDesc& desc, Device& device) {
  auto step = std::make_unique<Step>();
  step->rows = desc.inputs[0].dims[0];
  step->columns = desc.inputs[0].dims[1];
  step->guard = guard_of(desc, device);
  return step;
}

template <class T, class I>
Status make_sparse(const StepDesc& desc, Device& device, StepPointer& pointer) {
  auto step = make<SparseXentStep<T, I>>(desc, device);
  TRY(step->prepare(device));
  pointer = std::move(step);
  return {};
}

}  // namespace

Status prepare_softmax_xent(const StepDesc& desc, Device& device, StepPointer& step) {
  if (desc.inputs[0].dtype == DType::kFloat32) step = make<XentStep<float>>(desc, device);
  else step = make<XentStep<double>>(desc, device);
  return {};
}

Status prepare_sparse_softmax_xent(const StepDesc& desc, Device& device, StepPointer& step) {
  const bool narrow = desc.inputs[1].dtype == DType::kInt32;
  if (desc.inputs[0].dtype == DType::kFloat32)
    return narrow ? make_sparse<float, int32_t>(desc, device, step) : make_sparse<float, int64_t>(desc, device, step);
  return narrow ? make_sparse<double, int32_t>(desc, device, step) : make_sparse<double, int64_t>(desc, device, step);
}

}  // namespace grafo::cuda
