// Runs a bound plan: buffers are resolved once per arena, then a step costs one call through the backend.
#include <algorithm>
#include <chrono>
#include <new>

#include "runtime/loaded_plan.h"

namespace grafo {
namespace {

// What an empty tensor points to.
alignas(kAlignment) unsigned char g_nothing[kAlignment];

Status truth(const Execution& run, const LoadedPlan& plan, int32_t value, bool* result) {
  const int32_t storage = plan.plan.values[static_cast<size_t>(value)].storage;
  uint8_t byte = 0;
  TRY(run.backend.copy_to_host(run.instance, &byte, plan.base[static_cast<size_t>(storage)], 1));
  *result = byte != 0;
  return {};
}

// The numeric operands of a step on strings, in the host's memory.
class HostOperands {
 public:
  HostOperands(Execution& run, const LoadedPlan& plan, const ExecStep& step) : run_(run), step_(step) {
    const size_t first = static_cast<size_t>(step.buffers - plan.buffers.data());
    for (size_t i = 0; i < step.operands; ++i) {
      const size_t s = static_cast<size_t>(plan.buffer_storages[first + i]);
      const bool on_device = !run.in_host_memory && plan.slots[s] == nullptr && !plan.plan.storages[s].strings;
      bytes_.push_back(on_device ? static_cast<size_t>(plan.plan.storages[s].bytes) : 0);
      memory_.emplace_back(bytes_.back());
      buffers_.push_back(on_device && bytes_.back() > 0 ? memory_.back().data() : step.buffers[i]);
    }
  }
  void* const* buffers() const { return buffers_.data(); }
  Status read() {
    for (size_t i = 0; i < bytes_.size(); ++i) {
      if (bytes_[i] > 0) TRY(run_.backend.copy_to_host(run_.instance, buffers_[i], step_.buffers[i], bytes_[i]));
    }
    return {};
  }
  Status write() {
    for (size_t i = step_.inputs; i < bytes_.size(); ++i) {
      if (bytes_[i] > 0) TRY(run_.backend.copy_from_host(run_.instance, step_.buffers[i], buffers_[i], bytes_[i]));
    }
    return {};
  }

