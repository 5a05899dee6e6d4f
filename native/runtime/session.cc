// A session's life: open, load and unload plans, memory, close.
#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "base/shape.h"
#include "base/thread_pool.h"
#include "runtime/loaded_plan.h"

namespace grafo {
namespace {

constexpr int64_t kStringSlotBytes = static_cast<int64_t>(sizeof(std::string));

Port port_of(const Plan& plan, const PlanPort& declared) {
  const PlanValue& value = plan.values[static_cast<size_t>(declared.value)];
  Port port{value.dtype, value.rank, {}, value.size, value.bytes, declared.node, false};
  std::memcpy(port.dims, value.dims, sizeof port.dims);
  return port;
}

// A slot for every storage of strings that this plan owns: its constants, and what its steps compute.
Status make_string_slots(const Strings& constants, Budget* budget, LoadedPlan* loaded) {
  const Plan& plan = loaded->plan;
  loaded->slots.assign(plan.storages.size(), nullptr);
  loaded->own_strings.resize(plan.storages.size());
  for (size_t s = 0; s < plan.storages.size(); ++s) {
    const PlanStorage& storage = plan.storages[s];
    if (storage.kind != StorageKind::kStrings) continue;
    int64_t bytes;
    if (!checked_mul(storage.elements, kStringSlotBytes, &bytes) || !allocation_allowed() ||
        !budget->take(bytes)) {
      return Status::error(Code::kResourceExhausted, "No memory for %lld strings",
                           static_cast<long long>(storage.elements));
    }
    loaded->string_bytes += bytes;
    Strings& slot = loaded->own_strings[s];
    if (storage.index >= 0) {
      const auto first = constants.begin() + storage.index;
      slot.assign(first, first + storage.elements);
      TRY(settle_text(*budget, 0, &slot));
    } else {
      slot.resize(static_cast<size_t>(storage.elements));
    }
    loaded->slots[s] = &slot;
  }
  return {};
}

}  // namespace

void* Session::host_allocate(void* self, size_t bytes) {
  return allocate(static_cast<Session*>(self)->budget_, bytes);
}

void Session::host_release(void* self, void* memory, size_t bytes) {
  release(static_cast<Session*>(self)->budget_, memory, bytes);
}

int32_t Session::host_threads(void* self) { return static_cast<Session*>(self)->threads_; }

void Session::host_parallel_for(void* self, int64_t n, int64_t grain,
                                void (*body)(void*, int64_t, int64_t), void* arg) {
  ThreadPool::get().parallel_for(n, grain, static_cast<Session*>(self)->threads_, body, arg);
}

void Session::log_line(void* self, const char* text, size_t bytes) {
  auto* session = static_cast<Session*>(self);
  const std::lock_guard<std::mutex> lock(session->log_mutex_);
  try {
    session->log_.emplace_back(text, bytes);
    session->has_log_.store(true, std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {
    // A lost line is better than a lost run.
  }
}

Session::Session(const Backend& backend, const SessionOptions& options)
    : backend_(backend),
      threads_(std::clamp(options.threads > 0 ? options.threads : ThreadPool::get().default_threads(),
                          1, ThreadPool::kMaxThreads)),
      budget_(options.memory_bytes > 0 ? options.memory_bytes : machine_memory()),
      host_{this, options.cpu, options.blas, host_allocate, host_release, host_threads, host_parallel_for} {}

Session::~Session() { close(); }

Status Session::open(const Backend& backend, const SessionOptions& options,
                     std::unique_ptr<Session>* session) {
  try {
    std::unique_ptr<Session> opened(new Session(backend, options));
    TRY(backend.open(&opened->host_, 0, &options.device, &opened->instance_));
    if (options.cpu != nullptr) TRY(options.cpu->open(&opened->host_, 0, nullptr, &opened->cpu_instance_));
    DeviceInfo device{};
    opened->in_host_memory_ = backend.device_info(0, &device).ok() && device.memory_bytes == 0;
    if (!opened->in_host_memory_) {
      if (backend.calls == nullptr || backend.calls->version != kDeviceCallsVersion) {
        return Status::error(Code::kInternal, "The backend '%s' is of another version than the engine", backend.name);
      }
      opened->device_ = {&backend, backend.calls, opened->instance_};
    }
    *session = std::move(opened);
    return {};
  } catch (const std::bad_alloc&) {
    return Status::error(Code::kResourceExhausted, "Out of memory while opening a session");
  }
}

Status Session::closed() const {
  return Status::error(Code::kFailedPrecondition, "Attempted to use a closed Session.");
}

void Session::close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  closed_ = true;
  last_ = nullptr;
  if (instance_ == nullptr) return;
  for (auto& plan : plans_) {
    if (plan != nullptr) release_plan(plan.get());
  }
  plans_.clear();
  for (auto& [id, variable] : variables_) release_variable(variable.get());
  variables_.clear();
  if (arena_ != nullptr) backend_.release(instance_, arena_, static_cast<size_t>(arena_bytes_));
  arena_ = nullptr;
  arena_bytes_ = 0;
  variable_bytes_ = 0;
  constant_bytes_ = 0;
  backend_.close(instance_);
  instance_ = nullptr;
  if (cpu_instance_ != nullptr) host_.cpu->close(cpu_instance_);
  cpu_instance_ = nullptr;
}

namespace {

// A run's buffers and the copies of its results must fit the budget together: the results are the host's memory, which
// nobody refuses before the machine is out of it.
Status check_run_bytes(const LoadedPlan& loaded, int64_t limit) {
  int64_t bytes = loaded.plan.arena_bytes;
  for (const Port& fetch : loaded.fetches) {
    if (!checked_add(bytes, fetch.bytes, &bytes) || bytes > limit) {
      return Status::error(Code::kResourceExhausted,
                           "The buffers and results of a run need more than the budget of %lld bytes",
                           static_cast<long long>(limit))
          .at(fetch.node);
    }
  }
  return {};
}

}  // namespace

Status Session::load_plan(std::span<const int32_t> words, std::span<const uint8_t> constants,
                          const Strings& strings, std::span<const int32_t> states, int32_t* id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return closed();
  auto loaded = std::make_unique<LoadedPlan>();
  const PlanBlobs blobs{static_cast<int64_t>(constants.size()), static_cast<int64_t>(strings.size()),
                        static_cast<int64_t>(states.size())};
  TRY(grafo::load_plan(words, blobs, &loaded->plan));
  const Plan& plan = loaded->plan;

  Status status;
  try {
    if (plans_.size() == plans_.capacity()) plans_.reserve(plans_.size() * 2 + 8);
    const auto storage_of = [&](const PlanPort& port) { return plan.values[static_cast<size_t>(port.value)].storage; };
    for (const PlanPort& feed : plan.feeds) {
      loaded->feeds.push_back(port_of(plan, feed));
      loaded->feed_storages.push_back(storage_of(feed));
    }
    for (const PlanPort& fetch : plan.fetches) {
      loaded->fetches.push_back(port_of(plan, fetch));
      loaded->fetch_storages.push_back(storage_of(fetch));
    }
    loaded->fetch_buffers.resize(plan.fetches.size());
    loaded->in_sinks.assign(plan.fetches.size(), 0);
    TRY(check_run_bytes(*loaded, budget_.limit()));
    loaded->base.assign(plan.storages.size(), nullptr);
    for (const int32_t key : states) {
      auto& counter = states_[key];
      if (counter == nullptr) counter = std::make_unique<int64_t>(0);
      loaded->states.push_back(counter.get());
    }
    status = make_string_slots(strings, &budget_, loaded.get());
    if (status.ok()) status = bind_variables(loaded.get());
    if (status.ok() && plan.constant_bytes > 0) {
      status = backend_.allocate(instance_, constants.size(), &loaded->constants);
      if (status.ok()) {
        constant_bytes_ += plan.constant_bytes;
        status = backend_.copy_from_host(instance_, loaded->constants, constants.data(),
                                         constants.size());
      }
    }
    const BackendInstance own{backend_, instance_};
    const BackendInstance cpu = cpu_instance_ == nullptr ? own : BackendInstance{*host_.cpu, cpu_instance_};
    if (status.ok()) status = prepare_steps(own, cpu, budget_, loaded.get());
    if (status.ok() && in_host_memory_) find_direct_fetches(loaded.get());
    if (status.ok() && !in_host_memory_) status = make_staging(loaded.get());
  } catch (const std::exception&) {  // bad_alloc, or length_error where a container could never be so long
    status = Status::error(Code::kResourceExhausted, "Out of memory while loading a plan");
  }
  if (!status.ok()) {
    status = name_buffers(status, loaded.get());
    release_plan(loaded.get());
    return status;
  }
  *id = static_cast<int32_t>(plans_.size());
  plans_.push_back(std::move(loaded));
  return {};
}

void Session::release_plan(LoadedPlan* plan) {
  if (device_.calls != nullptr) (void)device_.calls->drain(instance_);
  if (plan->graph != nullptr) backend_.destroy_graph(instance_, plan->graph);
  plan->graph = nullptr;
  plan->staging.reset();
  release_steps(backend_, instance_, plan);
  if (plan->constants != nullptr) {
    backend_.release(instance_, plan->constants, static_cast<size_t>(plan->plan.constant_bytes));
    constant_bytes_ -= plan->plan.constant_bytes;
    plan->constants = nullptr;
  }
  budget_.give(plan->string_bytes);
  plan->string_bytes = 0;
  for (Strings& slot : plan->own_strings) {
    budget_.give(text_bytes(slot));
    slot.clear();
  }
}

Status Session::find(int32_t id, LoadedPlan** plan) {
  if (closed_) return closed();
  if (id < 0 || static_cast<size_t>(id) >= plans_.size() ||
      plans_[static_cast<size_t>(id)] == nullptr) {
    return Status::error(Code::kInvalidArgument, "No plan %d in this session", id);
  }
  *plan = plans_[static_cast<size_t>(id)].get();
  return {};
}

Status Session::unload_plan(int32_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  LoadedPlan* plan = nullptr;
  TRY(find(id, &plan));
  if (last_ == plan) last_ = nullptr;
  release_plan(plan);
  plans_[static_cast<size_t>(id)].reset();
  return {};
}

Status Session::ports(int32_t id, const std::vector<Port>** feeds,
                      const std::vector<Port>** fetches) {
  LoadedPlan* plan = nullptr;
  TRY(find(id, &plan));
  *feeds = &plan->feeds;
  *fetches = &plan->fetches;
  return {};
}

Status Session::ensure_arena(int64_t bytes) {
  if (bytes <= arena_bytes_) return {};
  // Nothing lives in the arena between runs, so the old one goes first.
  if (arena_ != nullptr) backend_.release(instance_, arena_, static_cast<size_t>(arena_bytes_));
  arena_ = nullptr;
  arena_bytes_ = 0;
  last_ = nullptr;
  void* memory = nullptr;
  TRY(backend_.allocate(instance_, static_cast<size_t>(bytes), &memory));
  arena_ = memory;
  arena_bytes_ = bytes;
  ++generation_;
  return {};
}

int64_t Session::state(int32_t key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = states_.find(key);
  return found == states_.end() ? 0 : *found->second;
}

Status Session::set_state(int32_t key, int64_t value) {
  const std::lock_guard<std::mutex> lock(mutex_);
  try {
    auto& counter = states_[key];
    if (counter == nullptr) counter = std::make_unique<int64_t>(0);
    *counter = value;
    return {};
  } catch (const std::bad_alloc&) {
    return Status::error(Code::kResourceExhausted, "Out of memory for a random state");
  }
}

MemoryUse Session::memory() const {
  return {arena_bytes_,   variable_bytes_, constant_bytes_,
          budget_.used(), budget_.peak(),  budget_.limit()};
}

std::vector<std::string> Session::take_log() {
  const std::lock_guard<std::mutex> lock(log_mutex_);
  has_log_.store(false, std::memory_order_relaxed);
  return std::exchange(log_, {});
}

}  // namespace grafo
