// Concat: every input is a block of columns of the output seen as a matrix of [dims before the axis, the rest].
#include <vector>

#include "cpu/kernels.h"
#include "cpu/short_rows.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct ConcatStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t rows, row_bytes;
  std::vector<int64_t> bytes;  // of a row of each input
};

// So much of the output stays in the L1 cache while the inputs come to it one after the other.
constexpr int64_t kBlockBytes = 16384;

Status run_concat(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const ConcatStep&>(base);
  char* const y = static_cast<char*>(buffers[step.bytes.size()]);
  parallel_for(context, step.rows, kGrainBytes / step.row_bytes + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin, n; row < end; row += n) {
      n = std::min(end - row, kBlockBytes / step.row_bytes + 1);
      int64_t column = 0;
      for (size_t i = 0; i < step.bytes.size(); ++i) {
        const int64_t bytes = step.bytes[i];
        const char* const x = static_cast<const char*>(buffers[i]);
        if (bytes == 0) continue;
        copy_rows(y + row * step.row_bytes + column, step.row_bytes, x + row * bytes, bytes, bytes, n);
        column += bytes;
      }
    }
  });
  return Status();
}

}  // namespace

Status prepare_concat(const StepDesc& desc, const HostServices&, StepPointer& step) {
  if (desc.num_inputs < 1 || desc.num_outputs != 1) return reject(desc, "it needs inputs and one output");
  TRY(check_no_alias(desc));
  const TensorDesc& y = desc.outputs[0];
  AttrReader attrs(desc);
  const int axis = attrs.count(0, y.rank - 1);
  TRY(attrs.finish());
  int64_t total = 0;
  for (int i = 0; i < desc.num_inputs; ++i) {
    const TensorDesc& x = desc.inputs[i];
    TRY(check_same_dtype(desc, x, y));
    if (x.rank != y.rank) return reject(desc, "input %d has rank %d", i, x.rank);
    for (int d = 0; d < y.rank; ++d)
      if (d != axis && x.dims[d] != y.dims[d])
        return reject(desc, "dimension %d of input %d is wrong", d, i);
    if (__builtin_add_overflow(total, x.dims[axis], &total)) return reject(desc, "too long");
  }
  if (total != y.dims[axis]) return reject(desc, "the output's axis is wrong");
  if (y.size == 0) {
    step = std::make_unique<EmptyStep>();
    return Status();
  }
  auto concat = std::make_unique<ConcatStep>(run_concat);
  const int64_t item = static_cast<int64_t>(item_size(y.dtype));
  const int64_t inner = extent(y, axis + 1, y.rank) * item;
  concat->rows = extent(y, 0, axis);
  concat->row_bytes = y.dims[axis] * inner;
  for (int i = 0; i < desc.num_inputs; ++i)
    concat->bytes.push_back(desc.inputs[i].dims[axis] * inner);
  step = std::move(concat);
  return Status();
}

}  // namespace grafo::cpu
