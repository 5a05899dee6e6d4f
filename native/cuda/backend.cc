// The CUDA backend as the device contract sees it: the kernel look-up, a session's device, its memory, its graphs.
#include <cstdlib>
#include <cstring>
#include <new>

#include "cuda/cublaslt.h"
#include "cuda/kernels.h"
#include "cuda/queues.h"
#include "cuda/tape_compile.h"

namespace grafo::cuda {

namespace {

// What every later call of the process answers as well.
bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
      return true;
    default:
      return false;
  }
}

}  // namespace

Status check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return {};
  (void)cudaGetLastError();  // what can be cleared is; the rest stays with the device
  if (is_sticky(error)) {
    return Status::error(Code::kInternal,
                         "CUDA: %s failed: %s (%s). This process cannot use the GPU any more: close its sessions there; those on "
                         "the CPU go on",
                         what, cudaGetErrorName(error), cudaGetErrorString(error));
  }
  const Code code = error == cudaErrorMemoryAllocation ? Code::kResourceExhausted : Code::kInternal;
  return Status::error(code, "CUDA: %s failed: %s (%s)", what, cudaGetErrorName(error), cudaGetErrorString(error));
}

Status Device::allocate(size_t bytes, void** memory) {
  if (memory_limit > 0 && static_cast<int64_t>(bytes) > memory_limit - memory_used) {
    return Status::error(Code::kResourceExhausted,
                         "No memory for %zu bytes on the GPU: the session has taken %lld of the %lld that it may",
                         bytes, static_cast<long long>(memory_used), static_cast<long long>(memory_limit));
  }
  const cudaError_t error = cudaMalloc(memory, bytes == 0 ? 1 : bytes);
  if (error == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    size_t free = 0, total = 0;
    (void)cudaMemGetInfo(&free, &total);
    return Status::error(Code::kResourceExhausted, "No memory for %zu bytes on the GPU: %zu of %zu are free", bytes,
                         free, total);
  }
  TRY(check(error, "an allocation"));
  memory_used += static_cast<int64_t>(bytes);
  return {};
}

void Device::release(void* memory, size_t bytes) {
  memory_used -= static_cast<int64_t>(bytes);
  // What uses it may still wait in a stream: of a plan, say, whose preparation failed half way.
  for (const cudaStream_t queue : {stream, upload, download})
    if (queue != nullptr) (void)cudaStreamSynchronize(queue);
  (void)cudaFree(memory);
}

