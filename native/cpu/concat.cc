// Concat: every input is a block of columns of the output seen as a matrix of [dims before the axis, the rest].
#include <algorithm>
#include <vector>

#include "cpu/columns.h"
#include "cpu/kernels.h"
#include "cpu/short_rows.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

// Items of any kind that lie anywhere.
template <int kBytes>
struct Loose;
#define GRAFO_LOOSE(bytes, T)                              \
  template <>                                              \
  struct Loose<bytes> {                                    \
    typedef T type __attribute__((aligned(1), may_alias)); \
  };
GRAFO_LOOSE(1, uint8_t)
GRAFO_LOOSE(2, uint16_t)
GRAFO_LOOSE(4, uint32_t)
GRAFO_LOOSE(8, uint64_t)
#undef GRAFO_LOOSE

// With the number of columns known to it, the compiler takes vectors.
template <int kBytes, int kColumns>
void join_columns_of(char* rows, const char* const* columns, int64_t n) {
  using T = typename Loose<kBytes>::type;
  T* __restrict to = reinterpret_cast<T*>(rows);
  const T* const a = reinterpret_cast<const T*>(columns[0]);
  const T* const b = reinterpret_cast<const T*>(columns[1]);
  const T* const c = reinterpret_cast<const T*>(columns[kColumns > 2 ? 2 : 0]);
  const T* const d = reinterpret_cast<const T*>(columns[kColumns > 3 ? 3 : 0]);
  for (int64_t i = 0; i < n; ++i) {
    to[i * kColumns] = a[i];
    to[i * kColumns + 1] = b[i];
    if constexpr (kColumns > 2) to[i * kColumns + 2] = c[i];
    if constexpr (kColumns > 3) to[i * kColumns + 3] = d[i];
  }
}
template <int kBytes, int kColumns>
void part_columns_of(char* const* columns, const char* rows, int64_t n) {
  using T = typename Loose<kBytes>::type;
  const T* const from = reinterpret_cast<const T*>(rows);
  T* __restrict a = reinterpret_cast<T*>(columns[0]);
  T* __restrict b = reinterpret_cast<T*>(columns[1]);
  T* __restrict c = reinterpret_cast<T*>(columns[kColumns > 2 ? 2 : 0]);
  T* __restrict d = reinterpret_cast<T*>(columns[kColumns > 3 ? 3 : 0]);
  for (int64_t i = 0; i < n; ++i) {
    a[i] = from[i * kColumns];
    b[i] = from[i * kColumns + 1];
    if constexpr (kColumns > 2) c[i] = from[i * kColumns + 2];
    if constexpr (kColumns > 3) d[i] = from[i * kColumns + 3];
  }
}

struct ConcatStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t rows, row_bytes;
  JoinColumns join = nullptr;  // of inputs with rows of one length
  std::vector<int64_t> bytes;  // of a row of each input
};

// So much of the output stays in the L1 cache while the inputs come to it one after the other.
constexpr int64_t kBlockBytes = 16384;

Status run_concat(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const ConcatStep&>(base);
  char* const y = static_cast<char*>(buffers[step.bytes.size()]);
  parallel_for(context, step.rows, kGrainBytes / step.row_bytes + 1, [&](int64_t begin, int64_t end) {
    if (step.join) {
      const char* columns[kMaxColumns];
      for (size_t i = 0; i < step.bytes.size(); ++i)
        columns[i] = static_cast<const char*>(buffers[i]) + begin * step.bytes[i];
      return step.join(y + begin * step.row_bytes, columns, end - begin);
    }
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

#define GRAFO_COLUMNS_OF(name, bytes) \
  columns == 2 ? name<bytes, 2> : columns == 3 ? name<bytes, 3> : columns == 4 ? name<bytes, 4> : nullptr
#define GRAFO_COLUMNS(name)                             \
  bytes == 1   ? GRAFO_COLUMNS_OF(name, 1)              \
  : bytes == 2 ? GRAFO_COLUMNS_OF(name, 2)              \
  : bytes == 4 ? GRAFO_COLUMNS_OF(name, 4)              \
  : bytes == 8 ? GRAFO_COLUMNS_OF(name, 8)              \
               : nullptr
JoinColumns find_join(int64_t columns, int64_t bytes) { return GRAFO_COLUMNS(join_columns_of); }
PartColumns find_part(int64_t columns, int64_t bytes) { return GRAFO_COLUMNS(part_columns_of); }
#undef GRAFO_COLUMNS
#undef GRAFO_COLUMNS_OF

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
  const auto& bytes = concat->bytes;
  if (std::all_of(bytes.begin(), bytes.end(), [&](int64_t n) { return n == bytes[0]; }))
    concat->join = find_join(desc.num_inputs, bytes[0]);
  step = std::move(concat);
  return Status();
}

}  // namespace grafo::cpu
