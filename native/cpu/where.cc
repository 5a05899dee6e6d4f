// Where: the coordinates of the elements that are not zero, in row-major order.
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct WhereStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int rank;
  int64_t dims[kMaxRank];
  int64_t size;
};

template <class T>
Status run_where(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const WhereStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  int64_t* y = static_cast<int64_t*>(buffers[1]);
  int64_t at[kMaxRank] = {};
  int64_t found = 0;
  for (int64_t i = 0; i < step.size; ++i) {
    if (x[i] != T(0)) {
      ++found;
      for (int d = 0; d < step.rank; ++d) *y++ = at[d];
    }
    for (int d = step.rank - 1; d >= 0; --d) {
      if (++at[d] < step.dims[d]) break;
      at[d] = 0;
    }
  }
  context.dynamic_sizes[0] = found;
  return Status();
}

}  // namespace

Status prepare_where(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  if (y.dtype != DType::kInt64 || y.rank != 2 || y.dims[1] != x.rank || y.dims[0] < x.size)
    return reject(desc, "the output does not fit");
  PreparedStep::Run run = nullptr;
  // A bool is read as the byte it is.
  if (x.dtype == DType::kBool) run = run_where<uint8_t>;
  else
    dispatch_numeric(x.dtype, [&](auto type) { run = run_where<typename decltype(type)::type>; });
  if (!run) return reject(desc, "no kernel for %s", dtype_name(x.dtype));
  auto where = std::make_unique<WhereStep>(run);
  where->rank = x.rank;
  for (int d = 0; d < x.rank; ++d) where->dims[d] = x.dims[d];
  where->size = x.size;
  step = std::move(where);
  return Status();
}

}  // namespace grafo::cpu
