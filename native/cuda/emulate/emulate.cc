// See cuda_runtime.h: fibers, streams, memory that is told apart from the host's, and failures on demand.
#include "cuda_runtime.h"

#include <ucontext.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#include "cuda/emulate/control.h"

thread_local uint3 threadIdx, blockIdx;
thread_local dim3 blockDim, gridDim;

namespace emulate {
namespace {

// --- fibers: the threads of a block ---

constexpr size_t kStackBytes = size_t{64} << 10;
constexpr size_t kDynamicShared = size_t{48} << 10;

enum class State { kRuns, kAtBlockBarrier, kAtWarpBarrier, kDone };

struct Fiber {
  ucontext_t context;
  std::unique_ptr<unsigned char[]> stack{new unsigned char[kStackBytes]};
  unsigned thread = 0;  // of the block
  State state = State::kDone;
  void* fake_stack = nullptr;  // the address sanitizer's
};

// Runs one block after the other. A fiber takes the next thread when its own has returned, so that a kernel without barriers
// needs one fiber only.
class Block {
 public:
  void run(const std::function<void()>& body) {
    body_ = &body;
    total_ = blockDim.x * blockDim.y * blockDim.z;
    next_ = 0;
    while (next_ < total_ || waiting()) {
      release();
      bool ran = false;
      for (size_t f = 0; f < live_; ++f) {
        if (fibers_[f]->state == State::kRuns) resume(*fibers_[f]), ran = true;
      }
      if (next_ < total_ && !ran) start();
    }
    live_ = 0;
  }

  void barrier(State state) {
    Fiber& fiber = *current_;
    fiber.state = state;
    leave(fiber, false);
    place(fiber.thread);
  }

  uint64_t* exchange() { return slots_[current_->thread / 32]; }

 private:
  bool waiting() const {
    for (size_t f = 0; f < live_; ++f) {
      if (fibers_[f]->state != State::kDone) return true;
    }
    return false;
  }

  // Opens barriers at which everybody has arrived. All threads must have begun: one that has not may still come to it.
  void release() {
    if (next_ < total_) {
      release_warps();
      return;
    }
    bool all = true;
    for (size_t f = 0; f < live_; ++f) {
      all &= fibers_[f]->state == State::kDone || fibers_[f]->state == State::kAtBlockBarrier;
    }
    for (size_t f = 0; all && f < live_; ++f) {
      if (fibers_[f]->state == State::kAtBlockBarrier) fibers_[f]->state = State::kRuns;
    }
    release_warps();
  }
  void release_warps() {
    for (unsigned first = 0; first < total_; first += 32) {
      const unsigned end = first + 32 < total_ ? first + 32 : total_;
      if (next_ < end) return;
      bool all = true, any = false;
      for (size_t f = 0; f < live_; ++f) {
        const Fiber& fiber = *fibers_[f];
        if (fiber.state == State::kDone || fiber.thread < first || fiber.thread >= end) continue;
        all &= fiber.state == State::kAtWarpBarrier;
        any = true;
      }
      for (size_t f = 0; all && any && f < live_; ++f) {
        Fiber& fiber = *fibers_[f];
        if (fiber.state == State::kAtWarpBarrier && fiber.thread >= first && fiber.thread < end) fiber.state = State::kRuns;
      }
    }
  }

  void start() {
    size_t f = 0;
    while (f < live_ && fibers_[f]->state != State::kDone) ++f;
    if (f == fibers_.size()) fibers_.push_back(std::make_unique<Fiber>());
    if (f == live_) ++live_;
    Fiber& fiber = *fibers_[f];
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    fiber.fake_stack = nullptr;
    makecontext(&fiber.context, &Block::enter, 0);
    fiber.state = State::kRuns;
    fiber.thread = next_++;
    place(fiber.thread);
    resume(fiber);
  }

  static void enter();

  void resume(Fiber& fiber) {
    current_ = &fiber;
    place(fiber.thread);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fake_stack_, fiber.stack.get(), kStackBytes);
#endif
    swapcontext(&scheduler_, &fiber.context);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
  }

  void leave(Fiber& fiber, bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fiber.fake_stack, bottom_, size_);
#else
    (void)for_good;
#endif
    swapcontext(&fiber.context, &scheduler_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_stack, &bottom_, &size_);
#endif
  }

