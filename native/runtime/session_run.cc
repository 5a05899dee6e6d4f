// Runs of a session: feeds are checked, buffers resolved, blocks executed, fetches shown or stacked.
#include <cstring>
#include <exception>

#include "base/shape.h"
#include "runtime/loaded_plan.h"

namespace grafo {
namespace {

Status check_feed(const Port& port, const Feed& feed, bool stepped) {
  if (port.dtype == DType::kString) {
    if (feed.strings == nullptr || stepped ||
        static_cast<int64_t>(feed.strings->size()) != port.size) {
      return Status::error(Code::kInvalidArgument, "A feed of %lld strings is expected",
                           static_cast<long long>(port.size))
          .at(port.node);
    }
    return {};
  }
  const bool fits = stepped && port.bytes > 0 ? feed.bytes > 0 && feed.bytes % port.bytes == 0
                                              : feed.bytes == port.bytes;
  if (!fits || (feed.data == nullptr && feed.bytes != 0)) {
    return Status::error(Code::kInvalidArgument, "A feed has %lld bytes, %lld are expected",
                         static_cast<long long>(feed.bytes), static_cast<long long>(port.bytes))
        .at(port.node);
  }
  if (port.dtype == DType::kBool && !is_bools(feed.data, feed.bytes)) {
    return Status::error(Code::kInvalidArgument, "A feed of bools has a byte that is not 0 or 1")
        .at(port.node);
  }
  return {};
}

// Strings and dynamic fetches are for `fetched`.
Status check_sinks(const LoadedPlan& plan, std::span<const Sink> sinks) {
  if (!sinks.empty() && sinks.size() != plan.fetches.size()) {
    return Status::error(Code::kInvalidArgument, "%zu sinks given for %zu fetches", sinks.size(),
                         plan.fetches.size());
  }
  for (size_t i = 0; i < sinks.size(); ++i) {
    const Port& fetch = plan.fetches[i];
    if (sinks[i].data == nullptr || !(fetch.dynamic || fetch.dtype == DType::kString)) continue;
    return Status::error(Code::kUnimplemented, "Strings and dynamic shapes have no sinks").at(fetch.node);
  }
  return {};
}

void bind_strings(LoadedPlan* plan, size_t index, const Feed& feed) {
  // Steps never write feeds (verify_plan), so dropping const is safe.
  plan->slots[static_cast<size_t>(plan->feed_storages[index])] = const_cast<Strings*>(feed.strings);
}

}  // namespace

bool is_bools(const void* data, int64_t bytes) {
  // Every feed of bools is read here once more: four vectors side by side, so that none waits for the one before it.
  typedef uint64_t Words __attribute__((vector_size(16)));
  constexpr int64_t kBytes = sizeof(Words);
  const auto* values = static_cast<const uint8_t*>(data);
  const auto load = [](const uint8_t* from) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    return words;
  };
  Words seen[4] = {};
  int64_t i = 0;
  for (; i + 4 * kBytes <= bytes; i += 4 * kBytes) {
    seen[0] |= load(values + i);
    seen[1] |= load(values + i + kBytes);
    seen[2] |= load(values + i + 2 * kBytes);
    seen[3] |= load(values + i + 3 * kBytes);
  }
  const Words any = seen[0] | seen[1] | seen[2] | seen[3];
  uint8_t rest = 0;
  for (; i < bytes; ++i) rest |= values[i];
  const uint64_t all = any[0] | any[1] | rest;
  return (all & ~uint64_t{0x0101010101010101}) == 0;
}

Status Session::check_feeds(const LoadedPlan& plan, std::span<const Feed> feeds,
                            std::span<const uint8_t> stepped) {
  if (feeds.size() != plan.feeds.size()) {
    return Status::error(Code::kInvalidArgument, "%zu feeds given, %zu expected", feeds.size(),
                         plan.feeds.size());
  }
  for (size_t i = 0; i < feeds.size(); ++i) {
    TRY(check_feed(plan.feeds[i], feeds[i], !stepped.empty() && stepped[i] != 0));
  }
  return {};
}

