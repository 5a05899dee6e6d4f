// The engine's own C++ face: load a backend, open a session, load plans into it, run them. Knows nothing of Node.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/memory.h"
#include "base/status.h"
#include "plan/plan.h"
#include "runtime/backend.h"
#include "runtime/staging.h"

namespace grafo {

using Strings = std::vector<std::string>;

struct EngineInfo {
  std::string path;                // of the backend library, empty if linked statically
  std::vector<std::string> tried;  // one line per library that was looked at
};

// A backend and how it was found. One per process and folder; never closed.
class Engine {
 public:
  // Opens the best CPU library of `folder` for this machine; GRAFO_ISA=v2|v3|v4 takes that one or none.
  static Status load(const std::string& folder, const Engine** engine);
  // Opens the folder's CUDA library, or GRAFO_CUDA_LIBRARY; UNAVAILABLE with the reason where there is none or no GPU.
  static Status load_cuda(const std::string& folder, const Engine** engine);
  explicit Engine(const Backend* backend) : backend_(backend) {}

  const Backend& backend() const { return *backend_; }
  const EngineInfo& info() const { return info_; }

 private:
  const Backend* backend_;
  EngineInfo info_;
};

struct SessionOptions {
  int32_t threads = 0;       // 0 = the pool's default
  int64_t memory_bytes = 0;  // 0 = what the machine has
  const Backend* cpu = nullptr;  // for a backend of a device: the CPU's
  const Blas* blas = nullptr;
  DeviceOptions device = {};
};

struct Feed {
  const void* data = nullptr;
  int64_t bytes = 0;
  const Strings* strings = nullptr;
};

// Memory of the caller's for a fetch, of exactly its bytes; without data the fetch stays in the session. Steps compute in it
// where they can, so what a failed run leaves there is unspecified. Memory that others may write meanwhile is not `direct`.
struct Sink {
  void* data = nullptr;
  bool direct = true;
};

// What a caller must know of a feed or fetch before a run.
struct Port {
  DType dtype;
  int32_t rank;
  int64_t dims[kMaxRank];
  int64_t size;
  int64_t bytes;
  int32_t node;
  bool dynamic;  // the first dim is a bound
};

// A fetch after a run. Valid until the session's next call.
struct Fetched {
  const void* data;
  const Strings* strings;
  int64_t first_dim;  // really produced; of a scalar 1
  int64_t size;
  int64_t bytes;
};

struct MemoryUse {
  int64_t arena;
  int64_t variables;
  int64_t constants;
  int64_t used;
  int64_t peak;
  int64_t limit;
};

// When a step of a run began and ended, in nanoseconds of the monotonic clock.
struct StepTime {
  int32_t block;
  int32_t step;
  int64_t begin;
  int64_t end;
};

struct LoadedPlan;
struct Variable;
struct Execution;

// One run at a time: every call takes the session's mutex, but those that say that they do not wait, and cancel() and arm(),
// which only set a flag.
class Session {
 public:
  static Status open(const Backend& backend, const SessionOptions& options,
                     std::unique_ptr<Session>* session);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // states: for each random state of the plan, the session-wide key of its counter.
  Status load_plan(std::span<const int32_t> words, std::span<const uint8_t> constants,
                   const Strings& strings, std::span<const int32_t> states, int32_t* plan);
  Status unload_plan(int32_t plan);
  // Without waiting for a run, on the thread that loads, unloads and closes: only that one changes the table of plans. Valid until the
  // plan is unloaded.
  Status ports(int32_t plan, const std::vector<Port>** feeds, const std::vector<Port>** fetches);

  // With `times` every kernel call is timed, the first million of them. `sinks` is empty, or has one for each fetch.
  Status run(int32_t plan, std::span<const Feed> feeds, std::vector<StepTime>* times = nullptr,
             std::span<const Sink> sinks = {});
  // The same without the mutex, for a caller who knows that no other thread is in a call, nor will be until this one returns.
  Status run_alone(int32_t plan, std::span<const Feed> feeds, std::vector<StepTime>* times, std::span<const Sink> sinks);
  // Fetch `index` of the plan that ran last.
  Fetched fetched(int32_t index) const;

  // n runs. A stepped feed holds a multiple of the planned bytes: run i reads part i modulo their number. sinks[i]
  // receives n times the bytes of fetch i; strings and dynamic fetches are refused.
  Status run_loop(int32_t plan, int64_t n, std::span<const Feed> feeds,
                  std::span<const uint8_t> stepped, std::span<const Sink> sinks);

  // The run in flight, or the next one if arm() does not come first, ends CANCELLED.
  void cancel() { cancelled_.store(1, std::memory_order_relaxed); }
  void arm() { cancelled_.store(0, std::memory_order_relaxed); }

  // Frees everything; later calls answer FAILED_PRECONDITION.
  void close();