  void place(unsigned thread) {
    threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y, thread / blockDim.x / blockDim.y};
  }

  const std::function<void()>* body_ = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  size_t live_ = 0;
  unsigned total_ = 0, next_ = 0;
  Fiber* current_ = nullptr;
  ucontext_t scheduler_;
  uint64_t slots_[32][32];
  void* fake_stack_ = nullptr;
  const void* bottom_ = nullptr;
  size_t size_ = 0;
};

thread_local Block* g_block = nullptr;

void Block::enter() {
  Block& block = *g_block;
  Fiber& fiber = *block.current_;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &block.bottom_, &block.size_);
#endif
  for (;;) {
    (*block.body_)();
    // While nobody waits, the next thread may be this fiber's.
    bool alone = block.next_ < block.total_;
    for (size_t f = 0; alone && f < block.live_; ++f) {
      alone = block.fibers_[f].get() == &fiber || block.fibers_[f]->state == State::kDone;
    }
    if (!alone) break;
    fiber.thread = block.next_++;
    block.place(fiber.thread);
  }
  fiber.state = State::kDone;
  block.leave(fiber, true);
}

// --- memory, streams and failures ---

std::mutex g_mutex;
std::map<uintptr_t, size_t>& device_memory() {
  static auto* memory = new std::map<uintptr_t, size_t>();
  return *memory;
}
std::map<uintptr_t, size_t>& pinned_memory() {
  static auto* memory = new std::map<uintptr_t, size_t>();
  return *memory;
}
Counts g_counts;
int64_t g_fail_allocation = 0, g_fail_launch = 0;
bool g_has_device = true;

bool counts_down(int64_t* nth) { return *nth > 0 && --*nth == 0; }

bool lies_in(const std::map<uintptr_t, size_t>& memory, const void* address, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  auto found = memory.upper_bound(at);
  if (found == memory.begin()) return false;
  --found;
  return at + bytes <= found->first + found->second;
}

}  // namespace

struct Stream {
  std::vector<std::function<void()>> queue;
  Graph* capture = nullptr;
  cudaError_t broken = cudaSuccess;  // sticky, as a context is after a failed launch
};
struct Graph {
  std::vector<std::function<void()>> nodes;
};

namespace {

void add(Stream* stream, std::function<void()> work) {
  if (stream->capture != nullptr) stream->capture->nodes.push_back(std::move(work));
  else stream->queue.push_back(std::move(work));
}

cudaError_t flush(Stream* stream) {
  // Work may not add work to its own stream, so the queue does not change under this.
  for (const auto& work : stream->queue) work();
  stream->queue.clear();
  return stream->broken;
}

}  // namespace

void block_barrier() { g_block->barrier(State::kAtBlockBarrier); }
void warp_barrier() { g_block->barrier(State::kAtWarpBarrier); }
uint64_t* warp_exchange() { return g_block->exchange(); }
void* dynamic_shared() {
  // What a launch may ask for without an attribute of the kernel.
  alignas(64) static thread_local unsigned char memory[kDynamicShared];
  return memory;
}

void run_grid(dim3 grid, dim3 block, const std::function<void()>& body) {
  static thread_local Block runner;
  g_block = &runner;
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        runner.run(body);
      }
    }
  }
}

cudaError_t enqueue_launch(const cudaLaunchConfig_t& config, std::function<void()> thread) {
  const dim3 grid = config.gridDim, block = config.blockDim;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || threads == 0 || threads > 1024 || config.dynamicSmemBytes > kDynamicShared || grid.x > 0x7fffffffu ||
      grid.y > 65535 || grid.z > 65535) {
    return cudaErrorInvalidValue;
  }
  const std::lock_guard<std::mutex> lock(g_mutex);
  ++g_counts.launches;
  if (counts_down(&g_fail_launch)) return cudaErrorLaunchFailure;
  add(config.stream, [grid, block, thread = std::move(thread)] { run_grid(grid, block, thread); });
  return cudaSuccess;
}

Counts counts() {
  const std::lock_guard<std::mutex> lock(g_mutex);
  Counts now = g_counts;
  now.device_blocks = static_cast<int64_t>(device_memory().size());
  now.pinned_blocks = static_cast<int64_t>(pinned_memory().size());
  return now;
}
void fail_allocation(int64_t nth) { g_fail_allocation = nth; }
void fail_launch(int64_t nth) { g_fail_launch = nth; }
void set_device(bool present) { g_has_device = present; }

}  // namespace emulate

using namespace emulate;

