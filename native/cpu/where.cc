// Where: the coordinates of the elements that are not zero, in row-major order.
#include <algorithm>

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

constexpr int64_t kAtOnce = 512;

// The positions of what is not zero, without a branch: each position is written, and the next one over it where it does not stay.
template <class T>
int64_t find_nonzero(const T* x, int64_t position, int64_t n, int64_t* found) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    found[count] = position + i;
    count += x[i] != T(0);
  }
  return count;
}

template <class T>
Status run_where(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const WhereStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  int64_t* y = static_cast<int64_t*>(buffers[1]);
  const int64_t last = step.rank == 0 ? 1 : step.dims[step.rank - 1];
  int64_t at[kMaxRank] = {}, row_end = last;  // the row that was reached
  int64_t total = 0;
  for (int64_t begin = 0; begin < step.size; begin += kAtOnce) {
    int64_t found[kAtOnce];
    // Of a vector the positions are the coordinates.
    const int64_t n = find_nonzero(x + begin, begin, std::min(kAtOnce, step.size - begin), step.rank == 1 ? y + total : found);
    total += n;
    if (step.rank < 2) continue;
    for (int64_t i = 0; i < n; ++i) {
      for (; found[i] >= row_end; row_end += last)
        for (int d = step.rank - 2; d >= 0; --d) {
          if (++at[d] < step.dims[d]) break;
          at[d] = 0;
        }
      for (int d = 0; d + 1 < step.rank; ++d) *y++ = at[d];
      *y++ = found[i] - (row_end - last);
    }
  }
  context.dynamic_sizes[0] = total;
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
