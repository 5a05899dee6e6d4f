// Products and transposes, as one translation unit.
#include "cpu/gemm_blocked.cc"
#include "cpu/gemm_thin.cc"
#include "cpu/gemm_vector_product.cc"
#include "cpu/matmul.cc"
#include "cpu/matmul_fused.cc"
#include "cpu/transpose.cc"