extern "C" __attribute__((visibility("default"))) void grafo_emulate(const char* what, int64_t nth, int64_t* result) {
  const std::string word = what;
  if (word == "fail allocation") fail_allocation(nth);
  if (word == "fail launch") fail_launch(nth);
  if (word == "device") set_device(nth != 0);
  const Counts now = counts();
  const int64_t all[] = {now.launches, now.graph_launches, now.device_blocks, now.pinned_blocks};
  if (word == "counts") std::memcpy(result, all, sizeof all);
}

// For libraries that are written for the emulated device: work of theirs in a stream, and whether addresses are the device's.
extern "C" __attribute__((visibility("default"))) void grafo_emulate_enqueue(void* stream, void (*run)(void*),
                                                                             void (*release)(void*), void* data) {
  add(static_cast<Stream*>(stream), [run, held = std::shared_ptr<void>(data, release)] { run(held.get()); });
}
extern "C" __attribute__((visibility("default"))) int32_t grafo_emulate_memory(const void* address, size_t bytes) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  return lies_in(device_memory(), address, bytes) ? 1 : 0;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = g_has_device ? 1 : 0;
  return g_has_device ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return cudaErrorInvalidDevice;
  *properties = {};
  std::strcpy(properties->name, "emulated on the host");
  properties->totalGlobalMem = size_t{4} << 30;
  properties->multiProcessorCount = 2;
  properties->major = 9;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = *total = size_t{4} << 30;
  return cudaSuccess;
}

namespace {

cudaError_t take(std::map<uintptr_t, size_t>& memory, void** at, size_t bytes) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (counts_down(&g_fail_allocation) || posix_memalign(at, 256, bytes == 0 ? 1 : bytes) != 0) {
    return cudaErrorMemoryAllocation;
  }
  std::memset(*at, 0xa5, bytes);  // what nobody wrote is no number that looks right
  memory[reinterpret_cast<uintptr_t>(*at)] = bytes;
  return cudaSuccess;
}
cudaError_t give(std::map<uintptr_t, size_t>& memory, void* at) {
  if (at == nullptr) return cudaSuccess;
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (memory.erase(reinterpret_cast<uintptr_t>(at)) != 1) return cudaErrorInvalidValue;
  std::free(at);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaMalloc(void** memory, size_t bytes) { return take(device_memory(), memory, bytes); }
cudaError_t cudaFree(void* memory) { return give(device_memory(), memory); }
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) { return take(pinned_memory(), memory, bytes); }
cudaError_t cudaFreeHost(void* memory) { return give(pinned_memory(), memory); }

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  bool to_device, from_device, pinned;
  {
    const std::lock_guard<std::mutex> lock(g_mutex);
    to_device = lies_in(device_memory(), to, bytes);
    from_device = lies_in(device_memory(), from, bytes);
    pinned = lies_in(pinned_memory(), to_device ? from : to, bytes);
  }
  const bool wants_to = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool wants_from = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (bytes > 0 && kind != cudaMemcpyDefault && (to_device != wants_to || from_device != wants_from)) {
    return cudaErrorInvalidValue;
  }
  const bool pageable = to_device != from_device && !pinned;
  if (pageable && stream->capture != nullptr) return cudaErrorStreamCaptureUnsupported;
  if (pageable && to_device) {
    const auto* bytes_from = static_cast<const unsigned char*>(from);
    add(stream, [to, held = std::vector<unsigned char>(bytes_from, bytes_from + bytes)] {
      std::memcpy(to, held.data(), held.size());
    });
    return cudaSuccess;
  }
  add(stream, [to, from, bytes] { std::memmove(to, from, bytes); });
  return pageable ? flush(stream) : cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  add(stream, [memory, value, bytes] { std::memset(memory, value, bytes); });
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new Stream();
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const cudaError_t error = flush(stream);
  delete stream;
  return error;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return stream->capture != nullptr ? cudaErrorStreamCaptureUnsupported : flush(stream);
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream->capture != nullptr) return cudaErrorStreamCaptureUnsupported;
  stream->capture = new Graph();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = stream->capture;
  stream->capture = nullptr;
  return *graph == nullptr ? cudaErrorInvalidValue : cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new Graph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  {
    const std::lock_guard<std::mutex> lock(g_mutex);
    ++g_counts.graph_launches;
    if (counts_down(&g_fail_launch)) return cudaErrorLaunchFailure;
  }
  for (const auto& node : exec->nodes) add(stream, node);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
  }
  return "cudaErrorUnknown";
}
const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }
