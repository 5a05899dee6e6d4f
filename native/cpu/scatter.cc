// Updates of some rows of a variable: ScatterUpdate and SparseApplyMomentum. Nothing is written where an index is bad.
#include "cpu/indices.h"
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

enum Op { kAssign, kAdd, kSub, kMul, kDiv, kMin, kMax };

struct ScatterStep : PreparedStep {
  ScatterStep(Run run_function, const TensorDesc& desc)
      : PreparedStep(run_function), indices(desc) {}
  IndexShape indices;
  int64_t limit, inner;
  bool scalar;  // updates are one number
};

template <Op op, class T>
inline T update(T old, T by) {
  if constexpr (op == kAssign) return by;
  else if constexpr (op == kMin) return by < old ? by : old;
  else if constexpr (op == kMax) return old < by ? by : old;
  else if constexpr (std::is_floating_point_v<T>) {
    if constexpr (op == kAdd) return old + by;
    else if constexpr (op == kSub) return old - by;
    else if constexpr (op == kMul) return old * by;
    else return old / by;
  } else {
    using U = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;  // wide enough not to be promoted
    const U a = static_cast<U>(old), b = static_cast<U>(by);
    if constexpr (op == kAdd) return static_cast<T>(a + b);
    else if constexpr (op == kSub) return static_cast<T>(a - b);
    else if constexpr (op == kMul) return static_cast<T>(a * b);
    else if constexpr (std::is_signed_v<T>) return by == T(-1) ? static_cast<T>(U(0) - a) : static_cast<T>(old / by);
    else return static_cast<T>(old / by);
  }
}

template <Op op, class T, class I>
Status run_scatter(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const ScatterStep&>(base);
  TRY(step.indices.check(buffers[0], step.limit));
  const I* const indices = static_cast<const I*>(buffers[0]);
  const T* const updates = static_cast<const T*>(buffers[1]);
  T* const var = static_cast<T*>(buffers[2]);
  const int64_t n = step.indices.size, inner = step.inner;
  if (n == 0 || inner == 0) return Status();
  if constexpr (op == kDiv && !std::is_floating_point_v<T>) {
    const int64_t count = step.scalar ? 1 : n * inner;
    for (int64_t i = 0; i < count; ++i)
      if (updates[i] == T(0))
        return Status::error(Code::kInvalidArgument, "Integer division by zero");
  }
  // Threads take columns, never rows: an index may come twice, and the later one goes on from the earlier.
  parallel_for(context, inner, std::max<int64_t>(16, grain_for(n)), [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < n; ++i) {
      T* const row = var + static_cast<int64_t>(indices[i]) * inner;
      if (step.scalar) {
        for (int64_t c = begin; c < end; ++c) row[c] = update<op>(row[c], updates[0]);
      } else {
        const T* const by = updates + i * inner;
        for (int64_t c = begin; c < end; ++c) row[c] = update<op>(row[c], by[c]);
      }
    }
  });
  return Status();
}

template <Op op, class T>
PreparedStep::Run pick(DType index) {
  return index == DType::kInt32 ? run_scatter<op, T, int32_t> : run_scatter<op, T, int64_t>;
}

PreparedStep::Run choose(int op, DType dtype, DType index) {
  PreparedStep::Run run = nullptr;
  if (op == kAssign) {
    dispatch_bytes(dtype, [&](auto type) { run = pick<kAssign, typename decltype(type)::type>(index); });
    return run;
  }
  dispatch_numeric(dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    switch (op) {
      case kAdd:
        run = pick<kAdd, T>(index);
        break;
      case kSub:
        run = pick<kSub, T>(index);
        break;
      case kMul:
        run = pick<kMul, T>(index);
        break;
      case kDiv:
        run = pick<kDiv, T>(index);
        break;
      case kMin:
        run = pick<kMin, T>(index);
        break;
      default:
        run = pick<kMax, T>(index);
        break;
    }
  });
  return run;
}

struct MomentumStep : PreparedStep {
  MomentumStep(Run run_function, const TensorDesc& desc)
      : PreparedStep(run_function), indices(desc) {}
  IndexShape indices;
  int64_t limit, inner;
  bool nesterov;
};

