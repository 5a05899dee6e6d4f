// The CUDA backend as the device contract sees it: the kernel look-up, a session's device, its memory, its graphs.
#include <cstring>
#include <new>

#include "cuda/cublaslt.h"
#include "cuda/kernels.h"

namespace grafo::cuda {

Status check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return {};
  (void)cudaGetLastError();  // what can be cleared is; the rest stays with the device
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
  // What uses it may still wait in the stream: of a plan, say, whose preparation failed half way.
  if (stream != nullptr) (void)cudaStreamSynchronize(stream);
  (void)cudaFree(memory);
}

// Every step that may have found something wrong is asked, in their order.
Status Device::settle() {
  const std::vector<PreparedStep*> asked = std::exchange(faulty, {});
  TRY(check(cudaStreamSynchronize(stream), "a run"));
  for (const PreparedStep* step : asked) {
    TRY(check(cudaMemcpyAsync(told, step->fault, sizeof(Fault), cudaMemcpyDeviceToHost, stream), "a copy to the host"));
    TRY(check(cudaStreamSynchronize(stream), "a run"));
    if (told->first == kNoFault) continue;
    TRY(check(cudaMemsetAsync(failed, 0, sizeof *failed, stream), "a memset"));
    const Status status = step->explain(*told);
    return status.at(step->node);
  }
  return {};
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

Status device_info(int32_t device, DeviceInfo* info) {
  cudaDeviceProp properties;
  TRY(check(cudaGetDeviceProperties(&properties, device), "a question about the device"));
  std::strncpy(info->name, properties.name, sizeof info->name - 1);
  info->name[sizeof info->name - 1] = '\0';
  info->memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  return {};
}

void close(void* instance) {
  Device* device = &as_device(instance);
  if (device->stream != nullptr) (void)cudaStreamDestroy(std::exchange(device->stream, nullptr));
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
  TRY(check(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking), "a stream"));
  void *failed = nullptr, *told = nullptr;
  TRY(device->allocate(sizeof *device->failed, &failed));
  device->failed = static_cast<unsigned*>(failed);
  TRY(check(cudaHostAlloc(&told, sizeof(Fault), cudaHostAllocDefault), "pinned memory"));
  device->told = static_cast<Fault*>(told);
  TRY(check(cudaMemsetAsync(device->failed, 0, sizeof *device->failed, device->stream), "a memset"));
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
  *step = made.release();
  return {};
}

void destroy(void* instance, PreparedStep* step) {
  (void)cudaStreamSynchronize(as_device(instance).stream);
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
  cudaGraph_t captured = nullptr;
  TRY(check(cudaStreamEndCapture(device.stream, &captured), "a capture"));
  if (recorded == nullptr) {
    (void)cudaGraphDestroy(captured);
    return Status::error(Code::kResourceExhausted, "out of memory");
  }
  const cudaError_t error = cudaGraphInstantiate(&recorded->exec, captured, 0);
  (void)cudaGraphDestroy(captured);
  TRY(check(error, "the making of a graph"));
  recorded->faulty = std::exchange(device.faulty, {});
  recorded->draws = std::exchange(device.draws, {});
  *graph = recorded.release();
  return {};
}

Status launch_graph(void* instance, void* graph, int64_t* const* states) {
  Device& device = as_device(instance);
  const auto* recorded = static_cast<const RecordedGraph*>(graph);
  device.faulty = recorded->faulty;
  for (PreparedStep* step : recorded->draws) step->draw(states);
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
    .calls = nullptr,
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
