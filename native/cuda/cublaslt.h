// The part of cuBLASLt that products are made with: declarations of our own, as the headers are not everywhere, and the functions
// in one list. check/cublaslt.cc compares every one of them with the real headers where these are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace grafo::cuda {

// X(ours, theirs, value)
#define GRAFO_LT_ENUMS(X)                                                                \
  X(kLtSuccess, CUBLAS_STATUS_SUCCESS, 0)                                                \
  X(kLtAllocFailed, CUBLAS_STATUS_ALLOC_FAILED, 3)                                       \
  X(kLtNotSupported, CUBLAS_STATUS_NOT_SUPPORTED, 15)                                    \
  X(kLtFloat, CUDA_R_32F, 0)                                                             \
  X(kLtDouble, CUDA_R_64F, 1)                                                            \
  X(kLtBrain, CUDA_R_16BF, 14)                                                           \
  X(kLtComputeFloat, CUBLAS_COMPUTE_32F, 68)                                             \
  X(kLtComputeDouble, CUBLAS_COMPUTE_64F, 70)                                            \
  X(kLtComputeBrain, CUBLAS_COMPUTE_32F_FAST_16BF, 75)                                   \
  X(kLtComputeTf32, CUBLAS_COMPUTE_32F_FAST_TF32, 77)                                    \
  X(kLtPlain, CUBLAS_OP_N, 0)                                                            \
  X(kLtTransposed, CUBLAS_OP_T, 1)                                                       \
  X(kLtBatchCount, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 5)                                \
  X(kLtBatchStride, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, 6)                      \
  X(kLtTransposeA, CUBLASLT_MATMUL_DESC_TRANSA, 3)                                       \
  X(kLtTransposeB, CUBLASLT_MATMUL_DESC_TRANSB, 4)                                       \
  X(kLtEpilogue, CUBLASLT_MATMUL_DESC_EPILOGUE, 7)                                       \
  X(kLtBiasPointer, CUBLASLT_MATMUL_DESC_BIAS_POINTER, 8)                                \
  X(kLtEpilogueNone, CUBLASLT_EPILOGUE_DEFAULT, 1)                                       \
  X(kLtEpilogueRelu, CUBLASLT_EPILOGUE_RELU, 2)                                          \
  X(kLtEpilogueBias, CUBLASLT_EPILOGUE_BIAS, 4)                                          \
  X(kLtEpilogueReluBias, CUBLASLT_EPILOGUE_RELU_BIAS, 6)                                 \
  X(kLtMaxWorkspace, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, 1)                        \
  X(kLtReductionMask, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, 3)                     \
  X(kLtAlignmentA, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, 5)                        \
  X(kLtAlignmentB, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, 6)                        \
  X(kLtAlignmentC, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, 7)                        \
  X(kLtAlignmentD, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, 8)                        \
  X(kLtReduceComputeType, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, 2)

// C's enums, whatever their kind: an int of 32 bits in every call.
using LtEnum = int32_t;
#define GRAFO_LT_VALUE(ours, theirs, value) constexpr LtEnum ours = value;
GRAFO_LT_ENUMS(GRAFO_LT_VALUE)
#undef GRAFO_LT_VALUE

using LtStatus = LtEnum;
using LtDataType = LtEnum;
using LtComputeType = LtEnum;
using LtLayoutAttribute = LtEnum;
using LtMatmulAttribute = LtEnum;
using LtPreferenceAttribute = LtEnum;

using LtHandle = struct LtContext*;
using LtLayout = struct LtLayoutOpaque*;
using LtMatmul = struct LtMatmulOpaque*;
using LtPreference = struct LtPreferenceOpaque*;
using LtStream = void*;

// What an algorithm is, is the library's business: it is kept and handed back.
struct LtAlgorithm {
  uint64_t data[8];
};
struct LtHeuristic {
  LtAlgorithm algorithm;
  size_t workspace_bytes;
  LtStatus state;
  float waves;
  int32_t reserved[4];
};

// X(function without its prefix, result, parameters)
#define GRAFO_LT_FUNCTIONS(X)                                                                                        \
  X(GetVersion, size_t, (void))                                                                                      \
  X(GetStatusName, const char*, (LtStatus))                                                                          \
  X(GetStatusString, const char*, (LtStatus))                                                                        \
  X(Create, LtStatus, (LtHandle*))                                                                                   \
  X(Destroy, LtStatus, (LtHandle))                                                                                   \
  X(MatrixLayoutCreate, LtStatus, (LtLayout*, LtDataType, uint64_t, uint64_t, int64_t))                              \
  X(MatrixLayoutDestroy, LtStatus, (LtLayout))                                                                       \
  X(MatrixLayoutSetAttribute, LtStatus, (LtLayout, LtLayoutAttribute, const void*, size_t))                          \
  X(MatmulDescCreate, LtStatus, (LtMatmul*, LtComputeType, LtDataType))                                              \
  X(MatmulDescDestroy, LtStatus, (LtMatmul))                                                                         \
  X(MatmulDescSetAttribute, LtStatus, (LtMatmul, LtMatmulAttribute, const void*, size_t))                            \
  X(MatmulPreferenceCreate, LtStatus, (LtPreference*))                                                               \
  X(MatmulPreferenceDestroy, LtStatus, (LtPreference))                                                               \
  X(MatmulPreferenceSetAttribute, LtStatus, (LtPreference, LtPreferenceAttribute, const void*, size_t))              \
  X(MatmulAlgoGetHeuristic, LtStatus,                                                                                \
    (LtHandle, LtMatmul, LtLayout, LtLayout, LtLayout, LtLayout, LtPreference, int, LtHeuristic*, int*))             \
  X(Matmul, LtStatus,                                                                                                \
    (LtHandle, LtMatmul, const void*, const void*, LtLayout, const void*, LtLayout, const void*, const void*,        \
     LtLayout, void*, LtLayout, const LtAlgorithm*, void*, size_t, LtStream))

// The library as one session uses it.
class CublasLt {
 public:
#define GRAFO_LT_MEMBER(name, result, parameters) result(*name) parameters = nullptr;
  GRAFO_LT_FUNCTIONS(GRAFO_LT_MEMBER)
#undef GRAFO_LT_MEMBER

  CublasLt() = default;
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;
  ~CublasLt();

  // Looks for the library. Where there is none that serves, `found` stays false and `text` says why.
  void find();
  bool found() const { return found_; }
  // "cuBLASLt 13.1.0 (/where/it/lies)", or why there is none.
  const std::string& text() const { return text_; }

  // Makes the handle, the first time.
  Status open();
  LtHandle handle() const { return handle_; }
  // RESOURCE_EXHAUSTED for memory, else INTERNAL, with the library's name of the error.
  Status check(LtStatus status, const char* what) const;

 private:
  bool found_ = false;
  std::string text_;
  LtHandle handle_ = nullptr;
};

}  // namespace grafo::cuda
