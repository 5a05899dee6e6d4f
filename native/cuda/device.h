// What every CUDA step is written with: the session's device, prepared steps, faults that kernels find, and launches.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/status.h"
#include "runtime/backend.h"
#include "runtime/device_calls.h"

// The emulated device has its own.
#ifndef GRAFO_DYNAMIC_SHARED
#define GRAFO_DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#endif

namespace grafo {
namespace cuda {

// RESOURCE_EXHAUSTED for memory, else INTERNAL, with CUDA's name of the error.
Status check(cudaError_t error, const char* what);

// What a kernel found wrong. A kernel lowers `first` to the place of an offending element, so that the first one is told
// whichever thread comes first; `value` is that element, `other` what else the text says.
struct Fault {
  unsigned long long first;
  long long value, other;
};
constexpr unsigned long long kNoFault = ~0ull;

struct Device;
class CublasLt;

}  // namespace cuda

// A verified step. Kernels derive from it, keep what depends on shapes only, and launch in `run`.
struct PreparedStep {
  virtual ~PreparedStep() = default;
  // Adds work to the device's stream, and does not wait for it.
  virtual Status run(cuda::Device& device, RunContext& context, void* const* buffers) = 0;
  // Whether `run` does the same again and again: no copies of the host's memory, nothing that depends on values.
  virtual bool can_capture() const { return true; }
  // Before each launch of a recorded run, of a step in its `draws`: takes from the session's states, and queues it for the launch. As
  // many as kMostQueued launches may wait.
  virtual Status draw(cuda::Device&, int64_t* const*) { return {}; }
  // Of a step with a fault: what it says.
  virtual Status explain(const cuda::Fault&) const { return Status::error(Code::kInternal, "a kernel failed"); }

  int32_t node = -1;
  cuda::Fault* fault = nullptr;  // in the device's memory, of steps that may find something wrong
};

namespace cuda {

using StepPointer = std::unique_ptr<PreparedStep>;

// A run that was recorded.
struct RecordedGraph {
  cudaGraphExec_t exec = nullptr;
  std::vector<PreparedStep*> faulty;  // steps with a fault, in the order they run
  std::vector<PreparedStep*> draws;   // steps that take from the session's states, in that order
};

// One session's device. Used by one thread at a time.
struct Device {
  const HostServices* host = nullptr;
  void* cpu = nullptr;  // an instance of host->cpu
  cudaStream_t stream = nullptr;
  int multiprocessors = 1;
  int arch = 0;  // 90 of sm_90
  std::shared_ptr<CublasLt> lt;  // looked for when a product first asks for it
  std::vector<PreparedStep*> faulty;  // of the run in flight
  std::vector<PreparedStep*> draws;   // of the run that is being recorded
  bool recording = false;
  // Set when a step found something wrong: from then on nothing of that run writes a variable.
  unsigned* failed = nullptr;
  std::vector<PreparedStep*> asked[kMostQueued + 1];  // by place: whose faults are noted there
  Fault* told = nullptr;  // pinned: at each place one for `failed`, and most_told of steps
  size_t most_told = 0, faulty_steps = 0;  // faulty_steps: prepared and not destroyed
  cudaStream_t upload = nullptr, download = nullptr;  // made when a queue is first used
  int64_t memory_limit = 0;  // most bytes that allocate() gives out at a time; 0 = what there is
  int64_t memory_used = 0;
  Precision precision = Precision::kFloat32;  // what products of float32 may be computed in

  Status allocate(size_t bytes, void** memory);
  void release(void* memory, size_t bytes);
  // Waits for what was launched, and tells the first thing that a step of this run found wrong.
  Status settle();
  // Queues copies of what the steps of `faulty` find wrong to a place; without details only whether they do.
  Status note(int32_t place, bool details);
  Status verdict(int32_t place);
  Status make_room(size_t faults);
  Status wait();   // for all queues
  Status drain();  // the same, and forgets what was found wrong
};

// Memory of the device that a step keeps.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (memory_ != nullptr) device_->release(memory_, bytes_);
  }
  Status allocate(Device& device, size_t bytes) {
    device_ = &device;
    bytes_ = bytes;
    return bytes == 0 ? Status() : device.allocate(bytes, &memory_);
  }
  template <class T>
  T* as() const {
    return static_cast<T*>(memory_);
  }

 private:
  Device* device_ = nullptr;
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

// Reads the attribute words of a step that the CPU's backend has accepted.
class Words {
 public:
  explicit Words(const StepDesc& desc) : next_(desc.attrs), end_(desc.attrs + desc.num_attrs) {}
  int32_t i32() { return next_ < end_ ? *next_++ : 0; }
  int64_t i64() {
    const uint32_t low = static_cast<uint32_t>(i32());
    const uint32_t high = static_cast<uint32_t>(i32());
    return static_cast<int64_t>(uint64_t{high} << 32 | low);
  }
  int32_t left() const { return static_cast<int32_t>(end_ - next_); }

 private:
  const int32_t* next_;
  const int32_t* end_;
};

constexpr unsigned kThreads = 256;

// Blocks for n elements, a thread each; kernels loop with the grid's size where that is more than a launch should have.
inline dim3 blocks_for(int64_t n, int64_t threads = kThreads) {
  const int64_t blocks = (n + threads - 1) / threads;
  return dim3(static_cast<unsigned>(blocks < 1 ? 1 : blocks > (1 << 20) ? 1 << 20 : blocks));
}

// With `shared` bytes of memory for each block, at most 48 KB, which the kernel names by GRAFO_DYNAMIC_SHARED.
template <class... Parameters, class... Arguments>
Status launch_shared(Device& device, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared,
                     Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = device.stream;
  return check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), "a kernel launch");
}
template <class... Parameters, class... Arguments>
Status launch(Device& device, void (*kernel)(Parameters...), dim3 grid, dim3 block, Arguments&&... arguments) {
  return launch_shared(device, kernel, grid, block, 0, std::forward<Arguments>(arguments)...);
}

// Before a step's kernels that may record a fault.
inline Status forget_fault(Device& device, Fault* fault) {
  return check(cudaMemsetAsync(fault, 0xff, sizeof *fault, device.stream), "a memset");
}

// Where kernels of a step look whether they may write: null for steps that write no variable.
inline const unsigned* guard_of(const StepDesc& desc, const Device& device) {
  for (int32_t o = 0; o < desc.num_outputs; ++o)
    if (desc.outputs[o].variable != 0) return device.failed;
  return nullptr;
}

}  // namespace cuda
}  // namespace grafo