  // Variables by session-wide id, for checkpoints. The first plan that names one creates it.
  Status variable_port(int32_t id, Port* port, bool* initialized);
  Status read_variable(int32_t id, void* data, int64_t bytes, Strings* strings);
  Status write_variable(int32_t id, const void* data, int64_t bytes, const Strings* strings);

  // Random counters by key; one that was never used is 0.
  int64_t state(int32_t key);
  Status set_state(int32_t key, int64_t value);

  // Memory for what waits to be run, from the same budget; nullptr if there is none. release_host takes the same number.
  void* allocate_host(int64_t bytes) { return allocate(budget_, static_cast<size_t>(bytes)); }
  void release_host(void* memory, int64_t bytes) {
    release(budget_, memory, static_cast<size_t>(bytes));
  }

  MemoryUse memory() const;  // without waiting for a run
  int64_t used_bytes() const { return budget_.used(); }
  int32_t threads() const { return threads_; }
  // Text of Print since the last call.
  std::vector<std::string> take_log();
  bool has_log() const { return has_log_.load(std::memory_order_relaxed); }

 private:
  Session(const Backend& backend, const SessionOptions& options);

  Status find(int32_t id, LoadedPlan** plan);
  Status bind_variables(LoadedPlan* plan);
  Status allocate_variable(const PlanVariable& declared, const PlanValue& value, Variable* variable);
  void release_variable(Variable* variable);
  // Gives variables that a plan overwrites the shapes that it declares. When the run is over, settle_variables ends that: one
  // that a failed run did not overwrite is what it was.
  Status fit_variables(LoadedPlan* plan);
  void settle_variables(bool failed);
  Status ensure_arena(int64_t bytes);
  Status check_feeds(const LoadedPlan& plan, std::span<const Feed> feeds,
                     std::span<const uint8_t> stepped);
  Status prepare_run(LoadedPlan* plan);
  template <typename Run>
  Status settled(const Run& run);
  Execution execution(LoadedPlan* plan, std::vector<StepTime>* times);
  Status execute_plan(LoadedPlan* plan, std::vector<StepTime>* times);
  // On a device: staging.cc, device_run.cc, device_loop.cc.
  Status make_staging(LoadedPlan* plan);
  // All feeds, or those of `which` only; of a stepped one its part.
  Status upload_feeds(LoadedPlan* plan, std::span<const Feed> feeds, std::span<const uint8_t> which = {});
  Status run_on_device(LoadedPlan* plan, std::vector<StepTime>* times, std::span<const Sink> sinks);
  Status queue_run(LoadedPlan* plan, std::vector<StepTime>* times);
  Status record_graph(LoadedPlan* plan, bool* recorded);
  Status queue_results(LoadedPlan* plan, std::span<const Sink> sinks);
  Status deliver_results(LoadedPlan* plan, std::span<const Sink> sinks);
  Status run_loop_on_device(LoadedPlan* plan, int64_t n, std::span<const Feed> feeds,
                            std::span<const uint8_t> stepped, std::span<const Sink> sinks);
  Status loop_on_device(LoadedPlan* plan, int64_t first, int64_t n, std::span<const Feed> feeds,
                        std::span<const uint8_t> stepped, std::span<const Sink> sinks, bool* done);
  Status name_buffers(const Status& status, const LoadedPlan* loading) const;
  Status copy_to_sink(const LoadedPlan& plan, size_t fetch, void* memory);
  void release_plan(LoadedPlan* plan);
  Status closed() const;

  static void* host_allocate(void* self, size_t bytes);
  static void host_release(void* self, void* memory, size_t bytes);
  static int32_t host_threads(void* self);
  static void host_parallel_for(void* self, int64_t n, int64_t grain,
                                void (*body)(void*, int64_t, int64_t), void* arg);
  static void log_line(void* self, const char* text, size_t bytes);

  const Backend& backend_;
  int32_t threads_;
  Budget budget_;
  HostServices host_;
  void* instance_ = nullptr;
  bool in_host_memory_ = false;  // the backend computes in the host's memory
  void* cpu_instance_ = nullptr;  // of the CPU's backend, where `backend_` is another
  DeviceLink device_;             // where `backend_` computes in memory of its own

  std::mutex mutex_;
  std::atomic<int32_t> cancelled_{0};
  std::atomic<bool> closed_{false};

  void* arena_ = nullptr;
  std::atomic<int64_t> arena_bytes_{0};
  int64_t generation_ = 1;  // changes with the address of the arena or of a variable
  std::atomic<int64_t> variable_bytes_{0};
  std::atomic<int64_t> constant_bytes_{0};
  std::unordered_map<int32_t, std::unique_ptr<Variable>> variables_;
  std::vector<Variable*> resized_;  // by the run in flight
  std::unordered_map<int32_t, std::unique_ptr<int64_t>> states_;
  std::vector<std::unique_ptr<LoadedPlan>> plans_;  // by id; null where unloaded
  LoadedPlan* last_ = nullptr;

  std::mutex log_mutex_;
  std::atomic<bool> has_log_{false};
  std::vector<std::string> log_;
};

}  // namespace grafo
