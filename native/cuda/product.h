// A matrix product as MatMul's step describes it: one product for each of the leading dimensions, which broadcast.
#pragma once
#include "cuda/kernels.h"

namespace grafo::cuda {

struct Product {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  // Leading dimensions of c, and how far a and b move along each, in items (0 = broadcast). c moves by m * n.
  int rank = 0;
  int64_t dims[kMaxRank], a_steps[kMaxRank], b_steps[kMaxRank];
  int64_t batches = 1;

  __host__ __device__ void offsets(int64_t batch, int64_t* a, int64_t* b) const {
    *a = *b = 0;
    for (int d = rank - 1; d >= 0; --d) {
      const int64_t above = batch / dims[d], i = batch - above * dims[d];
      *a += i * a_steps[d];
      *b += i * b_steps[d];
      batch = above;
    }
  }
};

// c of a step that the CPU's backend has accepted is not empty, nor is k 0.
Product read_product(const StepDesc& desc);

// Own kernels: any product of float, double, int32 and int64.
StepPointer own_product(const Product& product, DType dtype, Device& device);

}  // namespace grafo::cuda
