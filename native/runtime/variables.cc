// Variables of a session: made by the first plan that names them, at one address while they keep their shape.
#include <cstring>
#include <exception>
#include <new>

#include "base/shape.h"
#include "runtime/loaded_plan.h"

namespace grafo {
namespace {

bool same_port(const Port& port, const PlanValue& value) {
  return port.dtype == value.dtype && port.rank == value.rank &&
         std::memcmp(port.dims, value.dims,
                     static_cast<size_t>(value.rank) * sizeof(int64_t)) == 0;
}

Status no_variable(int32_t id) {
  return Status::error(Code::kNotFound, "No variable %d in this session", id);
}

}  // namespace

// Memory for a variable's value, as a plan declares it. On failure nothing is held.
Status Session::allocate_variable(const PlanVariable& declared, const PlanValue& value,
                                  Variable* variable) {
  variable->port = {value.dtype, value.rank, {}, value.size, value.bytes, declared.node, false};
  std::memcpy(variable->port.dims, value.dims, sizeof variable->port.dims);
  if (value.dtype == DType::kString) {
    int64_t bytes;
    if (!checked_mul(value.size, static_cast<int64_t>(sizeof(std::string)), &bytes) ||
        !allocation_allowed() || !budget_.take(bytes)) {
      return Status::error(Code::kResourceExhausted, "No memory for a variable of %lld strings",
                           static_cast<long long>(value.size))
          .at(declared.node);
    }
    variable_bytes_ += bytes;
    variable->slot_bytes = bytes;
    try {
      variable->strings.resize(static_cast<size_t>(value.size));
    } catch (const std::exception&) {
      release_variable(variable);
      throw;
    }
    return {};
  }
  const size_t bytes = static_cast<size_t>(value.bytes);
  const Status status = backend_.allocate(instance_, bytes, &variable->memory);
  if (!status.ok()) return status.at(declared.node);
  variable_bytes_ += value.bytes;
  // A plan may read what it promised to have written: then it reads zeros, never a stranger's bytes.
  if (const Status cleared = backend_.clear(instance_, variable->memory, bytes); !cleared.ok()) {
    release_variable(variable);
    return cleared.at(declared.node);
  }
  return {};
}

void Session::release_variable(Variable* variable) {
  if (variable->memory != nullptr) {
    backend_.release(instance_, variable->memory, static_cast<size_t>(variable->port.bytes));
    variable_bytes_ -= variable->port.bytes;
    variable->memory = nullptr;
  }
  variable_bytes_ -= variable->slot_bytes;
  budget_.give(variable->slot_bytes + text_bytes(variable->strings));
  variable->slot_bytes = 0;
  Strings().swap(variable->strings);
}

Status Session::bind_variables(LoadedPlan* loaded) {
  const Plan& plan = loaded->plan;
  for (const PlanVariable& declared : plan.variables) {
    const PlanValue& value = plan.values[static_cast<size_t>(declared.value)];
    auto& variable = variables_[declared.id];
    if (variable == nullptr) {
      auto made = std::make_unique<Variable>();
      if (Status status = allocate_variable(declared, value, made.get()); !status.ok()) {
        variables_.erase(declared.id);
        return status;
      }
      variable = std::move(made);
    }
    loaded->variables.push_back(variable.get());
    if (value.dtype == DType::kString) {
      loaded->slots[static_cast<size_t>(value.storage)] = &variable->strings;
    }
  }
  return {};
}

Status Session::fit_variables(LoadedPlan* loaded) {
  const Plan& plan = loaded->plan;
  for (size_t i = 0; i < plan.variables.size(); ++i) {
    const PlanVariable& declared = plan.variables[i];
    const PlanValue& value = plan.values[static_cast<size_t>(declared.value)];
    Variable* variable = loaded->variables[i];
    if (same_port(variable->port, value)) continue;
    if (declared.must_be_initialized || variable->port.dtype != value.dtype) {
      return Status::error(Code::kInternal,
                           "Plan: variable %d is %s of %lld elements here, %s of %lld before",
                           declared.id, dtype_name(value.dtype),
                           static_cast<long long>(value.size), dtype_name(variable->port.dtype),
                           static_cast<long long>(variable->port.size))
          .at(declared.node);
    }
    resized_.reserve(resized_.size() + 1);
    auto other = std::make_unique<Variable>();
    TRY(allocate_variable(declared, value, other.get()));
    std::swap(*other, *variable);
    variable->former = std::move(other);
    resized_.push_back(variable);
    ++generation_;
  }
  return {};
}

void Session::settle_variables(bool failed) {
  for (Variable* variable : resized_) {
    const std::unique_ptr<Variable> former = std::move(variable->former);
    if (failed && variable->initialized == 0) {
      std::swap(*variable, *former);
      ++generation_;
    }
    release_variable(former.get());
  }
  resized_.clear();
}

Status Session::variable_port(int32_t id, Port* port, bool* initialized) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return closed();
  const auto found = variables_.find(id);
  if (found == variables_.end()) return no_variable(id);
  *port = found->second->port;
  *initialized = found->second->initialized != 0;
  return {};
}

