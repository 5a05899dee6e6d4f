// Updates of some rows of a variable: ScatterUpdate and SparseApplyMomentum. Nothing is written where an index is bad.
#include "cpu/indices.h"
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

enum Op { kAssign, kAdd, kSub, kMul, kDiv, kMin, kMax };

template <Op op, class T>
inline T updated(T old, T value) {
  if constexpr (op == kAssign) return value;
  if constexpr (op == kAdd) return static_cast<T>(old + value);
  if constexpr (op == kSub) return static_cast<T>(old - value);
  // 16-bit numbers must not be promoted to int, which could overflow.
  if constexpr (op == kMul && sizeof(T) == 2) return static_cast<T>(uint32_t{old} * value);
  if constexpr (op == kMul && sizeof(T) != 2) return static_cast<T>(old * value);
  if constexpr (op == kDiv) {
    // The lowest number by -1 would trap; as everywhere, it wraps around.
    if constexpr (std::is_signed_v<T> && !std::is_floating_point_v<T>)
      return value == T(-1) ? static_cast<T>(uint64_t{0} - static_cast<uint64_t>(old)) : static_cast<T>(old / value);
    else
      return static_cast<T>(old / value);
  }
  if constexpr (op == kMin) return value < old ? value : old;
  if constexpr (op == kMax) return old < value ? value : old;
}

// Row rows[i] of var, `inner` items long, op= row i of by, for i < n and columns [begin, end). Or by is one number.
using UpdateRows = void (*)(void* var, const void* by, bool scalar, const int64_t* rows, int64_t n, int64_t inner,
                            int64_t begin, int64_t end);

template <Op op, class T>
void update_rows(void* var, const void* by, bool scalar, const int64_t* rows, int64_t n, int64_t inner, int64_t begin,
                 int64_t end) {
  T* const to = static_cast<T*>(var);
  const T* const from = static_cast<const T*>(by);
  const T value = scalar ? *from : T(0);
  if (inner == 1) {
    for (int64_t i = 0; i < n; ++i) {
      T* const item = to + rows[i];
      *item = updated<op, T>(*item, scalar ? value : from[i]);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    T* const row = to + rows[i] * inner;
    if (scalar) {
      for (int64_t c = begin; c < end; ++c) row[c] = updated<op, T>(row[c], value);
    } else {
      for (int64_t c = begin; c < end; ++c) row[c] = updated<op, T>(row[c], from[i * inner + c]);
    }
  }
}

// Integers are added, subtracted and multiplied as unsigned ones, which wrap around.
template <class T>
using Wrapping = typename std::conditional_t<std::is_floating_point_v<T>, Type<T>,
                                             std::make_unsigned<T>>::type;

template <class T>
UpdateRows pick(int op) {
  using W = Wrapping<T>;
  switch (op) {
    case kAdd:
      return update_rows<kAdd, W>;
    case kSub:
      return update_rows<kSub, W>;
    case kMul:
      return update_rows<kMul, W>;
    case kDiv:
      return update_rows<kDiv, T>;
    case kMin:
      return update_rows<kMin, T>;
    default:
      return update_rows<kMax, T>;
  }
}

UpdateRows choose(int op, DType dtype) {
  UpdateRows update = nullptr;
  if (op == kAssign)
    dispatch_bytes(dtype, [&](auto type) {
      update = update_rows<kAssign, typename decltype(type)::type>;
    });
  else
    dispatch_numeric(dtype,
                     [&](auto type) { update = pick<typename decltype(type)::type>(op); });
  return update;
}

struct ScatterStep : PreparedStep {
  ScatterStep(Run run_function, const TensorDesc& desc)
      : PreparedStep(run_function), indices(desc) {}
  IndexShape indices;
  UpdateRows update;
  int64_t limit, inner, item;
  bool scalar;    // updates are one number
  bool division;  // of integers
};

Status run_scatter(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const ScatterStep&>(base);
  TRY(step.indices.check(buffers[0], step.limit));
  const char* const updates = static_cast<const char*>(buffers[1]);
  char* const var = static_cast<char*>(buffers[2]);
  const int64_t n = step.indices.size, inner = step.inner, item = step.item;
  if (n == 0 || inner == 0) return Status();
  if (step.division) {
    const char zero[8] = {};
    for (int64_t i = 0; i < (step.scalar ? 1 : n * inner); ++i)
      if (std::memcmp(updates + i * item, zero, static_cast<size_t>(item)) == 0)
        return Status::error(Code::kInvalidArgument, "Integer division by zero");
  }
  // Threads take columns, never rows: an index may come twice, and the later one goes on from the earlier.
  const int64_t grain = std::max<int64_t>(16, grain_for(n));
  parallel_for(context, inner, grain, [&](int64_t begin, int64_t end) {
    constexpr int64_t kAtOnce = 256;
    int64_t rows[kAtOnce];
    for (int64_t i = 0; i < n; i += kAtOnce) {
      const int64_t some = std::min(kAtOnce, n - i);
      step.indices.copy(buffers[0], i, some, rows);
      step.update(var, step.scalar ? updates : updates + i * inner * item, step.scalar, rows, some, inner, begin, end);
    }
  });
  return Status();
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
  const UpdateRows update = choose(op, var.dtype);
  if (!update) return reject(desc, "no kernel for %s", dtype_name(var.dtype));
  auto scatter = std::make_unique<ScatterStep>(run_scatter, indices);
  scatter->update = update;
  scatter->item = static_cast<int64_t>(item_size(var.dtype));
  scatter->division = op == kDiv && !is_float(var.dtype);
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
