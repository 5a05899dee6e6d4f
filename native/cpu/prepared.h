// What every CPU kernel is written with: the prepared step, the attribute reader, shape checks,
// dtype dispatch and the wrapper over the host's threads.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/dtype.h"
#include "base/status.h"
#include "runtime/backend.h"

namespace grafo {

// A verified step. Kernels derive from it, keep what depends on shapes only, and set `run`.
// run() reads the step only: everything it changes is in the buffers, in the context or on its own
// stack. (MatMul's first run packs a constant factor into memory of the step.)
struct PreparedStep {
  using Run = Status (*)(const PreparedStep& step, RunContext& context, void* const* buffers);

  explicit PreparedStep(Run run_function) : run(run_function) {}
  virtual ~PreparedStep() = default;
  PreparedStep(const PreparedStep&) = delete;
  PreparedStep& operator=(const PreparedStep&) = delete;

  const Run run;
};

namespace cpu {

using StepPointer = std::unique_ptr<PreparedStep>;

// A plan that breaks the kernel table is INTERNAL: TypeScript should not have written it.
__attribute__((format(printf, 2, 3))) inline Status reject(const StepDesc& desc, const char* format,
                                                           ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return Status::error(Code::kInternal, "%s: %s", desc.kernel, text).at(desc.node);
}

// Reads a step's attribute words in order. Reading past the end gives zeros and is told by
// finish(), so a kernel reads all its attributes in a line each and checks once; a count read from
// the words is checked with `count`.
class AttrReader {
 public:
  explicit AttrReader(const StepDesc& desc) : desc_(desc) {}