namespace {

struct KernelRow {
  const char* name;
  Prepare prepare;
};

constexpr KernelRow kKernels[] = {
#define GRAFO_ROW(name, function) {#name, function},
    GRAFO_CUDA_KERNELS(GRAFO_ROW)
#undef GRAFO_ROW
};

constexpr const char* kKernelNames[] = {
#define GRAFO_NAME(name, function) #name,
    GRAFO_CUDA_KERNELS(GRAFO_NAME)
#undef GRAFO_NAME
};

Device& as_device(void* instance) { return *static_cast<Device*>(instance); }

int32_t device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

// Why there is no GPU, in words that say what to do.
Status find_devices() {
  int count = 0, driver = 0, runtime = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return {};
  (void)cudaDriverGetVersion(&driver);
  (void)cudaRuntimeGetVersion(&runtime);
  if (error == cudaErrorInsufficientDriver && driver == 0) {
    return Status::error(Code::kUnavailable, "there is no NVIDIA driver (libcuda.so.1)");
  }
  if (error == cudaErrorInsufficientDriver) {
    return Status::error(Code::kUnavailable, "the NVIDIA driver is of CUDA %d.%d, and %d.%d is needed: update the driver",
                         driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  }
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible != nullptr && (error == cudaSuccess || error == cudaErrorNoDevice)) {
    return Status::error(Code::kUnavailable, "CUDA_VISIBLE_DEVICES='%s' hides every GPU", visible);
  }
  if (error == cudaSuccess || error == cudaErrorNoDevice) return Status::error(Code::kUnavailable, "the driver knows no GPU");
  return check(error, "the search for a GPU");
}

Status device_info(int32_t device, DeviceInfo* info) {
  TRY(find_devices());
  cudaDeviceProp properties;
  TRY(check(cudaGetDeviceProperties(&properties, device), "a question about the device"));
  std::strncpy(info->name, properties.name, sizeof info->name - 1);
  info->name[sizeof info->name - 1] = '\0';
  info->memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  return {};
}

void close(void* instance) {
  Device* device = &as_device(instance);
  for (cudaStream_t* const stream : {&device->stream, &device->upload, &device->download}) {
    if (*stream == nullptr) continue;
    (void)cudaStreamSynchronize(*stream);
    (void)cudaStreamDestroy(std::exchange(*stream, nullptr));
  }
  if (device->failed != nullptr) device->release(device->failed, sizeof *device->failed);
  if (device->told != nullptr) (void)cudaFreeHost(device->told);
  if (device->cpu != nullptr) device->host->cpu->close(device->cpu);
  delete device;
}

Status open_device(const HostServices* host, int32_t index, const DeviceOptions* options, Device* device) {
  device->host = host;
  if (options != nullptr) {
    device->memory_limit = options->memory_bytes;
    device->precision = options->precision;
  }
  if (host->cpu == nullptr) return Status::error(Code::kInternal, "The CUDA backend needs the CPU's");
  TRY(check(cudaSetDevice(index), "the choice of a device"));
  cudaDeviceProp properties;
  TRY(check(cudaGetDeviceProperties(&properties, index), "a question about the device"));
  device->multiprocessors = properties.multiProcessorCount;
  device->arch = 10 * properties.major + properties.minor;
  TRY(check(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking), "a stream"));
  void* failed = nullptr;
  TRY(device->allocate(sizeof *device->failed, &failed));
  device->failed = static_cast<unsigned*>(failed);
  TRY(check(cudaMemsetAsync(device->failed, 0, sizeof *device->failed, device->stream), "a memset"));
  TRY(device->make_room(1));
  return host->cpu->open(host, 0, nullptr, &device->cpu);
}

Status open(const HostServices* host, int32_t index, const DeviceOptions* options, void** instance) {
  auto* device = new (std::nothrow) Device();
  if (device == nullptr) return Status::error(Code::kResourceExhausted, "out of memory");
  const Status status = open_device(host, index, options, device);
  if (status.ok()) *instance = device;
  else close(device);
  return status;
}

Status allocate(void* instance, size_t bytes, void** memory) { return as_device(instance).allocate(bytes, memory); }

void release(void* instance, void* memory, size_t bytes) { as_device(instance).release(memory, bytes); }

Status clear(void* instance, void* memory, size_t bytes) {
  if (bytes == 0) return {};
  return check(cudaMemsetAsync(memory, 0, bytes, as_device(instance).stream), "a memset");
}

Status copy_from_host(void* instance, void* to, const void* from, size_t bytes) {
  if (bytes == 0) return {};
  return check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, as_device(instance).stream),
               "a copy to the device");
}

Status copy_to_host(void* instance, void* to, const void* from, size_t bytes) {
  if (bytes == 0) return {};
  Device& device = as_device(instance);
  TRY(check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, device.stream), "a copy to the host"));
  return check(cudaStreamSynchronize(device.stream), "a run");
}

Status synchronize(void* instance) { return as_device(instance).settle(); }

Status prepare(void* instance, const StepDesc* desc, PreparedStep** step) {
  Device& device = as_device(instance);
  const Backend& cpu = *device.host->cpu;
  StepPointer made;
  try {
    for (const KernelRow& row : kKernels) {
      if (std::strcmp(row.name, desc->kernel) != 0) continue;
      // The CPU's backend proves what the plan says: one text for every backend.
      PreparedStep* proof = nullptr;
      TRY(cpu.prepare(device.cpu, desc, &proof));
      cpu.destroy(device.cpu, proof);
      TRY(row.prepare(*desc, device, made));
    }
    if (made == nullptr) TRY(prepare_on_host(*desc, device, made));
  } catch (const std::bad_alloc&) {
    return Status::error(Code::kResourceExhausted, "Out of memory while preparing %s", desc->kernel).at(desc->node);
  }
  made->node = desc->node;
  if (made->fault != nullptr) {  // a run must not need memory when it is over
    TRY(device.make_room(device.faulty_steps + 1));
    ++device.faulty_steps;
  }
  *step = made.release();
  return {};
}

