// Plan steps -> prepared steps: descriptions for the backend, places for buffers and dynamic sizes.
#include <cstring>

#include "runtime/loaded_plan.h"

namespace grafo {
namespace {

TensorDesc describe(const Plan& plan, int32_t index) {
  const PlanValue& value = plan.values[static_cast<size_t>(index)];
  const PlanStorage& storage = plan.storages[static_cast<size_t>(value.storage)];
  TensorDesc desc{};
  desc.dtype = value.dtype;
  desc.rank = value.rank;
  std::memcpy(desc.dims, value.dims, sizeof desc.dims);
  desc.size = value.size;
  desc.storage = value.storage;
  desc.variable = storage.kind == StorageKind::kVariable;
  desc.constant = storage.kind == StorageKind::kConstant;
  return desc;
}

const PlanStorage& storage_of(const Plan& plan, int32_t value) {
  return plan.storages[static_cast<size_t>(plan.values[static_cast<size_t>(value)].storage)];
}

// Kernels that tell the first dim of their outputs only when they ran.
bool is_dynamic(const std::string& kernel, size_t output) {
  return kernel == "Where" || kernel == "BooleanMask" || (kernel == "Unique" && output != 1);
}

Status prepare_kernel(const BackendInstance& own, const BackendInstance& cpu, const PlanStep& step,
                      const std::vector<const char*>& symbols, LoadedPlan* plan, ExecStep* exec) {
  std::vector<TensorDesc> operands;
  bool strings = false;
  for (const auto list : {step.inputs, step.outputs}) {
    for (const int32_t value : list) {
      operands.push_back(describe(plan->plan, value));
      strings |= operands.back().dtype == DType::kString;
    }
  }
  StepDesc desc{};
  desc.kernel = symbols[static_cast<size_t>(step.symbol)];
  desc.node = step.node;
  desc.num_inputs = static_cast<int32_t>(step.inputs.size());
  desc.inputs = operands.data();
  desc.num_outputs = static_cast<int32_t>(step.outputs.size());
  desc.outputs = operands.data() + step.inputs.size();
  desc.num_attrs = static_cast<int32_t>(step.attrs.size());
  desc.attrs = step.attrs.data();
  desc.num_symbols = static_cast<int32_t>(symbols.size());
  desc.symbols = symbols.data();
  desc.num_states = plan->plan.random_states;
  const Status status = strings ? make_string_step(cpu.backend, cpu.instance, desc, &exec->strings)
                                : own.backend.prepare(own.instance, &desc, &exec->prepared);
  return status.ok() ? status : status.at(step.node);
}

Status prepare_step(const BackendInstance& own, const BackendInstance& cpu, const PlanStep& step,
                    const std::vector<const char*>& symbols, const Budget& budget, LoadedPlan* plan, ExecStep* exec) {
  const DeviceCalls* calls = own.backend.calls;
  exec->kind = step.kind;
  exec->node = step.node;
  const auto blocks = step_blocks(step);
  std::copy(blocks.begin(), blocks.end(), exec->blocks);
  if (step.kind == StepKind::kIf) exec->condition = step.inputs[0];
  if (step.kind == StepKind::kWhile) exec->condition = step.attrs[2];
  if (step.kind != StepKind::kKernel) return {};

  for (const int32_t value : step.outputs) {
    const PlanStorage& storage = storage_of(plan->plan, value);
    if (storage.kind != StorageKind::kVariable) continue;
    exec->initializes.push_back(&plan->variables[static_cast<size_t>(storage.index)]->initialized);
  }
  if (!step.inputs.empty()) {
    const PlanStorage& storage = storage_of(plan->plan, step.inputs[0]);
    if (storage.kind == StorageKind::kVariable) {
      exec->initialized = &plan->variables[static_cast<size_t>(storage.index)]->initialized;
    }
  }
  // Memory that the step keeps comes from the budget, or the device.
  const auto used = [&] { return calls == nullptr ? budget.used() : calls->used_bytes(own.instance); };
  const int64_t before = used();
  TRY(prepare_kernel(own, cpu, step, symbols, plan, exec));
  exec->scratch_bytes = used() - before;
  return {};
}

// Where in `dynamic` the real first dim of each storage is found, -1 if it has none.
std::vector<int32_t> place_dynamic(const Plan& plan, LoadedPlan* loaded) {
  std::vector<int32_t> of_storage(plan.storages.size(), -1);
  int32_t next = 0;
  for (const PlanBlock& block : plan.blocks) {
    for (const PlanStep& step : block.steps) {
      for (size_t o = 0; o < step.outputs.size(); ++o, ++next) {
        if (step.kind != StepKind::kKernel) continue;
        if (!is_dynamic(plan.symbols[static_cast<size_t>(step.symbol)], o)) continue;
        of_storage[static_cast<size_t>(
            plan.values[static_cast<size_t>(step.outputs[o])].storage)] = next;
      }
    }
  }
  loaded->dynamic.assign(static_cast<size_t>(next), -1);
  return of_storage;
}

}  // namespace

Status prepare_steps(const BackendInstance& own, const BackendInstance& cpu, const Budget& budget, LoadedPlan* loaded) {
  const Plan& plan = loaded->plan;
  std::vector<const char*> symbols;
  for (const std::string& symbol : plan.symbols) symbols.push_back(symbol.c_str());

  const std::vector<int32_t> dynamic = place_dynamic(plan, loaded);
  for (const PlanPort& fetch : plan.fetches) {
    const PlanValue& value = plan.values[static_cast<size_t>(fetch.value)];
    const int32_t place = value.rank == 0 ? -1 : dynamic[static_cast<size_t>(value.storage)];
    loaded->fetch_dynamic.push_back(place);
    loaded->fetches[loaded->fetch_dynamic.size() - 1].dynamic = place >= 0;
  }

  loaded->blocks.resize(plan.blocks.size());
  for (size_t b = 0; b < plan.blocks.size(); ++b) {
    loaded->blocks[b].steps.resize(plan.blocks[b].steps.size());
    for (size_t s = 0; s < plan.blocks[b].steps.size(); ++s) {
      TRY(prepare_step(own, cpu, plan.blocks[b].steps[s], symbols, budget, loaded,
                       &loaded->blocks[b].steps[s]));
    }
  }

  // Two passes, because pointers into a vector need its final size.
  loaded->feed_buffers.resize(plan.feeds.size());
  for (const PlanBlock& block : plan.blocks) {
    for (const PlanStep& step : block.steps) {
      for (const auto list : {step.inputs, step.outputs}) {
        for (const int32_t value : list) {
          const int32_t s = plan.values[static_cast<size_t>(value)].storage;
          const PlanStorage& storage = plan.storages[static_cast<size_t>(s)];
          if (storage.kind == StorageKind::kFeed) {
            loaded->feed_buffers[static_cast<size_t>(storage.index)].push_back(
                static_cast<int32_t>(loaded->buffer_storages.size()));
          }
          loaded->buffer_storages.push_back(s);
        }
      }
    }
  }
  loaded->buffers.assign(loaded->buffer_storages.size(), nullptr);
  void** buffers = loaded->buffers.data();
  int64_t* sizes = loaded->dynamic.data();
  for (size_t b = 0; b < plan.blocks.size(); ++b) {
    for (size_t s = 0; s < plan.blocks[b].steps.size(); ++s) {
      const PlanStep& step = plan.blocks[b].steps[s];
      ExecStep& exec = loaded->blocks[b].steps[s];
      exec.inputs = step.inputs.size();
      exec.operands = step.inputs.size() + step.outputs.size();
      exec.buffers = buffers;
      exec.dynamic = sizes;
      buffers += exec.operands;
      sizes += step.outputs.size();
    }
  }
  return {};
}

void release_steps(const Backend& backend, void* instance, LoadedPlan* plan) {
  for (ExecBlock& block : plan->blocks) {
    for (ExecStep& step : block.steps) {
      if (step.prepared != nullptr) backend.destroy(instance, step.prepared);
      step.prepared = nullptr;
      step.strings.reset();
    }
  }
}

}  // namespace grafo
