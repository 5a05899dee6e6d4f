// Gather: copies the rows of params that the indices name.
#include "cpu/indices.h"
#include "cpu/kernels.h"
#include "cpu/short_rows.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct GatherStep : PreparedStep {
  GatherStep(Run run_function, const TensorDesc& desc)
      : PreparedStep(run_function), indices(desc) {}
  IndexShape indices;
  int64_t outer, limit, row_bytes;  // params is [outer, limit, row_bytes]
  int64_t batches;                  // outer and the indices begin with them
  bool empty;                       // y is, but indices are checked all the same
};

template <class I, class Row>
void take_rows(char* to, const char* from, const I* indices, int64_t n, Row row) {
#pragma GCC unroll 4
  for (int64_t i = 0; i < n; ++i) row(to + i * row.bytes, from + static_cast<int64_t>(indices[i]) * row.bytes);
}

template <class I>
Status run_gather(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const GatherStep&>(base);
  TRY(step.indices.check(buffers[1], step.limit));
  if (step.empty) return Status();
  const char* const params = static_cast<const char*>(buffers[0]);
  const I* const indices = static_cast<const I*>(buffers[1]);
  char* const y = static_cast<char*>(buffers[2]);
  const int64_t n = step.indices.size / step.batches, per_batch = step.outer / step.batches;
  const int64_t bytes = step.row_bytes;
  parallel_for(context, step.outer * n, kGrainBytes / (bytes + 32) + 1,
               [&](int64_t begin, int64_t end) {
                 dispatch_row(bytes, [&](auto copy) {
                   int64_t outer = begin / n, i = begin % n, batch = outer / per_batch;
                   for (int64_t row = begin, taken; row < end; row += taken, i = 0) {
                     taken = std::min(n - i, end - row);
                     take_rows(y + row * bytes, params + outer * step.limit * bytes, indices + batch * n + i, taken, copy);
                     if (++outer % per_batch == 0) ++batch;
                   }
                 });
               });
  return Status();
}

}  // namespace

Status prepare_gather(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 2, 1));
  TRY(check_no_alias(desc));
  const TensorDesc &params = desc.inputs[0], &indices = desc.inputs[1], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, params, y));
  if (!is_index(indices.dtype)) return reject(desc, "indices are %s", dtype_name(indices.dtype));
  AttrReader attrs(desc);
  const int axis = attrs.count(0, params.rank - 1);
  const int batch = desc.num_attrs > 1 ? attrs.count(0, std::min(axis, indices.rank)) : 0;
  TRY(attrs.finish());
  for (int d = 0; d < batch; ++d)
    if (params.dims[d] != indices.dims[d]) return reject(desc, "batch dimension %d differs", d);
  if (y.rank != params.rank - 1 + indices.rank - batch) return reject(desc, "the output has rank %d", y.rank);
  for (int d = 0; d < y.rank; ++d) {
    const int taken = indices.rank - batch;
    const int64_t dim = d < axis           ? params.dims[d]
                        : d < axis + taken ? indices.dims[d - axis + batch]
                                           : params.dims[d - taken + 1];
    if (y.dims[d] != dim) return reject(desc, "output dimension %d is wrong", d);
  }
  auto gather = std::make_unique<GatherStep>(
      indices.dtype == DType::kInt32 ? run_gather<int32_t> : run_gather<int64_t>, indices);
  gather->limit = params.dims[axis];
  gather->empty = y.size == 0;
  gather->outer = extent(params, 0, axis);
  gather->batches = gather->empty ? 1 : extent(params, 0, batch);
  gather->row_bytes =
      gather->empty ? 0
                    : extent(params, axis + 1, params.rank) * static_cast<int64_t>(item_size(y.dtype));
  step = std::move(gather);
  return Status();
}

}  // namespace grafo::cpu
