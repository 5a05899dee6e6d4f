// CheckNumerics, Assert, Print and IsInitialized: the kernels that are there for what they say.
#include <atomic>
#include <new>
#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "cpu/strided.h"
#include "cpu/summarize.h"

namespace grafo::cpu {
namespace {

struct NumericsStep : PreparedStep {
  using PreparedStep::PreparedStep;
  std::string message;
  int64_t size;
};

template <class T>
Status run_check_numerics(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const NumericsStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  std::atomic<int> seen{0};  // bit 0 Inf, bit 1 NaN
  parallel_for(context, step.size, grain_for(1), [&](int64_t begin, int64_t end) {
    // x - x is 0 for every finite number, and what is added up stays NaN once it is.
    T sum = T(0);
    for (int64_t i = begin; i < end; i += 256) {
      const int64_t last = std::min(end, i + 256);
      T lanes[16] = {};
      int64_t j = i;
      for (; j + 16 <= last; j += 16)
        for (int l = 0; l < 16; ++l) lanes[l] += x[j + l] - x[j + l];
      for (; j < last; ++j) lanes[0] += x[j] - x[j];
      for (int l = 0; l < 16; ++l) sum += lanes[l];
    }
    if (sum == T(0)) return;
    int kinds = 0;
    for (int64_t i = begin; i < end; ++i)
      if (x[i] - x[i] != T(0)) kinds |= x[i] != x[i] ? 2 : 1;
    seen.fetch_or(kinds);
  });
  const int kinds = seen.load();
  if (kinds != 0)
    return Status::error(Code::kInvalidArgument, "%s : Tensor had %s values", step.message.c_str(),
                         kinds == 3 ? "Inf and NaN" : kinds == 2 ? "NaN" : "Inf");
  if (x != y && step.size != 0)
    std::memcpy(y, x, static_cast<size_t>(step.size) * sizeof(T));
  return Status();
}

// What Assert and Print have to say of their data.
struct TextStep : PreparedStep {
  using PreparedStep::PreparedStep;
  std::string message;
  int64_t most;
  int64_t first_n = -1;
  int32_t state = 0;
  std::vector<TensorDesc> data;

  void append(std::string& text, size_t i, const void* buffer) const {
    const TensorDesc& t = data[i];
    text += '[';
    text += summarize(t.dtype, t.rank, t.dims, t.size, buffer, most);
    text += ']';
  }
};

Status run_assert(const PreparedStep& base, RunContext&, void* const* buffers) try {
  if (*static_cast<const uint8_t*>(buffers[0]) != 0) return Status();
  const auto& step = static_cast<const TextStep&>(base);
  std::string text;
  if (!step.message.empty()) {
    text += '[';
    text += step.message;
    text += ']';
  }
  for (size_t i = 0; i < step.data.size() && text.size() < Status::kTextBytes; ++i) {
    if (!text.empty()) text += ' ';
    step.append(text, i, buffers[i + 1]);
  }
  return Status::error(Code::kInvalidArgument, "assertion failed: %s", text.c_str());
} catch (const std::bad_alloc&) {
  return Status::error(Code::kInvalidArgument, "assertion failed");
}

Status run_print(const PreparedStep& base, RunContext& context, void* const* buffers) try {
  const auto& step = static_cast<const TextStep&>(base);
  if (step.first_n >= 0) {
    int64_t& calls = *context.states[step.state];
    if (calls >= step.first_n) return Status();
    ++calls;
  }
  std::string text = step.message;
  for (size_t i = 0; i < step.data.size(); ++i) step.append(text, i, buffers[i]);
  context.log(context.log_self, text.data(), text.size());
  return Status();
} catch (const std::bad_alloc&) {
  return Status::error(Code::kResourceExhausted, "out of memory printing");
}

Status take_data(const StepDesc& desc, int first, TextStep& step) {
  for (int i = first; i < desc.num_inputs; ++i) {
    if (item_size(desc.inputs[i].dtype) == 0) return reject(desc, "input %d is a string", i);
    step.data.push_back(desc.inputs[i]);
  }
  return Status();
}

Status run_is_initialized(const PreparedStep&, RunContext& context, void* const* buffers) {
  *static_cast<uint8_t*>(buffers[1]) = *context.initialized != 0;
  return Status();
}

}  // namespace

Status prepare_check_numerics(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, x, y));
  if (!is_float(x.dtype)) return reject(desc, "no kernel for %s", dtype_name(x.dtype));
  if (x.size != y.size) return reject(desc, "sizes differ");
  AttrReader attrs(desc);
  auto check = std::make_unique<NumericsStep>(
      x.dtype == DType::kFloat32 ? run_check_numerics<float> : run_check_numerics<double>);
  check->message = attrs.symbol();
  check->size = x.size;
  TRY(attrs.finish());
  step = std::move(check);
  return Status();
}

Status prepare_assert(const StepDesc& desc, const HostServices&, StepPointer& step) {
  if (desc.num_inputs < 1 || desc.num_outputs != 0)
    return reject(desc, "it needs a condition and no outputs");
  if (desc.inputs[0].dtype != DType::kBool || desc.inputs[0].size != 1)
    return reject(desc, "the condition is not a bool scalar");
  AttrReader attrs(desc);
  auto check = std::make_unique<TextStep>(run_assert);
  check->most = attrs.i32();
  // A leading text among the data is a symbol, because strings do not reach the backend; -1 = none.
  const int32_t first = attrs.i32();
  if (first < -1 || first >= desc.num_symbols) return reject(desc, "no symbol %d", first);
  if (first >= 0) check->message = desc.symbols[first];
  TRY(attrs.finish());
  TRY(take_data(desc, 1, *check));
  step = std::move(check);
  return Status();
}

Status prepare_print(const StepDesc& desc, const HostServices&, StepPointer& step) {
  if (desc.num_outputs != 0) return reject(desc, "it has no outputs");
  AttrReader attrs(desc);
  auto print = std::make_unique<TextStep>(run_print);
  print->message = attrs.symbol();
  print->most = attrs.i32();
  print->first_n = attrs.i32();
  print->state = attrs.state();
  TRY(attrs.finish());
  TRY(take_data(desc, 0, *print));
  step = std::move(print);
  return Status();
}

Status prepare_is_initialized(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(AttrReader(desc).finish());
  if (!desc.inputs[0].variable) return reject(desc, "the input is no variable");
  if (desc.outputs[0].dtype != DType::kBool || desc.outputs[0].size != 1)
    return reject(desc, "the output is not a bool scalar");
  step = std::make_unique<PreparedStep>(run_is_initialized);
  return Status();
}

}  // namespace grafo::cpu