// What must hold before the first step: memory, and variables that are read.
Status Session::prepare_run(LoadedPlan* plan) {
  if (!plan->ready) {
    for (size_t i = 0; i < plan->variables.size(); ++i) {
      const PlanVariable& declared = plan->plan.variables[i];
      if (declared.must_be_initialized && plan->variables[i]->initialized == 0) {
        return Status::error(Code::kFailedPrecondition, "Attempting to use uninitialized value")
            .at(declared.node);
      }
    }
    plan->ready = true;  // a variable does not become uninitialised again
  }
  TRY(ensure_arena(plan->plan.arena_bytes));
  if (plan->resolved != generation_) TRY(fit_variables(plan));
  resolve_buffers(plan, arena_, generation_);
  return {};
}

// What a run does to variables stands or falls with it.
template <typename Run>
Status Session::settled(const Run& run) {
  Status status;
  try {
    status = run();
  } catch (const std::exception&) {  // bad_alloc, or length_error where a container could never be so long
    status = Status::error(Code::kResourceExhausted, "Out of memory in a run");
  }
  if (!status.ok()) {
    // Nothing that is queued may use the caller's memory any more.
    if (device_.calls != nullptr) (void)device_.calls->drain(instance_);
    status = name_buffers(status, nullptr);
  }
  if (!resized_.empty()) settle_variables(!status.ok());
  return status;
}

Execution Session::execution(LoadedPlan* plan, std::vector<StepTime>* times) {
  Execution run{backend_, instance_, budget_, cancelled_, times, in_host_memory_, {}};
  run.context.host = &host_;
  run.context.cancelled = &cancelled_;
  run.context.states = plan->states.data();
  run.context.log_self = this;
  run.context.log = log_line;
  return run;
}

Status Session::execute_plan(LoadedPlan* plan, std::vector<StepTime>* times) {
  Execution run = execution(plan, times);
  return execute(run, *plan, 0);
}

Status Session::copy_to_sink(const LoadedPlan& plan, size_t fetch, void* memory) {
  const size_t bytes = static_cast<size_t>(plan.fetches[fetch].bytes);
  if (bytes == 0) return {};
  const void* const result = result_of(plan, fetch);
  return result == memory ? Status() : backend_.copy_to_host(instance_, memory, result, bytes);
}

Status Session::run(int32_t id, std::span<const Feed> feeds, std::vector<StepTime>* times,
                    std::span<const Sink> sinks) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return run_alone(id, feeds, times, sinks);
}

Status Session::run_alone(int32_t id, std::span<const Feed> feeds, std::vector<StepTime>* times,
                          std::span<const Sink> sinks) {
  LoadedPlan* plan = nullptr;
  TRY(find(id, &plan));
  TRY(check_feeds(*plan, feeds, {}));
  TRY(check_sinks(*plan, sinks));
  last_ = nullptr;
  const auto once = [&]() -> Status {
    TRY(prepare_run(plan));
    for (size_t i = 0; i < feeds.size(); ++i) {
      if (plan->feeds[i].dtype == DType::kString) bind_strings(plan, i, feeds[i]);
      else if (in_host_memory_) set_feed(plan, i, feeds[i].data);
    }
    if (!in_host_memory_) {
      TRY(upload_feeds(plan, feeds));
      return run_on_device(plan, times, sinks);
    }
    choose_direct(plan, feeds, sinks, 1);
    for (size_t i = 0; i < plan->fetches.size(); ++i) set_fetch(plan, i, plan->in_sinks[i] != 0 ? sinks[i].data : nullptr);
    TRY(execute_plan(plan, times));
    if (!plan->fed_fetches.empty()) spare_fed_fetches(plan, sinks);
    for (size_t i = 0; i < sinks.size(); ++i) {
      if (sinks[i].data != nullptr && plan->in_sinks[i] == 0) TRY(copy_to_sink(*plan, i, sinks[i].data));
    }
    return {};
  };
  TRY(settled(once));
  last_ = plan;
  return {};
}

