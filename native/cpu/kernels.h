// THE list of kernels of the CPU backend: the Plan's kernel name and the function that verifies and prepares one step of it.
#pragma once
#include "cpu/prepared.h"

namespace grafo::cpu {

// Checks everything the Plan says against the kernel's row in docs/inside/plan.md, and fills `step`.
using Prepare = Status (*)(const StepDesc& desc, const HostServices& host, StepPointer& step);

// X(kernel, prepare function). A kernel is one row here and one function of the type above; names in the order of the table.
#define GRAFO_CPU_KERNELS(X)                        \
  X(Fused, prepare_fused)                           \
  X(FusedBatch, prepare_fused_batch)                \
  X(FusedRows, prepare_fused_rows)                  \
  X(Copy, prepare_copy)                             \
  X(Fill, prepare_fill)                             \
  X(Reduce, prepare_reduce)                         \
  X(ArgReduce, prepare_arg_reduce)                  \
  X(Cumulative, prepare_cumulative)                 \
  X(MatMul, prepare_matmul)                         \
  X(MatMulFused, prepare_matmul_fused)              \
  X(Transpose, prepare_transpose)                   \
  X(Concat, prepare_concat)                         \
  X(Slice, prepare_slice)                           \
  X(SliceGrad, prepare_slice_grad)                  \
  X(MirrorPad, prepare_mirror_pad)                  \
  X(MirrorPadGrad, prepare_mirror_pad_grad)         \
  X(Tile, prepare_tile)                             \
  X(Gather, prepare_gather)                         \
  X(SegmentSum, prepare_segment_sum)                \
  X(ScatterUpdate, prepare_scatter_update)          \
  X(SparseApplyMomentum, prepare_sparse_momentum)   \
  X(OneHot, prepare_one_hot)                        \
  X(Range, prepare_range)                           \
  X(LinSpace, prepare_linspace)                     \
  X(Unique, prepare_unique)                         \
  X(Where, prepare_where)                           \
  X(BooleanMask, prepare_boolean_mask)              \
  X(RandomUniform, prepare_random_uniform)          \
  X(RandomUniformInt, prepare_random_int)           \
  X(RandomStandardNormal, prepare_random_normal)    \
  X(TruncatedNormal, prepare_truncated_normal)      \
  X(Softmax, prepare_softmax)                       \
  X(LogSoftmax, prepare_log_softmax)                \
  X(SoftmaxXent, prepare_softmax_xent)              \
  X(SparseSoftmaxXent, prepare_sparse_softmax_xent) \
  X(CheckNumerics, prepare_check_numerics)          \
  X(Assert, prepare_assert)                         \
  X(Print, prepare_print)                           \
  X(IsInitialized, prepare_is_initialized)

#define GRAFO_DECLARE(name, function) \
  Status function(const StepDesc& desc, const HostServices& host, StepPointer& step);
GRAFO_CPU_KERNELS(GRAFO_DECLARE)
#undef GRAFO_DECLARE

// The functors of `Fused` (fused_table.cc).
int32_t functor_names(const char* const** names);
int32_t has_functor(const char* name, DType operand, DType result);

}  // namespace grafo::cpu
