// The device contract: what a backend library (CPU, CUDA) exports and what the engine gives it. Plain data and function
// pointers, one version number; nothing of the C++ library crosses it. A backend holds no static state.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "base/status.h"

namespace grafo {

constexpr int32_t kBackendVersion = 4;
constexpr int kMaxRank = 8;

struct Backend;

// One product of contiguous row-major matrices: C = op(A) op(B).
struct BlasProduct {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
};
// A BLAS that the user asked for, with threads of its own.
struct Blas {
  void (*multiply_float)(const BlasProduct& shape, const void* a, const void* b, void* c);
  void (*multiply_double)(const BlasProduct& shape, const void* a, const void* b, void* c);
  int64_t most;  // no dimension is larger
};

// What the engine lends to a backend: memory under its budget, the process's thread pool, the CPU's backend.
struct HostServices {
  void* self;
  // What runs kernels that a device has none for, and proves what a plan says of a step; nullptr for the CPU's own backend.
  const Backend* cpu;
  const Blas* blas;  // nullptr where nobody asked for one
  // 64-byte aligned; nullptr when the budget or the machine has no more. release takes the same number of bytes.
  void* (*allocate)(void* self, size_t bytes);
  void (*release)(void* self, void* memory, size_t bytes);
  // How many threads parallel_for may use, the caller among them.
  int32_t (*threads)(void* self);
  // Calls body(arg, begin, end) over disjoint ranges that cover [0, n), each at least grain long but the last; the caller
  // works too. Returns when all are done. n <= grain runs inline.
  void (*parallel_for)(void* self, int64_t n, int64_t grain,
                       void (*body)(void* arg, int64_t begin, int64_t end), void* arg);
};

struct TensorDesc {
  DType dtype;
  int32_t rank;
  int64_t dims[kMaxRank];
  int64_t size;      // elements, checked not to overflow
  int32_t storage;   // same number = same memory
  int32_t variable;  // 1 if the storage is a variable
  int32_t constant;  // 1 if it is a constant of the plan: the same bytes at the same address in every run
};

// A step as the Plan gives it, not yet trusted: prepare() checks every shape, dtype and attribute against the others.
struct StepDesc {
  const char* kernel;
  int32_t node;
  int32_t num_inputs;
  const TensorDesc* inputs;
  int32_t num_outputs;
  const TensorDesc* outputs;
  int32_t num_attrs;
  const int32_t* attrs;
  int32_t num_symbols;
  const char* const* symbols;
  int32_t num_states;
};

// What a running step may touch beside its buffers.
struct RunContext {
  const HostServices* host;
  const std::atomic<int32_t>* cancelled;  // polled between tiles by long kernels
  int64_t* const* states;                 // by the plan's state position
  int64_t* dynamic_sizes;                 // first dim really produced, by output position of the step; -1 = as planned
  const uint8_t* initialized;             // IsInitialized: whether input 0's variable is initialised
  void* log_self;
  void (*log)(void* log_self, const char* text, size_t bytes);
};

struct PreparedStep;  // the backend's own

struct DeviceInfo {
  char name[128];
  int64_t memory_bytes;  // 0 = the host's: buffers are addresses that anybody may read
};

struct Backend {
  int32_t version;   // kBackendVersion
  const char* name;  // "cpu", "cuda"
  const char* isa;   // "x86-64-v3", "arm64", "sm_90"

  int32_t (*device_count)();
  Status (*device_info)(int32_t device, DeviceInfo* info);

  // An instance belongs to one session and one device.
  Status (*open)(const HostServices* host, int32_t device, void** instance);
  void (*close)(void* instance);

  Status (*allocate)(void* instance, size_t bytes, void** memory);
  void (*release)(void* instance, void* memory, size_t bytes);
  Status (*copy_from_host)(void* instance, void* device, const void* host, size_t bytes);
  Status (*copy_to_host)(void* instance, void* host, const void* device, size_t bytes);
  Status (*synchronize)(void* instance);

  // Verifies the step, chooses the kernel and everything that depends on shapes only.
  Status (*prepare)(void* instance, const StepDesc* desc, PreparedStep** step);
  void (*destroy)(void* instance, PreparedStep* step);
  // buffers: inputs, then outputs. An empty tensor's pointer is not null and never followed. A device may compute later; what
  // it then finds wrong is told by `synchronize`.
  Status (*run)(void* instance, PreparedStep* step, RunContext* context, void* const* buffers);

  // Whole runs as one graph of a device; all nullptr where a backend has none. Between begin and end, steps that can be captured
  // are recorded by `run` instead of run; `launch` runs a recorded graph with the same buffers. `states` are the run's: recording leaves
  // them, and each launch takes from them and advances them as `run` does.
  int32_t (*can_capture)(const PreparedStep* step);
  Status (*begin_capture)(void* instance);
  Status (*end_capture)(void* instance, void** graph);
  Status (*launch)(void* instance, void* graph, int64_t* const* states);
  void (*destroy_graph)(void* instance, void* graph);

  // The kernels and functors this backend has, for `doctor` and tests; functor dtype tables by (name, operand dtype, result dtype).
  int32_t (*kernel_names)(const char* const** names);
  int32_t (*functor_names)(const char* const** names);
  int32_t (*has_functor)(const char* name, DType operand, DType result);
};

// The one symbol a backend library exports: grafo_backend. Returns nullptr where the machine cannot run it.
using BackendEntry = const Backend* (*)();

}  // namespace grafo
