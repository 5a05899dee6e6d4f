// A matrix product as MatMul's step describes it: one product for each of the leading dimensions, which broadcast.
#pragma once
#include "cuda/epilogue.h"
#include "cuda/kernels.h"
#include "cuda/reduce.h"

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

// Whether there is something to multiply: neither c is empty nor k 0.
bool is_product(const StepDesc& desc);
// Of a step that is.
Product read_product(const StepDesc& desc);

// Pieces of k, each multiplied by blocks of its own, whose results are added by the kernels of Reduce. How many follows from the shape
// alone, so the bits are the same on every device.
struct Pieces {
  int64_t count = 1, of_k = 0;  // the last one may be shorter
  Scratch partial;              // a c for each piece, where there are several
  Reduction sum;

  // At most `wanted` pieces of at least `least` of k, a multiple of `unit`.
  Status prepare(Device& device, const Product& product, DType dtype, int64_t wanted, int64_t least, int64_t unit);
  void* target(void* c) const { return count == 1 ? c : partial.as<void>(); }
  Status finish(Device& device, void* c) const {
    return count == 1 ? Status() : sum.run(device, partial.as<void>(), c, nullptr);
  }
};

// Own kernels: any product of float, double, int32 and int64.
Status tiled_product(const Product& product, DType dtype, Device& device, StepPointer& step);
// The same where m or n is 1.
Status vector_product(const Product& product, DType dtype, Device& device, StepPointer& step);

// By cuBLASLt; leaves `step` empty where that is not here or not worth it.
Status library_product(const Product& product, DType dtype, Device& device, StepPointer& step);
// A product and what its tape does, where the library does that too; leaves `step` empty else.
Status library_ending(const StepDesc& desc, const Ending& ending, const Product& product, Device& device,
                      StepPointer& step);

}  // namespace grafo::cuda
