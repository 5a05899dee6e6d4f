// Kernels of Reduce: product, maximum, minimum, all and any.
#include "cuda/reduce.cuh"

namespace grafo::cuda {
namespace {

template <class Reducer, class T>
constexpr const ReduceKernels* kOf = &reduce::kKernels<Reducer, T, T, T, false>;

// Products of integers are those of the unsigned type U.
template <class T, class U>
const ReduceKernels* order_kernels(ReduceOp op) {
  if (op == ReduceOp::kProd) return kOf<math::ProdReducer, U>;
  if (op == ReduceOp::kMax) return kOf<math::MaxReducer, T>;
  if (op == ReduceOp::kMin) return kOf<math::MinReducer, T>;
  return nullptr;
}

}  // namespace

const ReduceKernels* find_order_kernels(ReduceOp op, DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return order_kernels<float, float>(op);
    case DType::kFloat64:
      return order_kernels<double, double>(op);
    case DType::kInt8:
      return order_kernels<int8_t, uint8_t>(op);
    case DType::kUint8:
      return order_kernels<uint8_t, uint8_t>(op);
    case DType::kInt16:
      return order_kernels<int16_t, uint16_t>(op);
    case DType::kUint16:
      return order_kernels<uint16_t, uint16_t>(op);
    case DType::kInt32:
      return order_kernels<int32_t, uint32_t>(op);
    case DType::kUint32:
      return order_kernels<uint32_t, uint32_t>(op);
    case DType::kInt64:
      return order_kernels<int64_t, uint64_t>(op);
    case DType::kUint64:
      return order_kernels<uint64_t, uint64_t>(op);
    case DType::kBool:
      if (op == ReduceOp::kAll) return kOf<math::AllReducer, uint8_t>;
      return op == ReduceOp::kAny ? kOf<math::AnyReducer, uint8_t> : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace grafo::cuda
