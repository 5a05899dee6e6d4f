// The random kernels: each output is a fixed function of (seeds, counter, position), the CPU's bits.
#include "cuda/dispatch.h"
#include "cuda/kernels.h"
#include "math/philox.h"

namespace grafo::cuda {
namespace {

// TensorFlow reserves this many 128-bit blocks per output element, whatever the distribution draws.
constexpr uint64_t kBlocksPerElement = 256;

// Where a run's stream begins: a number, or in a recorded run the memory that each launch fills.
struct Start {
  int64_t seed, seed2;
  uint64_t first;
  const uint64_t* recorded;

  __device__ Philox stream() const { return Philox(seed, seed2, recorded != nullptr ? *recorded : first); }
};

// y[0, n) from groups of 16 bytes; the last group may be cut.
template <class T, class Distribution>
__device__ void fill(const Philox& stream, const Distribution& distribution, T* y, int64_t n) {
  constexpr int kGroup = 16 / sizeof(T);
  const int64_t groups = n / kGroup + (n % kGroup != 0), stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t group = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; group < groups; group += stride) {
    alignas(16) T drawn[kGroup];
    distribution(stream, static_cast<uint64_t>(group), drawn);
    T* const to = y + group * kGroup;
    if (group < n / kGroup) {
      *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(drawn);
    } else {
      for (int64_t i = 0; i < n % kGroup; ++i) to[i] = drawn[i];
    }
  }
}

template <class T, class Distribution>
__global__ void real_kernel(Start start, T* y, int64_t n) {
  fill(start.stream(), Distribution(), y, n);
}

// Where the bounds are wrong nothing is drawn; one thread says so.
template <class T, class Distribution>
__global__ void integer_kernel(Start start, const T* low, const T* high, T* y, int64_t n, Fault* fault,
                               unsigned* failed) {
  const T lo = *low, hi = *high;
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    fault->first = lo < hi ? kNoFault : 0;
    fault->value = static_cast<long long>(lo);
    fault->other = static_cast<long long>(hi);
    if (lo >= hi) *failed = 1;
  }
  if (lo < hi) fill(start.stream(), Distribution(lo, hi), y, n);
}

struct RandomStep : PreparedStep {
  ~RandomStep() override {
    if (pinned_ != nullptr) (void)cudaFreeHost(pinned_);
  }

  Status prepare(const StepDesc& desc, Device& device) {
    Words words(desc);
    seed_ = words.i64();
    seed2_ = words.i64();
    state_ = words.i32();
    n = desc.outputs[0].size;
    void* pinned = nullptr;
    TRY(check(cudaHostAlloc(&pinned, kTurns * sizeof *pinned_, cudaHostAllocDefault), "pinned memory"));
    pinned_ = static_cast<uint64_t*>(pinned);
    return recorded_.allocate(device, sizeof(uint64_t));
  }

  // A run draws from the session's counter as it is; the next one starts behind everything this one may draw.
  uint64_t reserve(int64_t* const* states) const {
    const uint64_t first = static_cast<uint64_t>(*states[state_]);
    *states[state_] = static_cast<int64_t>(first + static_cast<uint64_t>(n) * kBlocksPerElement);
    return first;
  }
  // Launches that wait have a turn each.
  Status draw(Device& device, int64_t* const* states) override {
    turn_ = (turn_ + 1) % kTurns;
    pinned_[turn_] = reserve(states);
    return check(cudaMemcpyAsync(recorded_.as<void>(), pinned_ + turn_, sizeof *pinned_, cudaMemcpyHostToDevice,
                                 device.stream),
                 "a copy to the device");
  }

  // A recorded run reads the counter where each launch has put it.
  Status start(Device& device, const RunContext& context, Start* start) {
    *start = {seed_, seed2_, 0, nullptr};
    if (!device.recording) {
      start->first = reserve(context.states);
      return {};
    }
    device.draws.push_back(this);
    start->recorded = recorded_.as<uint64_t>();
    return {};
  }

  dim3 blocks(size_t item) const { return blocks_for((n * static_cast<int64_t>(item) + 15) / 16); }

  int64_t n = 0;

 private:
  static constexpr int kTurns = kMostQueued + 1;
  int64_t seed_ = 0, seed2_ = 0;
  int32_t state_ = 0;
  int turn_ = 0;
  uint64_t* pinned_ = nullptr;
  Scratch recorded_;
};

template <class T, class Distribution>
struct RealStep final : RandomStep {
  Status run(Device& device, RunContext& context, void* const* buffers) override {
    if (n == 0) return {};
    Start start;
    TRY(this->start(device, context, &start));
    return launch(device, real_kernel<T, Distribution>, blocks(sizeof(T)), kThreads, start,
                  static_cast<T*>(buffers[0]), n);
  }
};

template <class T, class Distribution>
struct IntegerStep final : RandomStep {
  Status run(Device& device, RunContext& context, void* const* buffers) override {
    if (n == 0) return {};
    Start start;
    TRY(this->start(device, context, &start));
    return launch(device, integer_kernel<T, Distribution>, blocks(sizeof(T)), kThreads, start,
                  static_cast<const T*>(buffers[0]), static_cast<const T*>(buffers[1]), static_cast<T*>(buffers[2]), n,
                  fault, device.failed);
  }
  Status explain(const Fault& found) const override {
    return Status::error(Code::kInvalidArgument, "Need minval < maxval, got %lld >= %lld", found.value, found.other);
  }
  Scratch fault_memory;
};

template <class Distribution>
Status prepare_real(const StepDesc& desc, Device& device, StepPointer& step) {
  std::unique_ptr<RandomStep> random;
  if (desc.outputs[0].dtype == DType::kFloat32) random = std::make_unique<RealStep<float, Distribution>>();
  else random = std::make_unique<RealStep<double, Distribution>>();
  TRY(random->prepare(desc, device));
  step = std::move(random);
  return {};
}

template <class T, class Distribution>
Status prepare_integer(const StepDesc& desc, Device& device, StepPointer& step) {
  auto random = std::make_unique<IntegerStep<T, Distribution>>();
  TRY(random->prepare(desc, device));
  // Without elements it never runs, and finds nothing wrong.
  if (random->n > 0) {
    TRY(random->fault_memory.allocate(device, sizeof(Fault)));
    random->fault = random->fault_memory.template as<Fault>();
  }
  step = std::move(random);
  return {};
}

}  // namespace

Status prepare_random_uniform(const StepDesc& desc, Device& device, StepPointer& step) {
  return prepare_real<philox::Uniform>(desc, device, step);
}

Status prepare_random_normal(const StepDesc& desc, Device& device, StepPointer& step) {
  return prepare_real<philox::Normal>(desc, device, step);
}

Status prepare_truncated_normal(const StepDesc& desc, Device& device, StepPointer& step) {
  return prepare_real<philox::TruncatedNormal>(desc, device, step);
}

Status prepare_random_int(const StepDesc& desc, Device& device, StepPointer& step) {
  return desc.outputs[0].dtype == DType::kInt32 ? prepare_integer<int32_t, philox::UniformInt32>(desc, device, step)
                                                : prepare_integer<int64_t, philox::UniformInt64>(desc, device, step);
}

}  // namespace grafo::cuda
