// A product by cuBLASLt: what it is told, the algorithm it chose, and the memory for it. Everything but addresses is fixed when a
// step is prepared, so a run is one call that a graph can record.
#pragma once
#include <memory>
#include <vector>

#include "cuda/cublaslt.h"
#include "cuda/product.h"

namespace grafo::cuda {

class LtProduct {
 public:
  LtProduct() = default;
  LtProduct(const LtProduct&) = delete;
  LtProduct& operator=(const LtProduct&) = delete;
  ~LtProduct();

  // `used` says whether the library computes it: not small products, nor those it has no algorithm for. `epilogue`: kLtEpilogueNone, or
  // what happens to elements before they are stored; with a bias that `run` is given.
  Status prepare(Device& device, const Product& product, DType dtype, LtEnum epilogue, bool* used);
  Status run(Device& device, const void* a, const void* b, void* c, const void* bias) const;
  // Whether products of NaNs come out as NaNs, by multiplying some.
  Status keeps_nan(Device& device, const Product& product, bool* keeps) const;

 private:
  struct Launch {
    int64_t a, b, c;  // offsets in bytes
  };
  Status describe(const Product& product, int32_t batches, const int64_t* strides, LtEnum epilogue);
  Status choose(uint32_t alignment_a, uint32_t alignment_b, uint32_t alignment_c, bool* used);
  Status halve(Device& device, const void** a, const void** b) const;

  std::shared_ptr<CublasLt> lt_;
  LtDataType type_ = kLtFloat, operand_type_ = kLtFloat;
  LtComputeType compute_ = kLtComputeFloat;
  LtMatmul matmul_ = nullptr;
  LtLayout first_ = nullptr, second_ = nullptr, result_ = nullptr;  // of b, a and c: the library counts by columns
  LtAlgorithm algorithm_{};
  bool has_bias_ = false;
  std::vector<Launch> launches_;
  Scratch workspace_, halves_;
  size_t workspace_bytes_ = 0;
  int64_t a_items_ = 0, b_items_ = 0;  // of operands that are converted
};

// From float32 to bfloat16, to the nearest and of two to the even one; both arrays by one launch.
Status to_bfloat16(Device& device, const float* a, uint16_t* a_to, int64_t a_items, const float* b, uint16_t* b_to,
                   int64_t b_items);

}  // namespace grafo::cuda
