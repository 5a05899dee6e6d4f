// What the kernels of products share: one multiplication and its addition, and their types. Sums are taken in the order of k by one thread.
#pragma once
#include "cuda/product.h"
#include "math/base.h"

namespace grafo::cuda {
namespace {

__device__ inline float add_product(float a, float b, float sum) { return math::fma(a, b, sum); }
__device__ inline double add_product(double a, double b, double sum) { return math::fma(a, b, sum); }
// Integers are unsigned here: they wrap around.
template <class T>
__device__ T add_product(T a, T b, T sum) {
  return sum + a * b;
}

// make(T{}) for the type that a kernel of products has for a dtype.
template <class Make>
Status by_product_type(DType dtype, Make&& make) {
  switch (dtype) {
    case DType::kFloat32:
      return make(float{});
    case DType::kFloat64:
      return make(double{});
    case DType::kInt32:
      return make(uint32_t{});
    default:
      return make(uint64_t{});
  }
}

}  // namespace
}  // namespace grafo::cuda
