// What tests of CPU kernels share: a host that splits work in a chosen number of threads, and a
// step written like the Plan's.
#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "runtime/backend.h"
#include "test/check.h"

extern "C" const grafo::Backend* grafo_backend();

namespace grafo::test::tape {

// CHECK with a message.
#define EXPECT(condition, ...)                                             \
  do {                                                                     \
    if (!(condition)) {                                                    \
      char message[2048];                                                  \
      std::snprintf(message, sizeof message, #condition ": " __VA_ARGS__); \
      ::grafo::test::fail(__FILE__, __LINE__, message);                    \
    }                                                                      \
  } while (0)

// 1 thread runs inline in one piece; more cut the range in that many pieces and run them backwards,
// on threads.
struct Host {
  int32_t count = 1;
  HostServices services{this, nullptr, nullptr, allocate, release, threads, parallel_for};

  static void* allocate(void*, size_t bytes) {
    return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  }
  static void release(void*, void* memory, size_t) { std::free(memory); }
  static int32_t threads(void* self) { return static_cast<Host*>(self)->count; }
  static void parallel_for(void* self, int64_t n, int64_t grain,
                           void (*body)(void*, int64_t, int64_t), void* arg) {
    const int64_t pieces =
        std::min<int64_t>(static_cast<Host*>(self)->count, (n + grain - 1) / grain);
    if (pieces <= 1) {
      if (n > 0) body(arg, 0, n);
      return;
    }
    std::vector<std::thread> pool;
    for (int64_t p = pieces - 1; p >= 0; --p)
      pool.emplace_back([=] { body(arg, n * p / pieces, n * (p + 1) / pieces); });
    for (std::thread& thread : pool) thread.join();
  }
};

struct Value {
  TensorDesc desc{};
  std::vector<uint64_t> memory;
  size_t begin = 0;  // bytes, of 8 words at most

  template <class T>
  T* data() {
    return reinterpret_cast<T*>(reinterpret_cast<uint8_t*>(memory.data()) + begin);
  }
};

inline Value value(DType dtype, std::vector<int64_t> dims) {
  Value made;
  made.desc.dtype = dtype;
  made.desc.rank = static_cast<int32_t>(dims.size());
  made.desc.size = 1;
  for (size_t d = 0; d < dims.size(); ++d) made.desc.size *= made.desc.dims[d] = dims[d];
  made.memory.assign(static_cast<size_t>(made.desc.size) * item_size(dtype) / 8 + 16, 0);
  return made;
}

// A step under construction. Storages are numbered by the values' order unless `alias` says
// otherwise.
struct Step {
  std::string kernel;
  std::vector<Value*> inputs, outputs;
  std::vector<int32_t> attrs;
  std::vector<const char*> symbols;
  std::vector<int> storages;  // by position over inputs, then outputs; empty = all different

  void i64(int64_t value) {
    attrs.push_back(static_cast<int32_t>(value));
    attrs.push_back(static_cast<int32_t>(value >> 32));
  }
  int32_t symbol(const char* name) {
    symbols.push_back(name);
    return static_cast<int32_t>(symbols.size() - 1);
  }

  Status prepare(Host& host, void** instance, PreparedStep** step,
                 const Backend& backend = *grafo_backend()) const {
    std::vector<TensorDesc> ins, outs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      ins.push_back(inputs[i]->desc);
      ins.back().storage = storages.empty() ? static_cast<int>(i) : storages[i];
    }
    for (size_t o = 0; o < outputs.size(); ++o) {
      const size_t position = inputs.size() + o;
      outs.push_back(outputs[o]->desc);
      outs.back().storage = storages.empty() ? static_cast<int>(position) : storages[position];
    }
    StepDesc desc{};
    desc.kernel = kernel.c_str();
    desc.node = 7;
    desc.num_inputs = static_cast<int32_t>(ins.size());
    desc.inputs = ins.data();
    desc.num_outputs = static_cast<int32_t>(outs.size());
    desc.outputs = outs.data();
    desc.num_attrs = static_cast<int32_t>(attrs.size());
    desc.attrs = attrs.data();
    desc.num_symbols = static_cast<int32_t>(symbols.size());
    desc.symbols = symbols.data();
    TRY(backend.open(&host.services, 0, nullptr, instance));
    return backend.prepare(*instance, &desc, step);
  }
  std::vector<void*> buffers() const {
    std::vector<void*> pointers;
    for (Value* input : inputs) pointers.push_back(input->data<void>());
    for (Value* output : outputs) pointers.push_back(output->data<void>());
    if (!storages.empty())
      for (size_t i = 0; i < pointers.size(); ++i)
        for (size_t j = 0; j < i; ++j)
          if (storages[i] == storages[j]) pointers[i] = pointers[j];
    return pointers;
  }
  Status run(int32_t threads = 1) const {
    Host host;
    host.count = threads;
    void* instance = nullptr;
    PreparedStep* step = nullptr;
    const Backend& backend = *grafo_backend();
    Status status = prepare(host, &instance, &step);
    if (status.ok()) {
      RunContext context{};
      context.host = &host.services;
      status = backend.run(instance, step, &context, buffers().data());
      backend.destroy(instance, step);
    }
    backend.close(instance);
    return status;
  }
};

// A step of `Fused`.
struct Tape : Step {
  explicit Tape(std::vector<int64_t> dims) {
    kernel = "Fused";
    attrs.push_back(static_cast<int32_t>(dims.size()));
    for (int64_t dim : dims) i64(dim);
    attrs.push_back(0);
    count_at = attrs.size() - 1;
  }
  void op(const char* name, DType operand, DType result, int32_t a, int32_t b = -1, int32_t c = -1,
          int32_t node = 3) {
    const int32_t s = symbol(name);
    for (int32_t word : {s, (int32_t)operand, (int32_t)result, a, b, c, node, 0})
      attrs.push_back(word);
    ++attrs[count_at];
  }
  void out(int32_t operand) { attrs.push_back(operand); }
  // After the last out().
  void reduce(int32_t output, int32_t op, bool columns, int64_t length) {
    for (int32_t word : {output, op, int32_t{columns}}) attrs.push_back(word);
    i64(length);
  }
  size_t count_at;
};

}  // namespace grafo::test::tape