void destroy(void* instance, PreparedStep* step) {
  Device& device = as_device(instance);
  (void)cudaStreamSynchronize(device.stream);
  if (step->fault != nullptr) --device.faulty_steps;
  delete step;
}

Status run(void* instance, PreparedStep* step, RunContext* context, void* const* buffers) {
  Device& device = as_device(instance);
  if (step->fault != nullptr) device.faulty.push_back(step);
  return step->run(device, *context, buffers);
}

int32_t can_capture(const PreparedStep* step) { return step->can_capture(); }

Status begin_capture(void* instance) {
  Device& device = as_device(instance);
  device.faulty.clear();
  device.draws.clear();
  TRY(check(cudaStreamBeginCapture(device.stream, cudaStreamCaptureModeThreadLocal), "a capture"));
  device.recording = true;
  return {};
}

Status end_capture(void* instance, void** graph) {
  Device& device = as_device(instance);
  auto recorded = std::unique_ptr<RecordedGraph>(new (std::nothrow) RecordedGraph());
  device.recording = false;
  const std::vector<PreparedStep*> faulty = std::exchange(device.faulty, {});
  const std::vector<PreparedStep*> draws = std::exchange(device.draws, {});
  cudaGraph_t captured = nullptr;
  TRY(check(cudaStreamEndCapture(device.stream, &captured), "a capture"));
  if (recorded == nullptr) {
    (void)cudaGraphDestroy(captured);
    return Status::error(Code::kResourceExhausted, "out of memory");
  }
  const cudaError_t error = cudaGraphInstantiate(&recorded->exec, captured, 0);
  (void)cudaGraphDestroy(captured);
  TRY(check(error, "the making of a graph"));
  recorded->faulty = faulty;
  recorded->draws = draws;
  *graph = recorded.release();
  return {};
}

Status launch_graph(void* instance, void* graph, int64_t* const* states) {
  Device& device = as_device(instance);
  const auto* recorded = static_cast<const RecordedGraph*>(graph);
  device.faulty = recorded->faulty;
  for (PreparedStep* step : recorded->draws) TRY(step->draw(device, states));
  return check(cudaGraphLaunch(recorded->exec, device.stream), "the launch of a graph");
}

void destroy_graph(void* instance, void* graph) {
  auto* recorded = static_cast<RecordedGraph*>(graph);
  (void)cudaStreamSynchronize(as_device(instance).stream);
  (void)cudaGraphExecDestroy(recorded->exec);
  delete recorded;
}

int32_t kernel_names(const char* const** names) {
  *names = kKernelNames;
  return sizeof kKernelNames / sizeof kKernelNames[0];
}

int32_t functor_names(const char* const**) { return 0; }
int32_t has_functor(const char*, DType, DType) { return 0; }

void libraries(void* self, void (*tell)(void* self, const char* text)) {
  try {
    CublasLt products;
    products.find();
    tell(self, products.text().c_str());
    tell(self, compiler_text().c_str());
  } catch (const std::bad_alloc&) {
    tell(self, "out of memory");
  }
}

constexpr Backend kBackend = {
    .version = kBackendVersion,
    .name = "cuda",
    .isa = "cuda",
    .device_count = device_count,
    .device_info = device_info,
    .open = open,
    .close = close,
    .allocate = allocate,
    .release = release,
    .clear = clear,
    .copy_from_host = copy_from_host,
    .copy_to_host = copy_to_host,
    .synchronize = synchronize,
    .prepare = prepare,
    .destroy = destroy,
    .run = run,
    .can_capture = can_capture,
    .begin_capture = begin_capture,
    .end_capture = end_capture,
    .launch = launch_graph,
    .destroy_graph = destroy_graph,
    .calls = &kDeviceCalls,
    .kernel_names = kernel_names,
    .functor_names = functor_names,
    .has_functor = has_functor,
    .libraries = libraries,
};

}  // namespace
}  // namespace grafo::cuda

extern "C" __attribute__((visibility("default"))) const grafo::Backend* grafo_backend() {
  return &grafo::cuda::kBackend;
}
