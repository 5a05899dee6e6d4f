// MirrorPad and its gradient: a table per dimension tells which element of x each position of y shows.
#include <vector>

#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct MirrorStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int rank;
  int64_t dims[kMaxRank];                // of the padded side
  std::vector<int64_t> source[kMaxRank]; // by position there, the distance in the small side
  int64_t rows, small_size;
  int64_t before = 0, inner = 1;         // of the last dimension: what stands before x's own items, and how many those are

  // visit(row, position of the row in the small side without its last dimension)
  template <class Visit>
  void walk(int64_t begin, int64_t end, Visit&& visit) const {
    int64_t index[kMaxRank] = {};
    for (int64_t d = rank - 2, row = begin; d >= 0; row /= dims[d--]) index[d] = row % dims[d];
    for (int64_t row = begin; row < end; ++row) {
      int64_t at = 0;
      for (int d = 0; d + 1 < rank; ++d) at += source[d][static_cast<size_t>(index[d])];
      visit(row, at);
      for (int d = rank - 2; d >= 0; --d) {
        if (++index[d] < dims[d]) break;
        index[d] = 0;
      }
    }
  }
};

template <class T>
void mirror_items(T* to, const T* from, const int64_t* source, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[source[i]];
}

template <class T>
Status run_mirror(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const MirrorStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  const std::vector<int64_t>& last = step.source[step.rank - 1];
  const int64_t size = static_cast<int64_t>(last.size());
  const int64_t before = step.before, inner = step.inner;
  parallel_for(context, step.rows, grain_for(size), [&](int64_t begin, int64_t end) {
    step.walk(begin, end, [&](int64_t row, int64_t at) {
      T* const to = y + row * size;
      const T* const from = x + at;
      mirror_items(to, from, last.data(), before);
      std::copy_n(from, inner, to + before);
      mirror_items(to + before + inner, from, last.data() + before + inner, size - before - inner);
    });
  });
  return Status();
}

// One thread: several elements of dy meet in one of dx, and they are added in dy's order.
template <class T>
Status run_mirror_grad(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const MirrorStep&>(base);
  using Sum = std::conditional_t<std::is_floating_point_v<T>, T, std::make_unsigned_t<
      std::conditional_t<std::is_floating_point_v<T>, int, T>>>;
  const Sum* const dy = static_cast<const Sum*>(buffers[0]);
  Sum* const dx = static_cast<Sum*>(buffers[1]);
  std::fill(dx, dx + step.small_size, Sum(0));
  const std::vector<int64_t>& last = step.source[step.rank - 1];
  const int64_t size = static_cast<int64_t>(last.size());
  step.walk(0, step.rows, [&](int64_t row, int64_t at) {
    const Sum* const from = dy + row * size;
    for (int64_t i = 0; i < size; ++i) {
      Sum& sum = dx[at + last[static_cast<size_t>(i)]];
      sum = static_cast<Sum>(sum + from[i]);
    }
  });
  return is_cancelled(context) ? cancelled() : Status();
}

Status read_mirror(const StepDesc& desc, const TensorDesc& small, const TensorDesc& large,
                   MirrorStep& mirror) {
  TRY(check_same_dtype(desc, small, large));
  if (small.rank != large.rank) return reject(desc, "ranks %d and %d", small.rank, large.rank);
  AttrReader attrs(desc);
  const int symmetric = attrs.count(0, 1);
  if (attrs.i32() != small.rank) return reject(desc, "the attributes are for another rank");
  int64_t before[kMaxRank] = {};
  for (int d = 0; d < small.rank; ++d) before[d] = attrs.i64();
  TRY(attrs.finish());
  for (int d = 0; d < small.rank; ++d) {
    if (large.dims[d] < small.dims[d] || before[d] < 0 || before[d] > large.dims[d])
      return reject(desc, "the padding of dimension %d is negative", d);
    const int64_t most = small.dims[d] - 1 + symmetric;  // what one mirror can show
    const int64_t after = large.dims[d] - small.dims[d] - before[d];
    const bool padded = large.dims[d] != small.dims[d] || before[d] != 0;
    if (after < 0 || (padded && (before[d] > most || after > most)))
      return reject(desc, "the padding of dimension %d does not fit", d);
  }
  mirror.small_size = small.size;
  mirror.rank = std::max(large.rank, 1);
  mirror.rows = 0;
  if (large.size == 0) return Status();
  int64_t steps[kMaxRank];
  row_major(small, steps);
  if (large.rank == 0) {
    mirror.dims[0] = 1;
    mirror.source[0].push_back(0);
  }
  for (int d = 0; d < large.rank; ++d) {
    mirror.dims[d] = large.dims[d];
    for (int64_t i = 0; i < large.dims[d]; ++i) {
      int64_t at = i - before[d];
      if (at < 0) at = -at - symmetric;
      else if (at >= small.dims[d]) at = 2 * small.dims[d] - 2 + symmetric - at;
      mirror.source[d].push_back(at * steps[d]);
    }
  }
  mirror.rows = large.size / mirror.dims[mirror.rank - 1];
  if (large.rank == 0) return Status();
  mirror.before = before[large.rank - 1];
  mirror.inner = small.dims[large.rank - 1];
  return Status();
}

}  // namespace

Status prepare_mirror_pad(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  Status status;
  if (!dispatch_bytes(desc.outputs[0].dtype, [&](auto type) {
        auto mirror = std::make_unique<MirrorStep>(run_mirror<typename decltype(type)::type>);
        status = read_mirror(desc, desc.inputs[0], desc.outputs[0], *mirror);
        step = std::move(mirror);
      }))
    return reject(desc, "no kernel for %s", dtype_name(desc.outputs[0].dtype));
  if (status.ok() && desc.outputs[0].size == 0) step = std::make_unique<EmptyStep>();
  return status;
}

Status prepare_mirror_pad_grad(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  Status status;
  if (!dispatch_numeric(desc.outputs[0].dtype, [&](auto type) {
        auto mirror = std::make_unique<MirrorStep>(run_mirror_grad<typename decltype(type)::type>);
        status = read_mirror(desc, desc.outputs[0], desc.inputs[0], *mirror);
        // An empty dy has no tables; dx is zeros then.
        if (status.ok() && desc.inputs[0].size == 0) mirror->rank = 1;
        step = std::move(mirror);
      }))
    return reject(desc, "no kernel for %s", dtype_name(desc.outputs[0].dtype));
  return status;
}

}  // namespace grafo::cpu
