// Proves that a decoded plan stays inside its own memory: storages against values, ports, operands, aliases, blocks.
#include <algorithm>

#include "base/shape.h"
#include "plan/plan.h"

namespace grafo {
namespace {

bool in_range(int32_t index, size_t count) {
  return index >= 0 && static_cast<size_t>(index) < count;
}

Status bad(const char* what, size_t index) {
  return Status::error(Code::kInternal, "Plan: %s %zu", what, index);
}

Status verify_header(const PlanBlobs& blobs, const Plan& plan) {
  if (plan.arena_bytes < 0 || plan.constant_bytes < 0) return bad("negative size in header word", 12);
  if (plan.constant_bytes != blobs.constant_bytes) {
    return Status::error(Code::kInternal, "Plan: %lld constant bytes announced, %lld given",
                         static_cast<long long>(plan.constant_bytes),
                         static_cast<long long>(blobs.constant_bytes));
  }
  if (plan.random_states != blobs.random_states) return bad("wrong number of states for header word", 10);
  if (plan.string_constants != blobs.string_constants) {
    return bad("wrong number of strings for header word", 11);
  }
  if (plan.blocks.empty()) return bad("no main block in header word", 9);
  return {};
}

// Gives every storage the extent of its largest value, then compares that with what the plan says.
Status measure_storages(Plan* plan) {
  std::vector<int64_t> bytes(plan->storages.size(), 0);
  std::vector<uint8_t> seen(plan->storages.size(), 0);
  for (size_t i = 0; i < plan->values.size(); ++i) {
    const PlanValue& value = plan->values[i];
    if (!in_range(value.storage, plan->storages.size())) return bad("storage of value", i);
    const size_t s = static_cast<size_t>(value.storage);
    PlanStorage& storage = plan->storages[s];
    const bool strings = value.dtype == DType::kString;
    if (seen[s] != 0 && storage.strings != strings) return bad("strings over bytes in value", i);
    seen[s] = 1;
    storage.strings = strings;
    storage.elements = std::max(storage.elements, value.size);
    bytes[s] = std::max(bytes[s], value.bytes);
  }
  for (size_t s = 0; s < plan->storages.size(); ++s) {
    const PlanStorage& storage = plan->storages[s];
    if (storage.bytes != bytes[s]) return bad("bytes of storage", s);
    if (storage.strings && storage.kind != StorageKind::kStrings &&
        storage.kind != StorageKind::kFeed && storage.kind != StorageKind::kVariable) {
      return bad("strings in the arena or constants: storage", s);
    }
    if (!storage.strings && storage.kind == StorageKind::kStrings && seen[s] != 0) {
      return bad("bytes in a string slot: storage", s);
    }
  }
  return {};
}

bool inside(const PlanStorage& storage, int64_t limit) {
  int64_t end;
  return storage.offset >= 0 && storage.offset % kPlanAlignment == 0 &&
         checked_add(storage.offset, storage.bytes, &end) && end <= limit;
}

Status verify_storages(const Plan& plan) {
  for (size_t s = 0; s < plan.storages.size(); ++s) {
    const PlanStorage& storage = plan.storages[s];
    switch (storage.kind) {
      case StorageKind::kArena:
        if (storage.index != 0 || !inside(storage, plan.arena_bytes)) return bad("arena storage", s);
        break;
      case StorageKind::kConstant:
        if (storage.index != 0 || !inside(storage, plan.constant_bytes)) {
          return bad("constant storage", s);
        }
        break;
      case StorageKind::kFeed: {
        if (storage.offset != 0 || !in_range(storage.index, plan.feeds.size())) {
          return bad("feed storage", s);
        }
        break;
      }
      case StorageKind::kVariable:
        if (storage.offset != 0 || !in_range(storage.index, plan.variables.size())) {
          return bad("variable storage", s);
        }
        break;
      case StorageKind::kStrings: {
        int64_t end;
        if (storage.offset != 0 || storage.index < -1) return bad("string storage", s);
        if (storage.index >= 0 && (!checked_add(storage.index, storage.elements, &end) ||
                                   end > plan.string_constants)) {
          return bad("string constants of storage", s);
        }
        break;
      }
    }
  }
  return {};
}

// A feed or variable has exactly one storage, and its own value is that storage's largest.
Status verify_owner(const Plan& plan, StorageKind kind, size_t index, int32_t value,
                    const char* what) {
  if (!in_range(value, plan.values.size())) return bad(what, index);
  const PlanValue& owner = plan.values[static_cast<size_t>(value)];
  const PlanStorage& storage = plan.storages[static_cast<size_t>(owner.storage)];
  if (storage.kind != kind || storage.index != static_cast<int32_t>(index) ||
      owner.bytes != storage.bytes || owner.size != storage.elements) {
    return bad(what, index);
  }
  return {};
}

Status verify_ports(const Plan& plan) {
  for (size_t i = 0; i < plan.feeds.size(); ++i) {
    TRY(verify_owner(plan, StorageKind::kFeed, i, plan.feeds[i].value, "feed"));
  }
  std::vector<int32_t> ids;
  for (size_t i = 0; i < plan.variables.size(); ++i) {
    TRY(verify_owner(plan, StorageKind::kVariable, i, plan.variables[i].value, "variable"));
    if (plan.variables[i].id < 0) return bad("id of variable", i);
    ids.push_back(plan.variables[i].id);
  }
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
    return bad("one id for two variables of", plan.variables.size());
  }
  for (size_t s = 0; s < plan.storages.size(); ++s) {
    const PlanStorage& storage = plan.storages[s];
    int32_t owner = -1;
    const size_t index = static_cast<size_t>(storage.index);
    if (storage.kind == StorageKind::kFeed) owner = plan.feeds[index].value;
    if (storage.kind == StorageKind::kVariable) owner = plan.variables[index].value;
    if (owner >= 0 && plan.values[static_cast<size_t>(owner)].storage != static_cast<int32_t>(s)) {
      return bad("second storage of a feed or variable: storage", s);
    }
  }
  for (size_t i = 0; i < plan.fetches.size(); ++i) {
    if (!in_range(plan.fetches[i].value, plan.values.size())) return bad("fetch", i);
  }
  return {};
}

bool writable(const PlanStorage& storage) {
  switch (storage.kind) {
    case StorageKind::kArena:
    case StorageKind::kVariable:
      return true;
    case StorageKind::kStrings:
      return storage.index == -1;
    case StorageKind::kConstant:
    case StorageKind::kFeed:
      return false;
  }
  return false;
}

// Outputs never share memory with each other; with an input only where the kernel works element by element.
Status verify_aliases(const Plan& plan, const PlanStep& step) {
  const std::string& kernel = plan.symbols[static_cast<size_t>(step.symbol)];
  const bool ends = kernel == "MatMulFused";
  const bool in_place = ends || kernel == "Fused" || kernel == "FusedBatch" || kernel == "CheckNumerics";
  for (size_t o = 0; o < step.outputs.size(); ++o) {
    const PlanValue& output = plan.values[static_cast<size_t>(step.outputs[o])];
    for (size_t other = 0; other < o; ++other) {
      if (plan.values[static_cast<size_t>(step.outputs[other])].storage == output.storage) {
        return Status::error(Code::kInternal, "Plan: %s writes one storage twice", kernel.c_str())
            .at(step.node);
      }
    }
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      const PlanValue& input = plan.values[static_cast<size_t>(step.inputs[i])];
      if (input.storage != output.storage) continue;
      const bool is_factor = ends && i < 2;
      // A broadcast input has fewer elements than the iteration space, which the output fills.
      if (!in_place || is_factor || input.size != output.size ||
          item_size(input.dtype) != item_size(output.dtype)) {
        return Status::error(Code::kInternal, "Plan: %s cannot work in place here", kernel.c_str())
            .at(step.node);
      }
    }
  }
  return {};
}

