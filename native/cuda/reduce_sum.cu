// Kernels of Reduce: sum and mean. Integers wrap, so their sums are those of the unsigned type; their means are of 64-bit sums.
#include "cuda/reduce.cuh"

namespace grafo::cuda {
namespace {

template <class T>
constexpr const ReduceKernels* kFloat = &reduce::kKernels<math::SumReducer, T, T, T, true>;
template <class U>
constexpr const ReduceKernels* kSum = &reduce::kKernels<math::SumReducer, U, U, U, false>;
template <class T, class A>
constexpr const ReduceKernels* kMean = &reduce::kKernels<math::SumReducer, A, T, T, true>;

}  // namespace

const ReduceKernels* find_sum_kernels(ReduceOp op, DType dtype) {
  const bool mean = op == ReduceOp::kMean;
  switch (dtype) {
    case DType::kFloat32:
      return kFloat<float>;
    case DType::kFloat64:
      return kFloat<double>;
    case DType::kInt8:
      return mean ? kMean<int8_t, int64_t> : kSum<uint8_t>;
    case DType::kUint8:
      return mean ? kMean<uint8_t, uint64_t> : kSum<uint8_t>;
    case DType::kInt16:
      return mean ? kMean<int16_t, int64_t> : kSum<uint16_t>;
    case DType::kUint16:
      return mean ? kMean<uint16_t, uint64_t> : kSum<uint16_t>;
    case DType::kInt32:
      return mean ? kMean<int32_t, int64_t> : kSum<uint32_t>;
    case DType::kUint32:
      return mean ? kMean<uint32_t, uint64_t> : kSum<uint32_t>;
    case DType::kInt64:
      return mean ? kMean<int64_t, int64_t> : kSum<uint64_t>;
    case DType::kUint64:
      return mean ? kMean<uint64_t, uint64_t> : kSum<uint64_t>;
    default:
      return nullptr;
  }
}

}  // namespace grafo::cuda
