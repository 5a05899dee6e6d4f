// The random kernels: each output is a fixed function of (seeds, state, position), so threads just take ranges of blocks.
#include "cpu/kernels.h"
#include "math/philox.h"

namespace grafo::cpu {
namespace {

// TensorFlow reserves this many 128-bit blocks per output element, whatever the distribution draws.
constexpr uint64_t kBlocksPerElement = 256;

struct RandomStep : PreparedStep {
  using PreparedStep::PreparedStep;
  int64_t seed, seed2, size;
  int32_t state;

  // The stream of this run; the next run starts behind everything this one may draw. Only the session's own thread comes
  // here, so the state needs no lock.
  Philox reserve(const RunContext& context) const {
    int64_t& counter = *context.states[state];
    const Philox stream(seed, seed2, static_cast<uint64_t>(counter));
    counter = static_cast<int64_t>(static_cast<uint64_t>(counter) +
                                   static_cast<uint64_t>(size) * kBlocksPerElement);
    return stream;
  }
};

// Fills y[0, size) from groups of 16 bytes; the last group may be cut.
template <class T, class Distribution>
Status fill(const RunContext& context, const Philox& stream, T* y, int64_t size, int64_t cost,
            Distribution distribution) {
  constexpr int kGroup = 16 / sizeof(T);
  const int64_t groups = size / kGroup + (size % kGroup != 0);
  parallel_for(context, groups, grain_for(cost * kGroup), [&](int64_t begin, int64_t end) {
    const int64_t full = end < size / kGroup ? end : size / kGroup;
    for (int64_t group = begin; group < full; ++group)
      distribution(stream, static_cast<uint64_t>(group), y + group * kGroup);
    if (full < end) {
      T last[kGroup];
      distribution(stream, static_cast<uint64_t>(full), last);
      for (int64_t i = full * kGroup; i < size; ++i) y[i] = last[i - full * kGroup];
    }
  });
  return Status();
}

template <class T, class Distribution>
Status run_real(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const RandomStep&>(base);
  constexpr int64_t kCost = std::is_same_v<Distribution, philox::Uniform> ? 4 : 64;
  return fill(context, step.reserve(context), static_cast<T*>(buffers[0]), step.size, kCost,
              Distribution{});
}

template <class T, class Distribution>
Status run_integer(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const RandomStep&>(base);
  if (step.size == 0) return Status();
  const T lo = *static_cast<const T*>(buffers[0]);
  const T hi = *static_cast<const T*>(buffers[1]);
  if (lo >= hi)
    return Status::error(Code::kInvalidArgument, "Need minval < maxval, got %lld >= %lld",
                         static_cast<long long>(lo), static_cast<long long>(hi));
  return fill(context, step.reserve(context), static_cast<T*>(buffers[2]), step.size, 8,
              Distribution(lo, hi));
}

Status make_step(const StepDesc& desc, PreparedStep::Run run, StepPointer& step) {
  AttrReader attrs(desc);
  auto random = std::make_unique<RandomStep>(run);
  random->seed = attrs.i64();
  random->seed2 = attrs.i64();
  random->state = attrs.state();
  random->size = desc.outputs[0].size;
  TRY(attrs.finish());
  step = std::move(random);
  return Status();
}

template <class Distribution>
Status prepare_real(const StepDesc& desc, StepPointer& step) {
  TRY(check_arity(desc, 0, 1));
  PreparedStep::Run run = nullptr;
  if (!dispatch_float(desc.outputs[0].dtype, [&](auto type) {
        run = run_real<typename decltype(type)::type, Distribution>;
      }))
    return reject(desc, "no kernel for %s", dtype_name(desc.outputs[0].dtype));
  return make_step(desc, run, step);
}

}  // namespace

Status prepare_random_uniform(const StepDesc& desc, const HostServices&, StepPointer& step) {
  return prepare_real<philox::Uniform>(desc, step);
}

Status prepare_random_normal(const StepDesc& desc, const HostServices&, StepPointer& step) {
  return prepare_real<philox::Normal>(desc, step);
}

Status prepare_truncated_normal(const StepDesc& desc, const HostServices&, StepPointer& step) {
  return prepare_real<philox::TruncatedNormal>(desc, step);
}

Status prepare_random_int(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 2, 1));
  TRY(check_no_alias(desc));
  const DType dtype = desc.outputs[0].dtype;
  for (int i = 0; i < 2; ++i)
    if (desc.inputs[i].dtype != dtype || desc.inputs[i].size != 1)
      return reject(desc, "bound %d is not a scalar of the output's dtype", i);
  if (dtype == DType::kInt32)
    return make_step(desc, run_integer<int32_t, philox::UniformInt32>, step);
  if (dtype == DType::kInt64)
    return make_step(desc, run_integer<int64_t, philox::UniformInt64>, step);
  return reject(desc, "no kernel for %s", dtype_name(dtype));
}

}  // namespace grafo::cpu
