// Copy and Fill: whole tensors, cut in pieces for the threads.
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct CopyStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t bytes;
};

Status run_copy(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const CopyStep&>(base);
  const char* const from = static_cast<const char*>(buffers[0]);
  char* const to = static_cast<char*>(buffers[1]);
  parallel_for(context, step.bytes, kGrainBytes, [&](int64_t begin, int64_t end) {
    std::memcpy(to + begin, from + begin, static_cast<size_t>(end - begin));
  });
  return Status();
}

struct FillStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t size;
};

template <class T>
Status run_fill(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const FillStep&>(base);
  const T value = *static_cast<const T*>(buffers[0]);
  T* const to = static_cast<T*>(buffers[1]);
  parallel_for(context, step.size, kGrainBytes / static_cast<int64_t>(sizeof(T)),
               [&](int64_t begin, int64_t end) { std::fill(to + begin, to + end, value); });
  return Status();
}

}  // namespace

Status prepare_copy(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  TRY(check_same_dtype(desc, desc.inputs[0], desc.outputs[0]));
  if (desc.inputs[0].size != desc.outputs[0].size) return reject(desc, "sizes differ");
  auto copy = std::make_unique<CopyStep>(run_copy);
  copy->bytes = desc.outputs[0].size * static_cast<int64_t>(item_size(desc.outputs[0].dtype));
  step = std::move(copy);
  return Status();
}

Status prepare_fill(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  TRY(check_same_dtype(desc, desc.inputs[0], desc.outputs[0]));
  if (desc.inputs[0].size != 1) return reject(desc, "the value is not a scalar");
  dispatch_bytes(desc.outputs[0].dtype, [&](auto type) {
    auto fill = std::make_unique<FillStep>(run_fill<typename decltype(type)::type>);
    fill->size = desc.outputs[0].size;
    step = std::move(fill);
  });
  return Status();
}

}  // namespace grafo::cpu