bool is_bool_scalar(const Plan& plan, int32_t value) {
  if (!in_range(value, plan.values.size())) return false;
  const PlanValue& v = plan.values[static_cast<size_t>(value)];
  return v.dtype == DType::kBool && v.size == 1;
}

Status verify_control(const Plan& plan, const PlanStep& step) {
  const bool shape_ok =
      step.outputs.empty() &&
      (step.kind == StepKind::kCall  ? step.attrs.size() == 1
       : step.kind == StepKind::kIf ? step.attrs.size() == 2 && !step.inputs.empty() &&
                                          is_bool_scalar(plan, step.inputs[0])
                                    : step.attrs.size() == 3 && is_bool_scalar(plan, step.attrs[2]));
  if (!shape_ok) return Status::error(Code::kInternal, "Plan: a control step").at(step.node);
  for (const int32_t block : step_blocks(step)) {
    if (!in_range(block, plan.blocks.size()) || block == 0) {
      return Status::error(Code::kInternal, "Plan: block %d of a control step", block).at(step.node);
    }
  }
  return {};
}

Status verify_step(const Plan& plan, const PlanStep& step) {
  for (const auto operands : {step.inputs, step.outputs}) {
    for (const int32_t value : operands) {
      if (!in_range(value, plan.values.size())) {
        return Status::error(Code::kInternal, "Plan: operand %d of a step", value).at(step.node);
      }
    }
  }
  for (const int32_t value : step.outputs) {
    const int32_t storage = plan.values[static_cast<size_t>(value)].storage;
    if (!writable(plan.storages[static_cast<size_t>(storage)])) {
      return Status::error(Code::kInternal, "Plan: a step writes storage %d, which is read-only",
                           storage)
          .at(step.node);
    }
  }
  if (step.device != 0) {
    return Status::error(Code::kUnimplemented, "Plan: device %d", step.device).at(step.node);
  }
  if (step.kind != StepKind::kKernel) return verify_control(plan, step);
  if (!in_range(step.symbol, plan.symbols.size())) {
    return Status::error(Code::kInternal, "Plan: symbol %d of a step", step.symbol).at(step.node);
  }
  return verify_aliases(plan, step);
}

