// THE list of kernels of the CUDA backend. What is not in it runs on the CPU (host_step.cc).
#pragma once
#include "cuda/device.h"

namespace grafo::cuda {

// Fills `step` for a description that the CPU's backend has accepted: all that docs/inside/plan.md says holds.
using Prepare = Status (*)(const StepDesc& desc, Device& device, StepPointer& step);

// X(kernel, prepare function), in the order of the table.
#define GRAFO_CUDA_KERNELS(X)                       \
  X(Fused, prepare_fused)                           \
  X(FusedBatch, prepare_fused_batch)                \
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
  X(RandomUniform, prepare_random_uniform)          \
  X(RandomUniformInt, prepare_random_int)           \
  X(RandomStandardNormal, prepare_random_normal)    \
  X(TruncatedNormal, prepare_truncated_normal)      \
  X(Softmax, prepare_softmax)                       \
  X(LogSoftmax, prepare_log_softmax)                \
  X(SoftmaxXent, prepare_softmax_xent)              \
  X(SparseSoftmaxXent, prepare_sparse_softmax_xent) \
  X(CheckNumerics, prepare_check_numerics)

#define GRAFO_DECLARE(name, function) Status function(const StepDesc& desc, Device& device, StepPointer& step);
GRAFO_CUDA_KERNELS(GRAFO_DECLARE)
#undef GRAFO_DECLARE

// Any kernel, on the CPU: operands are copied to the host's memory and results back.
Status prepare_on_host(const StepDesc& desc, Device& device, StepPointer& step);

// A step may leave the CPU's kernel for some shapes or dtypes by leaving `step` empty.

}  // namespace grafo::cuda
