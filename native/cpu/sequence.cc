// Range and LinSpace.
#include "cpu/kernels.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct SequenceStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t size;
};

// One chain of additions, as TensorFlow's: 0.1 ten times is not 1. Integers wrap around.
template <class T>
Status run_range(const PreparedStep& base, RunContext&, void* const* buffers) {
  const auto& step = static_cast<const SequenceStep&>(base);
  T value = *static_cast<const T*>(buffers[0]);
  const T delta = *static_cast<const T*>(buffers[1]);
  T* const y = static_cast<T*>(buffers[2]);
  for (int64_t i = 0; i < step.size; ++i) {
    y[i] = value;
    value = static_cast<T>(value + delta);
  }
  return Status();
}

template <class T>
Status run_linspace(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const SequenceStep&>(base);
  const T start = *static_cast<const T*>(buffers[0]), stop = *static_cast<const T*>(buffers[1]);
  T* const y = static_cast<T*>(buffers[2]);
  if (step.size == 0) return Status();
  y[0] = start;
  if (step.size == 1) return Status();
  const T delta = (stop - start) / static_cast<T>(step.size - 1);
  parallel_for(context, step.size - 2, grain_for(1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin + 1; i < end + 1; ++i) y[i] = start + delta * static_cast<T>(i);
  });
  y[step.size - 1] = stop;  // rounding would miss it
  return Status();
}

Status prepare_sequence(const StepDesc& desc, PreparedStep::Run run, StepPointer& step) {
  TRY(check_arity(desc, 2, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  if (!run) return reject(desc, "no kernel for %s", dtype_name(desc.outputs[0].dtype));
  for (int i = 0; i < 2; ++i) {
    TRY(check_same_dtype(desc, desc.inputs[i], desc.outputs[0]));
    if (desc.inputs[i].size != 1) return reject(desc, "input %d is not a scalar", i);
  }
  auto sequence = std::make_unique<SequenceStep>(run);
  sequence->size = desc.outputs[0].size;
  step = std::move(sequence);
  return Status();
}

}  // namespace

Status prepare_range(const StepDesc& desc, const HostServices&, StepPointer& step) {
  PreparedStep::Run run = nullptr;
  if (desc.num_outputs == 1)
    dispatch_numeric(desc.outputs[0].dtype, [&](auto type) {
      using Given = typename decltype(type)::type;
      using T = typename std::conditional_t<std::is_floating_point_v<Given>, Type<Given>,
                                            std::make_unsigned<Given>>::type;
      run = run_range<T>;
    });
  return prepare_sequence(desc, run, step);
}

Status prepare_linspace(const StepDesc& desc, const HostServices&, StepPointer& step) {
  PreparedStep::Run run = nullptr;
  if (desc.num_outputs == 1)
    dispatch_float(desc.outputs[0].dtype,
                   [&](auto type) { run = run_linspace<typename decltype(type)::type>; });
  return prepare_sequence(desc, run, step);
}

}  // namespace grafo::cpu