Fetched Session::fetched(int32_t index) const {
  if (last_ == nullptr || index < 0 || static_cast<size_t>(index) >= last_->fetches.size()) {
    return {};
  }
  const size_t i = static_cast<size_t>(index);
  const Port& port = last_->fetches[i];
  const auto storage = static_cast<size_t>(last_->fetch_storages[i]);
  const void* data = in_host_memory_ || port.dtype == DType::kString ? result_of(*last_, i) : staged_result(*last_, i);
  Fetched fetched{data, last_->slots[storage],
                  port.rank > 0 ? port.dims[0] : 1, port.size, port.bytes};
  if (!port.dynamic) return fetched;
  const int64_t rows = last_->dynamic[static_cast<size_t>(last_->fetch_dynamic[i])];
  // A kernel cannot produce more than the bound that its memory was planned for.
  if (rows < 0 || rows >= port.dims[0]) return fetched;
  fetched.size = port.size / port.dims[0] * rows;
  fetched.bytes = port.bytes / port.dims[0] * rows;
  fetched.first_dim = rows;
  return fetched;
}

Status Session::run_loop(int32_t id, int64_t n, std::span<const Feed> feeds,
                         std::span<const uint8_t> stepped, std::span<const Sink> sinks) {
  const std::lock_guard<std::mutex> lock(mutex_);
  LoadedPlan* plan = nullptr;
  TRY(find(id, &plan));
  if (n < 0 || stepped.size() != feeds.size() || sinks.size() != plan->fetches.size()) {
    return Status::error(Code::kInvalidArgument, "A loop needs n >= 0 and all feeds and fetches");
  }
  TRY(check_feeds(*plan, feeds, stepped));
  for (const Port& fetch : plan->fetches) {
    if (fetch.dynamic || fetch.dtype == DType::kString) {
      return Status::error(Code::kUnimplemented, "A loop cannot stack strings or dynamic shapes")
          .at(fetch.node);
    }
  }
  last_ = nullptr;
  return settled([&]() -> Status {
    TRY(prepare_run(plan));
    for (size_t f = 0; n > 0 && f < feeds.size(); ++f) {
      if (plan->feeds[f].dtype == DType::kString) bind_strings(plan, f, feeds[f]);
      else if (in_host_memory_) set_feed(plan, f, feeds[f].data);
    }
    if (!in_host_memory_) return n == 0 ? Status() : run_loop_on_device(plan, n, feeds, stepped, sinks);
    spare_fed_fetches(plan, {});
    choose_direct(plan, feeds, sinks, n);
    const auto part_of = [&](size_t f, int64_t i) {
      return static_cast<uint8_t*>(sinks[f].data) + i * plan->fetches[f].bytes;
    };
    for (int64_t i = 0; i < n; ++i) {
      // A plan may have no step that would ask.
      if (cancelled_.load(std::memory_order_relaxed) != 0) return Status::error(Code::kCancelled, "The run was cancelled");
      for (size_t f = 0; f < feeds.size(); ++f) {
        const int64_t bytes = plan->feeds[f].bytes;
        if (stepped[f] == 0 || bytes == 0) continue;
        const int64_t part = i % (feeds[f].bytes / bytes);
        if (i > 0) set_feed(plan, f, static_cast<const uint8_t*>(feeds[f].data) + part * bytes);
      }
      for (size_t f = 0; f < sinks.size(); ++f) set_fetch(plan, f, plan->in_sinks[f] != 0 ? part_of(f, i) : nullptr);
      TRY(execute_plan(plan, nullptr));
      for (size_t f = 0; f < sinks.size(); ++f) {
        if (plan->in_sinks[f] == 0) TRY(copy_to_sink(*plan, f, part_of(f, i)));
      }
    }
    return {};
  });
}

}  // namespace grafo
