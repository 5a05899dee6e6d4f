// Compiled, never run, where cuBLASLt's real headers are: every number, size and prototype of cublaslt.h is the real one. Version 12 and
// 13 alike. test/native/cudaHeaders.test.ts does it.
#include "cuda/cublaslt.h"

#include <cublasLt.h>

#include <cstddef>
#include <type_traits>

namespace {

namespace own = grafo::cuda;

#define GRAFO_SAME_VALUE(ours, theirs, value) \
  static_assert(own::ours == static_cast<long long>(theirs), #theirs " is not " #value);
GRAFO_LT_ENUMS(GRAFO_SAME_VALUE)
#undef GRAFO_SAME_VALUE

// An enum of theirs is passed as our 32-bit number.
template <class Theirs>
constexpr bool is_enum = std::is_enum_v<Theirs> && sizeof(Theirs) == sizeof(own::LtEnum);
static_assert(is_enum<cublasStatus_t> && is_enum<cudaDataType_t> && is_enum<cublasComputeType_t>);
static_assert(is_enum<cublasLtMatrixLayoutAttribute_t> && is_enum<cublasLtMatmulDescAttributes_t>);
static_assert(is_enum<cublasLtMatmulPreferenceAttributes_t> && is_enum<cublasLtEpilogue_t>);
static_assert(is_enum<cublasOperation_t> && is_enum<cublasLtReductionScheme_t>);

// A handle of theirs is a pointer, as ours is.
template <class Theirs>
constexpr bool is_handle = std::is_pointer_v<Theirs> && sizeof(Theirs) == sizeof(own::LtHandle);
static_assert(is_handle<cublasLtHandle_t> && is_handle<cublasLtMatrixLayout_t>);
static_assert(is_handle<cublasLtMatmulDesc_t> && is_handle<cublasLtMatmulPreference_t> && is_handle<cudaStream_t>);

#define GRAFO_SAME_PLACE(ours, theirs, our_member, their_member)                                              \
  static_assert(offsetof(own::ours, our_member) == offsetof(theirs, their_member) &&                          \
                    sizeof(own::ours::our_member) == sizeof(theirs::their_member),                            \
                #theirs "::" #their_member);
static_assert(sizeof(own::LtAlgorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(alignof(own::LtAlgorithm) == alignof(cublasLtMatmulAlgo_t));
static_assert(sizeof(own::LtHeuristic) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(alignof(own::LtHeuristic) == alignof(cublasLtMatmulHeuristicResult_t));
GRAFO_SAME_PLACE(LtHeuristic, cublasLtMatmulHeuristicResult_t, algorithm, algo)
GRAFO_SAME_PLACE(LtHeuristic, cublasLtMatmulHeuristicResult_t, workspace_bytes, workspaceSize)
GRAFO_SAME_PLACE(LtHeuristic, cublasLtMatmulHeuristicResult_t, state, state)
GRAFO_SAME_PLACE(LtHeuristic, cublasLtMatmulHeuristicResult_t, waves, wavesCount)
#undef GRAFO_SAME_PLACE

// The prototypes, with our names for their types.
namespace theirs {
using LtStatus = cublasStatus_t;
using LtDataType = cudaDataType_t;
using LtComputeType = cublasComputeType_t;
using LtLayoutAttribute = cublasLtMatrixLayoutAttribute_t;
using LtMatmulAttribute = cublasLtMatmulDescAttributes_t;
using LtPreferenceAttribute = cublasLtMatmulPreferenceAttributes_t;
using LtStream = cudaStream_t;
using LtHandle = cublasLtHandle_t;
using LtLayout = cublasLtMatrixLayout_t;
using LtMatmul = cublasLtMatmulDesc_t;
using LtPreference = cublasLtMatmulPreference_t;
using LtAlgorithm = cublasLtMatmulAlgo_t;
using LtHeuristic = cublasLtMatmulHeuristicResult_t;

#define GRAFO_SAME_PROTOTYPE(name, result, parameters) \
  [[maybe_unused]] auto* const k##name = static_cast<result(*) parameters>(&cublasLt##name);
GRAFO_LT_FUNCTIONS(GRAFO_SAME_PROTOTYPE)
#undef GRAFO_SAME_PROTOTYPE
}  // namespace theirs

}  // namespace
