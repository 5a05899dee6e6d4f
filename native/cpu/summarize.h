// Values as TensorFlow prints them in messages (Tensor::SummarizeValue).
#pragma once
#include <string>

#include "cpu/prepared.h"

namespace grafo::cpu {

// At most `most` elements (all where negative), inner dimensions in brackets, "..." for the rest.
std::string summarize(DType dtype, int rank, const int64_t* dims, int64_t size, const void* data,
                      int64_t most);

}  // namespace grafo::cpu
