// See indices.h.
#include "cuda/indices.h"

namespace grafo::cuda {
namespace {

template <class Index>
__device__ void check_part(const Index* indices, int64_t n, int64_t low, int64_t limit, Fault* fault, int64_t first,
                           int64_t stride) {
  for (int64_t i = first; i < n; i += stride) {
    const int64_t index = indices[i];
    if (index < low || index >= limit) lower(fault, static_cast<unsigned long long>(i));
  }
}

template <class Index>
__device__ void tell(const Index* indices, Fault* fault, unsigned* failed) {
  const unsigned long long first = fault->first;
  if (first == kNoFault) return;
  if (first < kOtherFault) fault->value = indices[first];
  *failed = 1;
}

template <class Index>
__global__ void check_kernel(const Index* indices, int64_t n, int64_t low, int64_t limit, Fault* fault) {
  check_part(indices, n, low, limit, fault, int64_t{blockIdx.x} * blockDim.x + threadIdx.x,
             int64_t{gridDim.x} * blockDim.x);
}

template <class Index>
__global__ void tell_kernel(const Index* indices, Fault* fault, unsigned* failed) {
  tell(indices, fault, failed);
}

// One block does all.
template <class Index>
__global__ void small_kernel(const Index* indices, int64_t n, int64_t low, int64_t limit, Fault* fault,
                             unsigned* failed) {
  if (threadIdx.x == 0) fault->first = kNoFault;
  __syncthreads();
  check_part(indices, n, low, limit, fault, threadIdx.x, blockDim.x);
  __syncthreads();
  if (threadIdx.x == 0) tell(indices, fault, failed);
}

template <class Visit>
Status dispatch(DType dtype, const void* indices, Visit&& visit) {
  if (dtype == DType::kInt32) return visit(static_cast<const int32_t*>(indices));
  return visit(static_cast<const int64_t*>(indices));
}

}  // namespace

Status IndexCheck::prepare(const TensorDesc& desc, int64_t lowest, int64_t end, Device& device) {
  dtype = desc.dtype;
  size = desc.size;
  low = lowest;
  limit = end;
  rank_ = desc.rank;
  for (int d = 0; d < rank_; ++d) dims_[d] = desc.dims[d];
  return memory_.allocate(device, sizeof(Fault));
}

Status IndexCheck::begin(Device& device) const {
  return check(cudaMemsetAsync(fault(), 0xff, sizeof(Fault), device.stream), "a memset");
}

Status IndexCheck::check_all(Device& device, const void* indices) const {
  if (size == 0) return {};
  return dispatch(dtype, indices, [&](auto* typed) {
    using Index = std::remove_const_t<std::remove_pointer_t<decltype(typed)>>;
    return launch(device, check_kernel<Index>, blocks_for(size), kThreads, typed, size, low, limit, fault());
  });
}

Status IndexCheck::end(Device& device, const void* indices) const {
  return dispatch(dtype, indices, [&](auto* typed) {
    using Index = std::remove_const_t<std::remove_pointer_t<decltype(typed)>>;
    return launch(device, tell_kernel<Index>, 1, 1, typed, fault(), device.failed);
  });
}

Status IndexCheck::run(Device& device, const void* indices) const {
  if (small()) {
    return dispatch(dtype, indices, [&](auto* typed) {
      using Index = std::remove_const_t<std::remove_pointer_t<decltype(typed)>>;
      return launch(device, small_kernel<Index>, 1, size > kThreads ? 1024 : kThreads, typed, size, low, limit, fault(),
                    device.failed);
    });
  }
  TRY(begin(device));
  TRY(check_all(device, indices));
  return end(device, indices);
}

std::string IndexCheck::where(unsigned long long place) const {
  std::string text;
  for (int d = rank_ - 1; d >= 0; --d) {
    const auto dim = static_cast<unsigned long long>(dims_[d]);
    text = (d == 0 ? "[" : ",") + std::to_string(place % dim) + text;
    place /= dim;
  }
  return rank_ == 0 ? text : text + "]";
}

}  // namespace grafo::cuda
