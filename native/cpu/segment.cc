// SegmentSum (UnsortedSegmentSum): rows of data added up by segment, in data's order for any number of threads.
#include "cpu/indices.h"
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct SegmentStep : PreparedStep {
  SegmentStep(Run run_function, const TensorDesc& ids_desc)
      : PreparedStep(run_function), ids(ids_desc) {}
  IndexShape ids;
  int64_t segments, inner;
};

template <class T, class I>
void add_items(T* y, const T* data, const I* ids, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    if (ids[i] >= 0) y[ids[i]] = static_cast<T>(y[ids[i]] + data[i]);
}
template <class T, class I>
void add_rows(T* y, const T* data, const I* ids, int64_t n, int64_t inner, int64_t begin, int64_t end) {
  for (int64_t i = 0; i < n; ++i) {
    if (ids[i] < 0) continue;
    T* const sum = y + static_cast<int64_t>(ids[i]) * inner;
    const T* const row = data + i * inner;
    for (int64_t c = begin; c < end; ++c) sum[c] = static_cast<T>(sum[c] + row[c]);
  }
}

template <class T, class I>
Status run_segment_sum(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SegmentStep&>(base);
  const int64_t bad = step.ids.first_bad<I>(buffers[1], step.segments, INT64_MIN);
  if (bad >= 0) {
    char place[200];
    step.ids.where(bad, place, sizeof place);
    return Status::error(Code::kInvalidArgument, "segment_ids%s = %lld is out of range [0, %lld)",
                         place, static_cast<long long>(step.ids.at(buffers[1], bad)),
                         static_cast<long long>(step.segments));
  }
  const T* const data = static_cast<const T*>(buffers[0]);
  const I* const ids = static_cast<const I*>(buffers[1]);
  T* const y = static_cast<T*>(buffers[2]);
  const int64_t inner = step.inner, n = step.ids.size;
  // Threads take columns, never rows: two rows may meet in one segment.
  parallel_for(context, inner, std::max<int64_t>(16, grain_for(n + step.segments)),
               [=, &step](int64_t begin, int64_t end) {
                 if (end - begin == inner)
                   std::fill(y, y + step.segments * inner, T(0));
                 else
                   for (int64_t s = 0; s < step.segments; ++s)
                     std::fill(y + s * inner + begin, y + s * inner + end, T(0));
                 if (inner == 1)
                   add_items(y, data, ids, n);
                 else
                   add_rows(y, data, ids, n, inner, begin, end);
               });
  return Status();
}

}  // namespace

Status prepare_segment_sum(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 2, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  const TensorDesc &data = desc.inputs[0], &ids = desc.inputs[1], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, data, y));
  if (!is_numeric(data.dtype) || !is_index(ids.dtype))
    return reject(desc, "no kernel for %s and %s", dtype_name(data.dtype), dtype_name(ids.dtype));
  if (ids.rank > data.rank || y.rank != data.rank - ids.rank + 1)
    return reject(desc, "ranks %d, %d and %d", data.rank, ids.rank, y.rank);
  for (int d = 0; d < ids.rank; ++d)
    if (ids.dims[d] != data.dims[d]) return reject(desc, "dimension %d of the ids is wrong", d);
  for (int d = 1; d < y.rank; ++d)
    if (y.dims[d] != data.dims[d + ids.rank - 1])
      return reject(desc, "output dimension %d is wrong", d);
  PreparedStep::Run run = nullptr;
  // Integers wrap around: they are added as unsigned ones.
  dispatch_numeric(data.dtype, [&](auto type) {
    using Given = typename decltype(type)::type;
    using T = typename std::conditional_t<std::is_floating_point_v<Given>, Type<Given>,
                                          std::make_unsigned<Given>>::type;
    run = ids.dtype == DType::kInt32 ? run_segment_sum<T, int32_t> : run_segment_sum<T, int64_t>;
  });
  auto sum = std::make_unique<SegmentStep>(run, ids);
  sum->segments = y.dims[0];
  sum->inner = y.size == 0 ? 0 : extent(y, 1, y.rank);
  step = std::move(sum);
  return Status();
}

}  // namespace grafo::cpu
