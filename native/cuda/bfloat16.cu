// Operands of a product in bfloat16, from float32.
#include "cuda/lt_product.h"
#include "math/base.h"

namespace grafo::cuda {
namespace {

__device__ uint64_t round_to_bfloat16(uint32_t bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

struct Operand {
  const uint32_t* from;
  uint16_t* to;
  int64_t items;
};

// A thread takes four neighbours. Both sides begin at multiples of 16 bytes.
__global__ void bfloat16_kernel(Operand a, Operand b) {
  const Operand x = blockIdx.y == 0 ? a : b;
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < (x.items + 3) / 4; i += step) {
    if (4 * i + 4 <= x.items) {
      const uint4 four = reinterpret_cast<const uint4*>(x.from)[i];
      reinterpret_cast<uint64_t*>(x.to)[i] = round_to_bfloat16(four.x) | round_to_bfloat16(four.y) << 16 |
                                             round_to_bfloat16(four.z) << 32 | round_to_bfloat16(four.w) << 48;
    } else {
      for (int64_t e = 4 * i; e < x.items; ++e) x.to[e] = static_cast<uint16_t>(round_to_bfloat16(x.from[e]));
    }
  }
}

}  // namespace

Status to_bfloat16(Device& device, const float* a, uint16_t* a_to, int64_t a_items, const float* b, uint16_t* b_to,
                   int64_t b_items) {
  dim3 grid = blocks_for(((a_items > b_items ? a_items : b_items) + 3) / 4);
  grid.y = 2;
  return launch(device, bfloat16_kernel, grid, kThreads,
                Operand{reinterpret_cast<const uint32_t*>(a), a_to, a_items},
                Operand{reinterpret_cast<const uint32_t*>(b), b_to, b_items});
}

}  // namespace grafo::cuda