 private:
  Execution& run_;
  const ExecStep& step_;
  std::vector<size_t> bytes_;
  std::vector<std::vector<uint8_t>> memory_;
  std::vector<void*> buffers_;
};

Status run_strings(Execution& run, LoadedPlan& plan, const ExecStep& step) {
  const size_t first = static_cast<size_t>(step.buffers - plan.buffers.data());
  // Fed slots change from run to run, so they are looked up here.
  std::vector<Strings*> slots;
  for (size_t i = first; i < first + step.operands; ++i) {
    slots.push_back(plan.slots[static_cast<size_t>(plan.buffer_storages[i])]);
  }
  const auto outputs = slots.begin() + static_cast<std::ptrdiff_t>(step.inputs);
  std::vector<int64_t> before;
  for (auto slot = outputs; slot != slots.end(); ++slot) {
    before.push_back(*slot != nullptr ? text_bytes(**slot) : 0);
  }
  Status status;
  try {
    if (run.in_host_memory) {
      status = step.strings->run(&run.context, {step.buffers, slots.data()});
    } else {
      HostOperands operands(run, plan, step);
      status = operands.read();
      if (status.ok()) status = step.strings->run(&run.context, {operands.buffers(), slots.data()});
      if (status.ok()) status = operands.write();
    }
  } catch (const std::bad_alloc&) {
    status = Status::error(Code::kResourceExhausted, "Out of memory for strings");
  }
  for (size_t i = 0; i < before.size(); ++i) {
    Strings* slot = outputs[static_cast<std::ptrdiff_t>(i)];
    const Status settled = slot != nullptr ? settle_text(run.budget, before[i], slot) : Status();
    if (status.ok()) status = settled;
  }
  return status;
}

Status run_kernel(Execution& run, LoadedPlan& plan, const ExecStep& step) {
  run.context.dynamic_sizes = step.dynamic;
  run.context.initialized = step.initialized;
  if (step.strings == nullptr) {
    return run.backend.run(run.instance, step.prepared, &run.context, step.buffers);
  }
  return run_strings(run, plan, step);
}

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Status run_timed(Execution& run, LoadedPlan& plan, const ExecStep& step, int32_t block) {
  constexpr size_t kMost = 1 << 20;
  if (run.times->size() >= kMost) return run_kernel(run, plan, step);
  const int64_t begin = now();
  const Status status = run_kernel(run, plan, step);
  const auto index = &step - plan.blocks[static_cast<size_t>(block)].steps.data();
  run.times->push_back({block, static_cast<int32_t>(index), begin, now()});
  return status;
}

Status run_while(Execution& run, LoadedPlan& plan, const ExecStep& step) {
  for (;;) {
    TRY(execute(run, plan, step.blocks[0]));
    bool goes_on = false;
    TRY(truth(run, plan, step.condition, &goes_on));
    if (!goes_on) return {};
    TRY(execute(run, plan, step.blocks[1]));
    // Both blocks may be empty, so a loop asks by itself.
    if (run.cancelled.load(std::memory_order_relaxed) != 0) {
      return Status::error(Code::kCancelled, "The run was cancelled").at(step.node);
    }
  }
}

}  // namespace

int64_t text_bytes(const Strings& strings) {
  int64_t bytes = 0;
  for (const std::string& text : strings) bytes += static_cast<int64_t>(text.size());
  return bytes;
}

Status settle_text(Budget& budget, int64_t before, Strings* slot) {
  budget.give(before);
  const int64_t after = text_bytes(*slot);
  if (budget.take(after)) return {};
  for (std::string& text : *slot) std::string().swap(text);
  return Status::error(Code::kResourceExhausted, "No memory for %lld bytes of strings",
                       static_cast<long long>(after));
}

void resolve_buffers(LoadedPlan* plan, void* arena, int64_t generation) {
  if (plan->resolved == generation) return;
  for (size_t s = 0; s < plan->plan.storages.size(); ++s) {
    const PlanStorage& storage = plan->plan.storages[s];
    void* base = g_nothing;
    if (!storage.strings) {
      switch (storage.kind) {
        case StorageKind::kArena:
          if (storage.bytes > 0) base = static_cast<unsigned char*>(arena) + storage.offset;
          break;
        case StorageKind::kConstant:
          if (storage.bytes > 0) {
            base = static_cast<unsigned char*>(plan->constants) + storage.offset;
          }
          break;
        case StorageKind::kVariable:
          base = plan->variables[static_cast<size_t>(storage.index)]->memory;
          break;
        case StorageKind::kFeed:
          if (plan->base[s] != nullptr) base = plan->base[s];
          break;
        case StorageKind::kStrings:
          break;
      }
    }
    plan->base[s] = base;
  }
  for (size_t i = 0; i < plan->buffers.size(); ++i) {
    plan->buffers[i] = plan->base[static_cast<size_t>(plan->buffer_storages[i])];
  }
  plan->arena = arena;
  plan->resolved = generation;
}

void set_feed(LoadedPlan* plan, size_t feed, const void* data) {
  const auto storage = static_cast<size_t>(plan->feed_storages[feed]);
  // Steps never write feeds (verify_plan), so dropping const is safe.
  void* memory = data == nullptr ? g_nothing : const_cast<void*>(data);
  if (plan->base[storage] == memory) return;
  plan->base[storage] = memory;
  for (const int32_t buffer : plan->feed_buffers[feed]) {
    plan->buffers[static_cast<size_t>(buffer)] = memory;
  }
}

Status execute(Execution& run, LoadedPlan& plan, int32_t block) {
  for (const ExecStep& step : plan.blocks[static_cast<size_t>(block)].steps) {
    if (run.cancelled.load(std::memory_order_relaxed) != 0) {
      return Status::error(Code::kCancelled, "The run was cancelled").at(step.node);
    }
    switch (step.kind) {
      case StepKind::kKernel: {
        const Status status = run.times == nullptr ? run_kernel(run, plan, step)
                                                   : run_timed(run, plan, step, block);
        if (!status.ok()) return Status(status).at(step.node);
        for (uint8_t* flag : step.initializes) *flag = 1;
        break;
      }
      case StepKind::kCall:
        TRY(execute(run, plan, step.blocks[0]));
        break;
      case StepKind::kIf: {
        bool yes = false;
        TRY(truth(run, plan, step.condition, &yes));
        TRY(execute(run, plan, step.blocks[yes ? 0 : 1]));
        break;
      }
      case StepKind::kWhile:
        TRY(run_while(run, plan, step));
        break;
    }
  }
  return {};
}

}  // namespace grafo
