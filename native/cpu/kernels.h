// THE list of kernels of the CPU backend: the Plan's kernel name and the function that verifies and prepares one step of it.
#pragma once
#include "cpu/prepared.h"

namespace grafo::cpu {

// Checks everything the Plan says against the kernel's row in docs/inside/plan.md, and fills `step`.
using Prepare = Status (*)(const StepDesc& desc, const HostServices& host, StepPointer& step);

// X(kernel, prepare function). A kernel is one row here and one function of the type above; names in the order of the table.
#define GRAFO_CPU_KERNELS(X)       \
  X(Fused, prepare_fused)          \
  X(Reduce, prepare_reduce)        \
  X(ArgReduce, prepare_arg_reduce) \
  X(Cumulative, prepare_cumulative) \
  X(MatMul, prepare_matmul) \
  X(RandomUniform, prepare_random_uniform) \
  X(RandomUniformInt, prepare_random_int) \
  X(RandomStandardNormal, prepare_random_normal) \
  X(TruncatedNormal, prepare_truncated_normal)

#define GRAFO_DECLARE(name, function) \
  Status function(const StepDesc& desc, const HostServices& host, StepPointer& step);
GRAFO_CPU_KERNELS(GRAFO_DECLARE)
#undef GRAFO_DECLARE

// The functors of `Fused` (fused_table.cc).
int32_t functor_names(const char* const** names);
int32_t has_functor(const char* name, DType operand, DType result);

}  // namespace grafo::cpu
