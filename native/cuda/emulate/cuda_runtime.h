// The part of the CUDA runtime that backend-cuda uses, on the host: the same .cu files compile with a C++ compiler against this
// header, and their kernels run thread by thread. For tests: it shows what a kernel computes, not how fast, nor races.
//
// A stream is a queue that runs when somebody waits for it, so what forgets to wait reads old memory. Which of several streams goes on is
// drawn by lot, so what forgets an event between two of them is found by some seed. Threads of a block are fibers:
// __syncthreads and the warp functions switch between them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static thread_local
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
// The memory of the running block whose size the launch says.
#define GRAFO_DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(emulate::dynamic_shared())

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

extern thread_local uint3 threadIdx, blockIdx;
extern thread_local dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace emulate {
// Every thread of the block, or of the warp, that has not returned comes here before one goes on.
void block_barrier();
void warp_barrier();
// 8 bytes for each lane of the running warp.
uint64_t* warp_exchange();
void* dynamic_shared();
// Runs body once for each thread of the grid.
void run_grid(dim3 grid, dim3 block, const std::function<void()>& body);
}  // namespace emulate

inline void __syncthreads() { emulate::block_barrier(); }
inline void __syncwarp(unsigned = 0xffffffffu) { emulate::warp_barrier(); }
inline void __threadfence() {}

namespace emulate {
inline unsigned lane() {
  return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32;
}
template <class T>
T shuffle(T value, unsigned from) {
  static_assert(sizeof(T) <= 8);
  uint64_t* const slots = warp_exchange();
  std::memcpy(&slots[lane()], &value, sizeof value);
  warp_barrier();
  T result;
  std::memcpy(&result, &slots[from % 32], sizeof result);
  warp_barrier();
  return result;
}
}  // namespace emulate

template <class T>
T __shfl_sync(unsigned, T value, int from, int = 32) {
  return emulate::shuffle(value, static_cast<unsigned>(from));
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned by, int = 32) {
  const unsigned from = emulate::lane() + by;
  return emulate::shuffle(value, from < 32 ? from : emulate::lane());
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned by, int = 32) {
  const unsigned own = emulate::lane();
  return emulate::shuffle(value, own >= by ? own - by : own);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask, int = 32) {
  return emulate::shuffle(value, emulate::lane() ^ static_cast<unsigned>(mask));
}

inline unsigned __ballot_sync(unsigned, int condition) {
  uint64_t* const slots = emulate::warp_exchange();
  slots[emulate::lane()] = condition != 0;
  emulate::warp_barrier();
  unsigned bits = 0;
  for (unsigned lane = 0; lane < 32 && lane < blockDim.x * blockDim.y * blockDim.z; ++lane) bits |= unsigned(slots[lane]) << lane;
  emulate::warp_barrier();
  return bits;
}
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }

template <class T>
T atomicAdd(T* at, T value) {
  const T old = *at;
  *at = old + value;
  return old;
}
template <class T>
T atomicMin(T* at, T value) {
  const T old = *at;
  if (value < old) *at = value;
  return old;
}
template <class T>
T atomicAnd(T* at, T value) {
  const T old = *at;
  *at = old & value;
  return old;
}
template <class T>
T atomicMax(T* at, T value) {
  const T old = *at;
  if (old < value) *at = value;
  return old;
}
template <class T>
T atomicExch(T* at, T value) {
  const T old = *at;
  *at = value;
  return old;
}
template <class T>
T atomicCAS(T* at, T expected, T value) {
  const T old = *at;
  if (old == expected) *at = value;
  return old;
}

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidKernelImage = 200,
  cudaErrorECCUncorrectable = 214,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchOutOfResources = 701,
  cudaErrorLaunchTimeout = 702,
  cudaErrorAssert = 710,
  cudaErrorHardwareStackError = 714,
  cudaErrorIllegalInstruction = 715,
  cudaErrorMisalignedAddress = 716,
  cudaErrorInvalidAddressSpace = 717,
  cudaErrorInvalidPc = 718,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorUnknown = 999,
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault,
};
enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeRelaxed };
constexpr unsigned cudaStreamNonBlocking = 1;
constexpr unsigned cudaHostAllocDefault = 0;
constexpr unsigned cudaHostAllocPortable = 1;
constexpr unsigned cudaEventDisableTiming = 2;

namespace emulate {
struct Stream;
struct Graph;
struct Event;
// Most memory of a block whose size the launch says, without an attribute of the kernel.
constexpr size_t kDynamicShared = size_t{48} << 10;
struct Library;
struct Kernel;
}  // namespace emulate
using cudaLibrary_t = emulate::Library*;
using cudaKernel_t = emulate::Kernel*;
enum cudaJitOption {};
enum cudaLibraryOption {};
using cudaStream_t = emulate::Stream*;
using cudaGraph_t = emulate::Graph*;
using cudaGraphExec_t = emulate::Graph*;
using cudaEvent_t = emulate::Event*;

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
  int multiProcessorCount;
  int major, minor;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  void* attrs;
  unsigned numAttrs;
};

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
// Kernels that were compiled at run time, by fake_nvrtc.cc: a shared library's bytes in place of a cubin.
cudaError_t cudaLibraryLoadData(cudaLibrary_t* library, const void* code, cudaJitOption* options, void** option_values,
                                unsigned num_options, cudaLibraryOption* library_options, void** library_option_values,
                                unsigned num_library_options);
cudaError_t cudaLibraryGetKernel(cudaKernel_t* kernel, cudaLibrary_t library, const char* name);
cudaError_t cudaLibraryUnload(cudaLibrary_t library);
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel, void** arguments);
cudaError_t cudaGetLastError();
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);

namespace emulate {
cudaError_t enqueue_launch(const cudaLaunchConfig_t& config, std::function<void()> thread);
}

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments&&... arguments) {
  // Arguments are taken when the kernel is launched, as on a device.
  return emulate::enqueue_launch(
      *config, [kernel, ... held = static_cast<std::decay_t<Parameters>>(arguments)] { kernel(held...); });
}
