// What the kernels of products share: one multiplication and its addition. Sums are taken in the order of k by one thread.
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

}  // namespace
}  // namespace grafo::cuda