Status Session::read_variable(int32_t id, void* data, int64_t bytes, Strings* strings) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return closed();
  const auto found = variables_.find(id);
  if (found == variables_.end()) return no_variable(id);
  const Variable& variable = *found->second;
  if (variable.initialized == 0) {
    return Status::error(Code::kFailedPrecondition, "Attempting to use uninitialized value")
        .at(variable.port.node);
  }
  if (variable.port.dtype == DType::kString) {
    if (strings == nullptr) return Status::error(Code::kInvalidArgument, "A variable of strings");
    try {
      *strings = variable.strings;
    } catch (const std::bad_alloc&) {
      return Status::error(Code::kResourceExhausted, "Out of memory for strings");
    }
    return {};
  }
  if (data == nullptr || bytes != variable.port.bytes) {
    return Status::error(Code::kInvalidArgument, "Variable %d has %lld bytes, not %lld", id,
                         static_cast<long long>(variable.port.bytes),
                         static_cast<long long>(bytes));
  }
  return bytes == 0 ? Status()
                    : backend_.copy_to_host(instance_, data, variable.memory,
                                            static_cast<size_t>(bytes));
}

Status Session::write_variable(int32_t id, const void* data, int64_t bytes,
                               const Strings* strings) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return closed();
  const auto found = variables_.find(id);
  if (found == variables_.end()) return no_variable(id);
  Variable& variable = *found->second;
  if (variable.port.dtype == DType::kString) {
    if (strings == nullptr || static_cast<int64_t>(strings->size()) != variable.port.size) {
      return Status::error(Code::kInvalidArgument, "Variable %d takes %lld strings", id,
                           static_cast<long long>(variable.port.size));
    }
    const int64_t before = text_bytes(variable.strings);
    try {
      variable.strings = *strings;
    } catch (const std::bad_alloc&) {
      return Status::error(Code::kResourceExhausted, "Out of memory for strings");
    }
    TRY(settle_text(budget_, before, &variable.strings));
  } else {
    if (bytes != variable.port.bytes || (data == nullptr && bytes != 0)) {
      return Status::error(Code::kInvalidArgument, "Variable %d takes %lld bytes, not %lld", id,
                           static_cast<long long>(variable.port.bytes),
                           static_cast<long long>(bytes));
    }
    if (variable.port.dtype == DType::kBool && !is_bools(data, bytes)) {
      return Status::error(Code::kInvalidArgument, "Variable %d: a byte is not 0 or 1", id);
    }
    if (bytes > 0) {
      TRY(backend_.copy_from_host(instance_, variable.memory, data, static_cast<size_t>(bytes)));
    }
  }
  variable.initialized = 1;
  return {};
}

}  // namespace grafo
