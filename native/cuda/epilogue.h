// Says whether the tape of a MatMulFused is one of the endings that libraries of matrix products have themselves.
#pragma once
#include "runtime/backend.h"

namespace grafo::cuda {

struct Ending {
  enum class Kind { kOther, kBias, kRelu, kBiasRelu, kReluGrad, kReluGradBiasGrad };
  Kind kind = Kind::kOther;
  // Positions among the step's inputs and outputs, -1 where the ending has none.
  int bias = -1;      // n elements that are added to each row
  int features = -1;  // ReluGrad: the elements of an array like c, by whose sign the product's pass
  int result = -1;    // the output that is like c
  int bias_grad = -1; // the output of n elements: the sums of the result's columns
};

// Of a step that the CPU's backend has accepted.
Ending recognise_ending(const StepDesc& desc);

}  // namespace grafo::cuda
