// Unique: the distinct elements in order of first occurrence, over an open hash table that belongs to the prepared step.
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct UniqueStep : PreparedStep {
  UniqueStep(Run run_function, const HostServices& services)
      : PreparedStep(run_function), host(services) {}
  ~UniqueStep() override {
    if (table) host.release(host.self, table, table_bytes());
  }
  size_t table_bytes() const { return (size_t{1} << bits) * sizeof(int32_t); }

  const HostServices& host;
  int64_t size;
  int bits = 1;              // of the table's size, at least twice the elements
  int32_t* table = nullptr;  // positions in y, -1 = free
  bool counts;
};

// What elements are compared by: equal keys are equal elements. 0 and -0 are one, a NaN is none.
template <class T>
uint64_t key_of(T x) {
  if constexpr (std::is_floating_point_v<T>) x = x == T(0) ? T(0) : x;
  uint64_t key = 0;
  std::memcpy(&key, &x, sizeof x);
  return key;
}

template <class T, class I>
Status run_unique(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const UniqueStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  I* const index = static_cast<I*>(buffers[2]);
  I* const counts = step.counts ? static_cast<I*>(buffers[3]) : nullptr;
  const size_t mask = (size_t{1} << step.bits) - 1;
  std::fill(step.table, step.table + mask + 1, -1);
  int64_t found = 0;
  for (int64_t i = 0; i < step.size; ++i) {
    const uint64_t key = key_of(x[i]);
    size_t slot = static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> (64 - step.bits));
    // NaNs go past the table: they equal nothing, and a row of them would make it slow.
    const bool hashed = x[i] == x[i];
    int32_t at = -1;
    while (hashed && (at = step.table[slot]) >= 0 && key_of(y[at]) != key)
      slot = (slot + 1) & mask;
    if (at < 0) {
      at = static_cast<int32_t>(found++);
      if (hashed) step.table[slot] = at;
      y[at] = x[i];
      if (counts) counts[at] = 0;
    }
    index[i] = static_cast<I>(at);
    if (counts) ++counts[at];
  }
  context.dynamic_sizes[0] = found;
  if (counts) context.dynamic_sizes[2] = found;
  return Status();
}

}  // namespace

Status prepare_unique(const StepDesc& desc, const HostServices& host, StepPointer& step) {
  const bool counts = desc.num_outputs == 3;
  TRY(check_arity(desc, 1, counts ? 3 : 2));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0], &index = desc.outputs[1];
  TRY(check_same_dtype(desc, x, y));
  if (!is_index(index.dtype)) return reject(desc, "indices are %s", dtype_name(index.dtype));
  if (x.rank != 1 || y.rank != 1 || !same_shape(x, index)) return reject(desc, "shapes do not fit");
  if (y.size < x.size) return reject(desc, "the output is too small");
  if (counts && (desc.outputs[2].dtype != index.dtype || desc.outputs[2].rank != 1 ||
                 desc.outputs[2].size < x.size))
    return reject(desc, "the counts do not fit");
  if (x.size > INT32_MAX)
    return Status::error(Code::kInvalidArgument,
                         "unique does not support input tensors larger than %d elements", INT32_MAX);
  PreparedStep::Run run = nullptr;
  dispatch(x.dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    // Of the integers only the size matters.
    using Key = std::conditional_t<
        std::is_floating_point_v<T>, T,
        std::conditional_t<sizeof(T) == 1, uint8_t,
                           std::conditional_t<sizeof(T) == 2, uint16_t,
                                              std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>>;
    run = index.dtype == DType::kInt32 ? run_unique<Key, int32_t> : run_unique<Key, int64_t>;
  });
  auto unique = std::make_unique<UniqueStep>(run, host);
  unique->size = x.size;
  unique->counts = counts;
  while ((int64_t{1} << unique->bits) < 2 * x.size) ++unique->bits;
  unique->table = static_cast<int32_t*>(host.allocate(host.self, unique->table_bytes()));
  if (!unique->table)
    return Status::error(Code::kResourceExhausted, "out of memory allocating %zu bytes",
                         unique->table_bytes());
  step = std::move(unique);
  return Status();
}

}  // namespace grafo::cpu