template <class T>
Status run_momentum(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const MomentumStep&>(base);
  const int64_t n = step.indices.size, inner = step.inner;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t index = step.indices.at(buffers[2], i);
    if (index < 0 || index >= step.limit)
      return Status::error(Code::kInvalidArgument,
                           "Index %lld at offset %lld in indices is out of range",
                           static_cast<long long>(index), static_cast<long long>(i));
  }
  const T rate = *static_cast<const T*>(buffers[0]);
  const T* const grad = static_cast<const T*>(buffers[1]);
  const T momentum = *static_cast<const T*>(buffers[3]);
  T* const var = static_cast<T*>(buffers[4]);
  T* const accum = static_cast<T*>(buffers[5]);
  parallel_for(context, inner, std::max<int64_t>(16, grain_for(4 * n)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = 0; i < n; ++i) {
                   const int64_t at = step.indices.at(buffers[2], i) * inner;
                   for (int64_t c = begin; c < end; ++c) {
                     const T g = grad[i * inner + c];
                     const T a = accum[at + c] * momentum + g;
                     accum[at + c] = a;
                     var[at + c] -= step.nesterov ? rate * g + rate * momentum * a : rate * a;
                   }
                 }
               });
  return Status();
}

}  // namespace

Status prepare_scatter_update(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 2, 1));
  TRY(check_no_alias(desc));
  AttrReader attrs(desc);
  const int op = attrs.count(kAssign, kMax);
  TRY(attrs.finish());
  const TensorDesc &indices = desc.inputs[0], &updates = desc.inputs[1], &var = desc.outputs[0];
  TRY(check_same_dtype(desc, updates, var));
  if (!is_index(indices.dtype)) return reject(desc, "indices are %s", dtype_name(indices.dtype));
  if (var.rank < 1) return reject(desc, "the variable is a scalar");
  const bool scalar = updates.rank == 0;
  if (!scalar) {
    if (updates.rank != indices.rank + var.rank - 1)
      return reject(desc, "updates have rank %d", updates.rank);
    for (int d = 0; d < updates.rank; ++d)
      if (updates.dims[d] !=
          (d < indices.rank ? indices.dims[d] : var.dims[d - indices.rank + 1]))
        return reject(desc, "dimension %d of the updates is wrong", d);
  }
  const PreparedStep::Run run = choose(op, var.dtype, indices.dtype);
  if (!run) return reject(desc, "no kernel for %s", dtype_name(var.dtype));
  auto scatter = std::make_unique<ScatterStep>(run, indices);
  scatter->limit = var.dims[0];
  scatter->inner = var.size == 0 ? 0 : extent(var, 1, var.rank);
  scatter->scalar = scalar;
  step = std::move(scatter);
  return Status();
}

Status prepare_sparse_momentum(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 4, 2));
  TRY(check_no_alias(desc));
  AttrReader attrs(desc);
  const bool nesterov = attrs.flag();
  TRY(attrs.finish());
  const TensorDesc &rate = desc.inputs[0], &grad = desc.inputs[1], &indices = desc.inputs[2];
  const TensorDesc &momentum = desc.inputs[3], &var = desc.outputs[0], &accum = desc.outputs[1];
  for (const TensorDesc* t : {&rate, &grad, &momentum, &accum})
    TRY(check_same_dtype(desc, *t, var));
  if (!is_float(var.dtype) || !is_index(indices.dtype))
    return reject(desc, "no kernel for %s and %s", dtype_name(var.dtype), dtype_name(indices.dtype));
  if (rate.size != 1 || momentum.size != 1) return reject(desc, "a rate is not a scalar");
  if (indices.rank != 1 || var.rank < 1 || grad.rank != var.rank || !same_shape(var, accum) ||
      grad.dims[0] != indices.dims[0])
    return reject(desc, "shapes do not fit");
  for (int d = 1; d < var.rank; ++d)
    if (grad.dims[d] != var.dims[d]) return reject(desc, "dimension %d of grad is wrong", d);
  auto apply = std::make_unique<MomentumStep>(
      var.dtype == DType::kFloat32 ? run_momentum<float> : run_momentum<double>, indices);
  apply->limit = var.dims[0];
  apply->inner = var.size == 0 ? 0 : extent(var, 1, var.rank);
  apply->nesterov = nesterov;
  step = std::move(apply);
  return Status();
}

}  // namespace grafo::cpu