// Depth of every block by relaxation along the nesting; more than 64 levels means too deep or a cycle.
Status verify_nesting(const Plan& plan) {
  std::vector<std::vector<int32_t>> inner(plan.blocks.size());
  for (size_t b = 0; b < plan.blocks.size(); ++b) {
    for (const PlanStep& step : plan.blocks[b].steps) {
      const auto blocks = step_blocks(step);
      inner[b].insert(inner[b].end(), blocks.begin(), blocks.end());
    }
    std::sort(inner[b].begin(), inner[b].end());
    inner[b].erase(std::unique(inner[b].begin(), inner[b].end()), inner[b].end());
  }
  std::vector<int> depth(plan.blocks.size(), 1);
  for (int round = 0; round <= kPlanMaxDepth; ++round) {
    bool changed = false;
    for (size_t b = 0; b < plan.blocks.size(); ++b) {
      for (const int32_t block : inner[b]) {
        int& below = depth[static_cast<size_t>(block)];
        if (below < depth[b] + 1) {
          below = depth[b] + 1;
          changed = true;
        }
        if (below > kPlanMaxDepth) return bad("nested too deep or in a cycle: block", b);
      }
    }
    if (!changed) return {};
  }
  return bad("blocks nested in a cycle, of", plan.blocks.size());
}

}  // namespace

std::span<const int32_t> step_blocks(const PlanStep& step) {
  switch (step.kind) {
    case StepKind::kKernel:
      return {};
    case StepKind::kCall:
      return step.attrs.first(1);
    case StepKind::kIf:
    case StepKind::kWhile:
      return step.attrs.first(2);
  }
  return {};
}

Status verify_plan(const PlanBlobs& blobs, Plan* plan) {
  TRY(verify_header(blobs, *plan));
  TRY(measure_storages(plan));
  TRY(verify_storages(*plan));
  TRY(verify_ports(*plan));
  for (const PlanBlock& block : plan->blocks) {
    for (const PlanStep& step : block.steps) TRY(verify_step(*plan, step));
  }
  return verify_nesting(*plan);
}

}  // namespace grafo
