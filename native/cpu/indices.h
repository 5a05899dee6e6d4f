// Indices that come as data: checked all before anything is written, and named in the error as TensorFlow names them.
#pragma once
#include <algorithm>
#include <limits>

#include "cpu/prepared.h"

namespace grafo::cpu {

// Shape of an index tensor, to tell where a bad one stands.
struct IndexShape {
  DType dtype;
  int32_t rank;
  int64_t dims[kMaxRank];
  int64_t size;

  explicit IndexShape(const TensorDesc& desc) : dtype(desc.dtype), rank(desc.rank), size(desc.size) {
    for (int d = 0; d < rank; ++d) dims[d] = desc.dims[d];
  }
  int64_t at(const void* indices, int64_t i) const {
    return dtype == DType::kInt32 ? static_cast<const int32_t*>(indices)[i]
                                  : static_cast<const int64_t*>(indices)[i];
  }
  // `n` of them from `begin` on.
  void copy(const void* indices, int64_t begin, int64_t n, int64_t* to) const {
    if (dtype == DType::kInt32)
      std::copy_n(static_cast<const int32_t*>(indices) + begin, n, to);
    else
      std::copy_n(static_cast<const int64_t*>(indices) + begin, n, to);
  }
  // "[1,2]", or nothing for a scalar.
  void where(int64_t i, char* text, size_t bytes) const {
    int64_t at[kMaxRank];
    for (int d = rank - 1; d >= 0; --d) {
      at[d] = i % dims[d];
      i /= dims[d];
    }
    size_t used = 0;
    text[0] = '\0';
    for (int d = 0; d < rank && used < bytes; ++d)
      used += static_cast<size_t>(snprintf(text + used, bytes - used, "%s%lld", d == 0 ? "[" : ",",
                                           static_cast<long long>(at[d])));
    if (rank > 0 && used < bytes) snprintf(text + used, bytes - used, "]");
  }
  // The first index outside [0, limit), or -1. `low` is what is still let through below 0.
  template <class I>
  int64_t first_bad(const void* indices, int64_t limit, int64_t low = 0) const {
    const I* const index = static_cast<const I*>(indices);
    const I lowest = static_cast<I>(std::max<int64_t>(low, std::numeric_limits<I>::min()));
    const I highest = static_cast<I>(std::min<int64_t>(limit - 1, std::numeric_limits<I>::max()));
    // Many at a time, in vectors; where one of them is bad, they are looked through.
    constexpr int64_t kBlock = 256;
    for (int64_t begin = 0; begin < size; begin += kBlock) {
      const int64_t end = std::min(begin + kBlock, size);
      I least = index[begin], greatest = index[begin];
      for (int64_t i = begin; i < end; ++i) {
        const I here = index[i];
        least = here < least ? here : least;
        greatest = here > greatest ? here : greatest;
      }
      if (least >= lowest && greatest <= highest) continue;
      for (int64_t i = begin; i < end; ++i)
        if (index[i] < lowest || index[i] > highest) return i;
    }
    return -1;
  }
  Status check(const void* indices, int64_t limit) const {
    const int64_t bad = dtype == DType::kInt32 ? first_bad<int32_t>(indices, limit)
                                               : first_bad<int64_t>(indices, limit);
    if (bad < 0) return Status();
    char place[200];
    where(bad, place, sizeof place);
    return Status::error(Code::kInvalidArgument, "indices%s = %lld is not in [0, %lld)", place,
                         static_cast<long long>(at(indices, bad)), static_cast<long long>(limit));
  }
};

}  // namespace grafo::cpu
