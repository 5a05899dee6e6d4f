// One kernel step as a test writes it: tensors, attribute words, run on a number of threads through the backend's contract.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include "runtime/backend.h"

extern "C" const grafo::Backend* grafo_backend();

namespace grafo::test {

template <class T>
constexpr DType dtype_of() {
#define GRAFO_OF(enumerator, type, text) \
  if constexpr (std::is_same_v<T, type>) return DType::enumerator;
  GRAFO_DTYPES(GRAFO_OF)
#undef GRAFO_OF
  return DType::kString;
}

struct Tensor {
  DType dtype = DType::kFloat32;
  std::vector<int64_t> dims;
  std::vector<uint8_t> bytes;
  bool variable = false;
  int32_t storage = -1;  // -1 = its own

  int64_t size() const {
    int64_t n = 1;
    for (int64_t d : dims) n *= d;
    return n;
  }
  template <class T>
  std::vector<T> get() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    for (size_t i = 0; i < values.size(); ++i) {
      T value;
      std::memcpy(&value, &bytes[i * sizeof(T)], sizeof(T));
      values[i] = value;
    }
    return values;
  }
};

template <class T>
Tensor tensor(std::vector<int64_t> dims, const std::vector<T>& values) {
  Tensor t;
  t.dtype = dtype_of<T>();
  t.dims = dims;
  t.bytes.resize(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    const T value = values[i];
    std::memcpy(&t.bytes[i * sizeof(T)], &value, sizeof(T));
  }
  return t;
}
template <class T>
Tensor scalar(T value) {
  return tensor<T>({}, std::vector<T>{value});
}
template <class T>
Tensor output(std::vector<int64_t> dims) {
  Tensor t;
  t.dtype = dtype_of<T>();
  t.dims = dims;
  t.bytes.assign(static_cast<size_t>(t.size()) * sizeof(T), 0xcd);
  return t;
}

// Attribute words: 32-bit ones, 64-bit ones as two.
struct Attrs {
  std::vector<int32_t> words;
  std::vector<const char*> symbols;
  Attrs& i32(int32_t value) {
    words.push_back(value);
    return *this;
  }
  Attrs& i64(int64_t value) {
    words.push_back(static_cast<int32_t>(value));
    words.push_back(static_cast<int32_t>(value >> 32));
    return *this;
  }
  Attrs& i64s(std::initializer_list<int64_t> values) {
    for (int64_t value : values) i64(value);
    return *this;
  }
  Attrs& symbol(const char* text) {
    words.push_back(static_cast<int32_t>(symbols.size()));
    symbols.push_back(text);
    return *this;
  }
};

// Host services over malloc and plain threads: `threads` of them, each range cut in as many parts.
struct Host {
  explicit Host(int32_t threads = 1) : threads_(threads) {
    services.self = this;
    services.allocate = [](void* self, size_t bytes) -> void* {
      static_cast<Host*>(self)->live += static_cast<int64_t>(bytes);
      return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    };
    services.release = [](void* self, void* memory, size_t bytes) {
      static_cast<Host*>(self)->live -= static_cast<int64_t>(bytes);
      std::free(memory);
    };
    services.threads = [](void* self) { return static_cast<Host*>(self)->threads_; };
    services.parallel_for = [](void* self, int64_t n, int64_t grain,
                               void (*body)(void*, int64_t, int64_t), void* arg) {
      const int64_t threads = static_cast<Host*>(self)->threads_;
      if (n <= grain || threads == 1) return body(arg, 0, n);
      const int64_t piece = std::max(grain, (n + threads - 1) / threads);
      std::vector<std::thread> pool;
      for (int64_t begin = piece; begin < n; begin += piece)
        pool.emplace_back(body, arg, begin, std::min(n, begin + piece));
      body(arg, 0, std::min(n, piece));
      for (std::thread& thread : pool) thread.join();
    };
  }
  HostServices services{};
  int64_t live = 0;

 private:
  int32_t threads_;
};

struct Step {
  std::string kernel;
  std::vector<Tensor> inputs, outputs;
  Attrs attrs;

  int32_t threads = 1;
  int64_t state = 0;
  uint8_t initialized = 1;
  const Blas* blas = nullptr;
  int64_t dynamic[4] = {-1, -1, -1, -1};
  std::string log;

  Status run() {
    Host host(threads);
    host.services.blas = blas;
    const Backend* backend = grafo_backend();
    void* instance = nullptr;
    TRY(backend->open(&host.services, 0, nullptr, &instance));
    const Status status = run_on(*backend, instance, host.services);
    backend->close(instance);
    if (status.ok() && host.live != 0) return Status::error(Code::kInternal, "scratch memory leaks");
    return status;
  }

 private:
  Status run_on(const Backend& backend, void* instance, const HostServices& host) {
    std::vector<TensorDesc> descs;
    std::vector<void*> buffers;
    static uint8_t nothing[64];
    int32_t storage = 0;
    for (std::vector<Tensor>* list : {&inputs, &outputs})
      for (Tensor& t : *list) {
        TensorDesc desc{};
        desc.dtype = t.dtype;
        desc.rank = static_cast<int32_t>(t.dims.size());
        for (size_t d = 0; d < t.dims.size() && d < kMaxRank; ++d) desc.dims[d] = t.dims[d];
        desc.size = t.size();
        desc.storage = t.storage >= 0 ? t.storage : 1000 + storage++;
        desc.variable = t.variable;
        descs.push_back(desc);
        buffers.push_back(t.bytes.empty() ? nothing : t.bytes.data());
      }
    int64_t* states[1] = {&state};
    StepDesc desc{};
    desc.kernel = kernel.c_str();
    desc.num_inputs = static_cast<int32_t>(inputs.size());
    desc.inputs = descs.data();
    desc.num_outputs = static_cast<int32_t>(outputs.size());
    desc.outputs = descs.data() + inputs.size();
    desc.num_attrs = static_cast<int32_t>(attrs.words.size());
    desc.attrs = attrs.words.data();
    desc.num_symbols = static_cast<int32_t>(attrs.symbols.size());
    desc.symbols = attrs.symbols.data();
    desc.num_states = 1;
    PreparedStep* step = nullptr;
    TRY(backend.prepare(instance, &desc, &step));
    std::atomic<int32_t> cancelled{0};
    RunContext context{};
    context.host = &host;
    context.cancelled = &cancelled;
    context.states = states;
    context.dynamic_sizes = dynamic;
    context.initialized = &initialized;
    context.log_self = &log;
    context.log = [](void* self, const char* text, size_t bytes) {
      static_cast<std::string*>(self)->append(text, bytes);
    };
    const Status status = backend.run(instance, step, &context, buffers.data());
    backend.destroy(instance, step);
    return status;
  }
};

}  // namespace grafo::test
