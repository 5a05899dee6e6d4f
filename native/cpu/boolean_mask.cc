// BooleanMask: the rows of params whose element of the mask is true, one after the other.
#include <algorithm>

#include "cpu/kernels.h"
#include "cpu/short_rows.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct BooleanMaskStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t size, rows;  // of the mask, of params
  int64_t row_bytes;
};

// Without a branch: each row is written, and the next one over it where it does not stay. Which rows do is as good as random.
template <class Row>
int64_t keep_short_rows(char* y, const char* x, const uint8_t* mask, int64_t n, Row row) {
  char* to = y;
  for (int64_t i = 0; i < n; ++i, x += row.bytes) {
    row(to, x);
    to += mask[i] != 0 ? row.bytes : 0;
  }
  return (to - y) / row.bytes;
}

// Neighbours that stay are one copy.
int64_t keep_long_rows(char* y, const char* x, const uint8_t* mask, int64_t n, int64_t bytes) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n;) {
    if (mask[i] == 0) {
      ++i;
      continue;
    }
    const int64_t begin = i;
    while (i < n && mask[i] != 0) ++i;
    std::memcpy(y + kept * bytes, x + begin * bytes, static_cast<size_t>((i - begin) * bytes));
    kept += i - begin;
  }
  return kept;
}

constexpr int64_t kShort = 16;

Status run_boolean_mask(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const BooleanMaskStep&>(base);
  const auto* const mask = static_cast<const uint8_t*>(buffers[0]);
  const auto* const x = static_cast<const char*>(buffers[1]);
  auto* const y = static_cast<char*>(buffers[2]);
  const int64_t n = std::min(step.size, step.rows), bytes = step.row_bytes;
  int64_t kept = 0;
  if (bytes == 0)
    kept = std::count_if(mask, mask + n, [](uint8_t chosen) { return chosen != 0; });
  else if (bytes > kShort)
    kept = keep_long_rows(y, x, mask, n, bytes);
  else
    dispatch_row(bytes, [&](auto row) { kept = keep_short_rows(y, x, mask, n, row); });
  // A mask that is longer chooses rows that there are not: what the gather of its places says of the first one.
  for (int64_t i = n, place = kept; i < step.size; ++i) {
    if (mask[i] == 0) continue;
    return Status::error(Code::kInvalidArgument, "indices[%lld] = %lld is not in [0, %lld)", static_cast<long long>(place),
                         static_cast<long long>(i), static_cast<long long>(step.rows));
  }
  context.dynamic_sizes[0] = kept;
  return Status();
}

}  // namespace

Status prepare_boolean_mask(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 2, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  const TensorDesc &mask = desc.inputs[0], &params = desc.inputs[1], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, params, y));
  if (mask.dtype != DType::kBool || mask.rank != 1) return reject(desc, "the mask is no vector of bools");
  if (params.rank < 1 || y.rank != params.rank || y.dims[0] < mask.size) return reject(desc, "the output does not fit");
  for (int d = 1; d < y.rank; ++d)
    if (y.dims[d] != params.dims[d]) return reject(desc, "output dimension %d is wrong", d);
  auto kept = std::make_unique<BooleanMaskStep>(run_boolean_mask);
  kept->size = mask.size;
  kept->rows = params.dims[0];
  kept->row_bytes = extent(params, 1, params.rank) * static_cast<int64_t>(item_size(y.dtype));
  step = std::move(kept);
  return Status();
}

}  // namespace grafo::cpu
