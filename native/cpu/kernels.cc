// The CPU backend as the device contract sees it: the kernel look-up, host memory as device memory,
// and the entry point.
#include "cpu/kernels.h"

#include <cstring>
#include <new>

namespace grafo::cpu {
namespace {

struct KernelRow {
  const char* name;
  Prepare prepare;
};

constexpr KernelRow kKernels[] = {
#define GRAFO_ROW(name, function) {#name, function},
    GRAFO_CPU_KERNELS(GRAFO_ROW)
#undef GRAFO_ROW
};

constexpr const char* kKernelNames[] = {
#define GRAFO_NAME(name, function) #name,
    GRAFO_CPU_KERNELS(GRAFO_NAME)
#undef GRAFO_NAME
};

struct Instance {
  const HostServices* host;
};

Instance& as_instance(void* instance) { return *static_cast<Instance*>(instance); }

int32_t device_count() { return 1; }

Status device_info(int32_t device, DeviceInfo* info) {
  if (device != 0)
    return Status::error(Code::kInvalidArgument, "there is no CPU device %d", device);
  std::strcpy(info->name, "CPU");
  info->memory_bytes = 0;
  return Status();
}

Status open(const HostServices* host, int32_t device, const DeviceOptions*, void** instance) {
  if (device != 0)
    return Status::error(Code::kInvalidArgument, "there is no CPU device %d", device);
  *instance = new (std::nothrow) Instance{host};
  return *instance ? Status() : Status::error(Code::kResourceExhausted, "out of memory");
}

void close(void* instance) { delete static_cast<Instance*>(instance); }

Status allocate(void* instance, size_t bytes, void** memory) {
  const HostServices& host = *as_instance(instance).host;
  *memory = host.allocate(host.self, bytes);
  if (*memory) return Status();
  return Status::error(Code::kResourceExhausted, "out of memory allocating %zu bytes", bytes);
}

void release(void* instance, void* memory, size_t bytes) {
  const HostServices& host = *as_instance(instance).host;
  host.release(host.self, memory, bytes);
}

Status clear(void*, void* memory, size_t bytes) {
  if (bytes != 0) std::memset(memory, 0, bytes);
  return Status();
}

// A fetch may be a feed that was read in place, and the caller's array for it a part of that one.
Status copy(void*, void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memmove(to, from, bytes);
  return Status();
}

Status synchronize(void*) { return Status(); }

Status prepare(void* instance, const StepDesc* desc, PreparedStep** step) {
  for (const KernelRow& row : kKernels) {
    if (std::strcmp(row.name, desc->kernel) != 0) continue;
    StepPointer prepared;
    try {  // vectors of a prepared step are the only thing here that throws
      TRY(row.prepare(*desc, *as_instance(instance).host, prepared).at(desc->node));
    } catch (const std::bad_alloc&) {
      return Status::error(Code::kResourceExhausted, "out of memory preparing %s", desc->kernel)
          .at(desc->node);
    }
    *step = prepared.release();
    return Status();
  }
  return Status::error(Code::kInternal, "the CPU has no kernel '%s'", desc->kernel).at(desc->node);
}

void destroy(void*, PreparedStep* step) { delete step; }

Status run(void*, PreparedStep* step, RunContext* context, void* const* buffers) {
  return step->run(*step, *context, buffers);
}

int32_t kernel_names(const char* const** names) {
  *names = kKernelNames;
  return sizeof kKernelNames / sizeof kKernelNames[0];
}

#if defined(GRAFO_ISA)
constexpr const char* kIsa = GRAFO_ISA;
#elif defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
constexpr const char* kIsa = "x86-64-v4";
#elif defined(__AVX2__) && defined(__FMA__)
constexpr const char* kIsa = "x86-64-v3";
#elif defined(__SSE4_2__)
constexpr const char* kIsa = "x86-64-v2";
#elif defined(__x86_64__)
constexpr const char* kIsa = "x86-64";
#elif defined(__aarch64__)
constexpr const char* kIsa = "arm64";
#else
constexpr const char* kIsa = "generic";
#endif

// The features this library was compiled with; the loader asks before it takes the library.
bool machine_can_run() {
#if defined(__x86_64__)
  __builtin_cpu_init();
#if defined(__AVX512BW__)
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512cd"))
    return false;
#endif
#if defined(__AVX2__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
    return false;
#endif
#if defined(__SSE4_2__)
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt")) return false;
#endif
#endif
  return true;
}

constexpr Backend kBackend = {
    .version = kBackendVersion,
    .name = "cpu",
    .isa = kIsa,
    .device_count = device_count,
    .device_info = device_info,
    .open = open,
    .close = close,
    .allocate = allocate,
    .release = release,
    .clear = clear,
    .copy_from_host = copy,
    .copy_to_host = copy,
    .synchronize = synchronize,
    .prepare = prepare,
    .destroy = destroy,
    .run = run,
    .can_capture = nullptr,
    .begin_capture = nullptr,
    .end_capture = nullptr,
    .launch = nullptr,
    .destroy_graph = nullptr,
    .calls = nullptr,
    .kernel_names = kernel_names,
    .functor_names = functor_names,
    .has_functor = has_functor,
    .libraries = nullptr,
};

}  // namespace
}  // namespace grafo::cpu

extern "C" __attribute__((visibility("default"))) const grafo::Backend* grafo_backend() {
  return grafo::cpu::machine_can_run() ? &grafo::cpu::kBackend : nullptr;
}
