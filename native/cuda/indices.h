// Indices that come as data: checked by the device, and named in the error as TensorFlow names them.
#pragma once
#include <cstdio>
#include <string>

#include "cuda/kernels.h"

namespace grafo::cuda {

// Places of other faults than a bad index come behind all of those, so that a bad index is told first.
constexpr unsigned long long kOtherFault = 1ull << 62;

// An index tensor, where its elements must lie, and the fault of the step that reads it.
class IndexCheck {
 public:
  // Indices below `low`, and from `limit` on, are bad.
  Status prepare(const TensorDesc& desc, int64_t low, int64_t limit, Device& device);

  // Resets the fault, checks all indices and sets Device::failed.
  Status run(Device& device, const void* indices) const;
  // The same in parts, for kernels that check while they read.
  Status begin(Device& device) const;
  Status check_all(Device& device, const void* indices) const;
  Status end(Device& device, const void* indices) const;
  // Whether `run` is one launch.
  bool small() const { return size <= kSmall; }

  Fault* fault() const { return memory_.as<Fault>(); }
  // "[1,2]", or nothing for a scalar.
  std::string where(unsigned long long place) const;

  DType dtype = DType::kInt32;
  int64_t size = 0, low = 0, limit = 0;

 private:
  static constexpr int64_t kSmall = 1 << 14;
  Scratch memory_;
  int32_t rank_ = 0;
  int64_t dims_[kMaxRank];
};

// Lowers a fault's place to that of one more bad element.
__device__ inline void lower(Fault* fault, unsigned long long place) { atomicMin(&fault->first, place); }

}  // namespace grafo::cuda