  int32_t i32() {
    if (next_ >= desc_.num_attrs) {
      short_ = true;
      return 0;
    }
    return desc_.attrs[next_++];
  }
  int64_t i64() {
    const uint32_t low = static_cast<uint32_t>(i32());
    const uint32_t high = static_cast<uint32_t>(i32());
    return static_cast<int64_t>(uint64_t{high} << 32 | low);
  }
  double f64() {
    const int64_t bits = i64();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  bool flag() {
    const int32_t word = i32();
    if (word != 0 && word != 1) bad_ = true;
    return word == 1;
  }
  // A number that must lie in [low, high]; `low` where it does not, and finish() tells.
  int32_t count(int32_t low, int32_t high) {
    const int32_t word = i32();
    if (word < low || word > high) {
      bad_ = true;
      return low;
    }
    return word;
  }
  // A text of the plan's symbol table.
  const char* symbol() {
    const int32_t index = i32();
    if (index < 0 || index >= desc_.num_symbols) {
      bad_ = true;
      return "";
    }
    return desc_.symbols[index];
  }
  // A position in RunContext::states.
  int32_t state() { return count(0, desc_.num_states > 0 ? desc_.num_states - 1 : -1); }

  int32_t left() const { return desc_.num_attrs - next_; }
  bool ok() const { return !short_ && !bad_; }
  Status finish() const {
    if (short_) return reject(desc_, "%d attribute words are too few", desc_.num_attrs);
    if (bad_) return reject(desc_, "an attribute is out of range");
    if (left() != 0) return reject(desc_, "%d attribute words are left over", left());
    return Status();
  }

 private:
  const StepDesc& desc_;
  int32_t next_ = 0;
  bool short_ = false;
  bool bad_ = false;
};

inline Status check_arity(const StepDesc& desc, int inputs, int outputs) {
  if (desc.num_inputs == inputs && desc.num_outputs == outputs) return Status();
  return reject(desc, "%d inputs and %d outputs instead of %d and %d", desc.num_inputs,
                desc.num_outputs, inputs, outputs);
}

// Kernels that are not "in place" in the table: no output shares memory with an input or another
// output.
inline Status check_no_alias(const StepDesc& desc) {
  for (int o = 0; o < desc.num_outputs; ++o) {
    for (int i = 0; i < desc.num_inputs; ++i)
      if (desc.outputs[o].storage == desc.inputs[i].storage)
        return reject(desc, "output %d shares storage with input %d", o, i);
    for (int p = 0; p < o; ++p)
      if (desc.outputs[o].storage == desc.outputs[p].storage)
        return reject(desc, "outputs %d and %d share storage", p, o);
  }
  return Status();
}

inline bool same_shape(const TensorDesc& a, const TensorDesc& b) {
  if (a.rank != b.rank) return false;
  for (int d = 0; d < a.rank; ++d)
    if (a.dims[d] != b.dims[d]) return false;
  return true;
}

// a * b, false where it does not fit. Both are counts, never negative.
inline bool checked_multiply(int64_t a, int64_t b, int64_t* product) {
  return !__builtin_mul_overflow(a, b, product);
}

inline int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }

// Product of dims[begin, end) of a shape whose `size` the engine has checked; a zero dim elsewhere
// could still hide an overflow, so this saturates at 0 for empty tensors.
inline int64_t extent(const TensorDesc& tensor, int begin, int end) {
  if (tensor.size == 0) {
    for (int d = begin; d < end; ++d)
      if (tensor.dims[d] == 0) return 0;
  }
  int64_t product = 1;
  for (int d = begin; d < end; ++d)
    if (!checked_multiply(product, tensor.dims[d], &product)) return 0;
  return product;
}

inline bool is_float(DType dtype) { return dtype == DType::kFloat32 || dtype == DType::kFloat64; }
inline bool is_index(DType dtype) { return dtype == DType::kInt32 || dtype == DType::kInt64; }
inline bool is_numeric(DType dtype) { return item_size(dtype) != 0 && dtype != DType::kBool; }

template <class T>
struct Type {
  using type = T;
};

// visit(Type<T>{}) with the C++ type of a dtype: `dispatch(dtype, [&](auto type) { using T =
// typename decltype(type)::type; ... })`. False where the dtype is not one of the list; kernels
// turn that into reject().
#define GRAFO_DISPATCH(name, list)                                       \
  template <class Visit>                                                 \
  bool name(DType dtype, Visit&& visit) {                                \
    switch (dtype) { list(GRAFO_DISPATCH_CASE) default : return false; } \
  }
#define GRAFO_DISPATCH_CASE(enumerator, type, text) \
  case DType::enumerator:                           \
    visit(Type<type>{});                            \
    return true;
#define GRAFO_FLOAT_DTYPES(X) X(kFloat32, float, "float") X(kFloat64, double, "double")
#define GRAFO_INDEX_DTYPES(X) X(kInt32, int32_t, "int32") X(kInt64, int64_t, "int64")
GRAFO_DISPATCH(dispatch, GRAFO_DTYPES)
GRAFO_DISPATCH(dispatch_numeric, GRAFO_NUMERIC_DTYPES)
GRAFO_DISPATCH(dispatch_float, GRAFO_FLOAT_DTYPES)
GRAFO_DISPATCH(dispatch_index, GRAFO_INDEX_DTYPES)

// For movement kernels, which care for the item size only: visit(Type<uintN_t>{}).
template <class Visit>
bool dispatch_bytes(DType dtype, Visit&& visit) {
  switch (item_size(dtype)) {
    case 1:
      visit(Type<uint8_t>{});
      return true;
    case 2:
      visit(Type<uint16_t>{});
      return true;
    case 4:
      visit(Type<uint32_t>{});
      return true;
    case 8:
      visit(Type<uint64_t>{});
      return true;
    default:
      return false;
  }
}

// Calls body(begin, end) over disjoint ranges that cover [0, n), on the host's threads where n >
// grain.
template <class Body>
void parallel_for(const RunContext& context, int64_t n, int64_t grain, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  if (n <= grain) {
    if (n > 0) body(int64_t{0}, n);
    return;
  }
  context.host->parallel_for(
      context.host->self, n, grain,
      [](void* arg, int64_t begin, int64_t end) { (*static_cast<Plain*>(arg))(begin, end); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// How many items of `cost` element-operations make a piece of work worth handing to another thread.
constexpr int64_t kGrainOperations = 1 << 16;
inline int64_t grain_for(int64_t cost) {
  const int64_t grain = kGrainOperations / (cost > 0 ? cost : 1);
  return grain > 0 ? grain : 1;
}

// Of a larger array, in bytes, a core's own caches are not taken to hold all.
constexpr int64_t kPastNearCaches = 1 << 20;
// Half of a usual last cache. A constant, because what machines tell of theirs is often that of another.
constexpr int64_t kPastCaches = int64_t{16} << 20;

inline bool is_cancelled(const RunContext& context) {
  return context.cancelled && context.cancelled->load(std::memory_order_relaxed) != 0;
}
// What a kernel returns when it saw is_cancelled(): the engine knows whether it was a signal or a
// deadline.
inline Status cancelled() { return Status::error(Code::kCancelled, "the run was cancelled"); }

}  // namespace cpu
}  // namespace grafo
