// See strings.h: movement of strings by element numbers.
#include "runtime/strings.h"

#include <cstring>
#include <unordered_map>

#include "base/shape.h"

namespace grafo {
namespace {

// Kernels that only move elements, so that moving their numbers tells where each string goes.
constexpr const char* kMovers[] = {"Copy",   "Fill", "Transpose", "Concat", "Slice", "SliceGrad",
                                   "MirrorPad", "Tile", "Gather", "OneHot", "Unique"};

// Element numbers of one operand, in the backend's memory and so within the budget.
class Numbers {
 public:
  Numbers() = default;
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
  ~Numbers() {
    if (data_ != nullptr) backend_->release(instance_, data_, size_ * sizeof(int32_t));
  }
  Status allocate(const Backend& backend, void* instance, int64_t size) {
    int64_t bytes;
    if (!checked_mul(size, static_cast<int64_t>(sizeof(int32_t)), &bytes)) {
      return Status::error(Code::kResourceExhausted, "No memory for %lld strings",
                           static_cast<long long>(size));
    }
    void* memory = nullptr;
    TRY(backend.allocate(instance, static_cast<size_t>(bytes), &memory));
    if (bytes > 0) std::memset(memory, 0, static_cast<size_t>(bytes));
    backend_ = &backend;
    instance_ = instance;
    data_ = static_cast<int32_t*>(memory);
    size_ = static_cast<size_t>(size);
    return {};
  }
  size_t size() const { return size_; }
  int32_t* data() const { return data_; }
  int32_t& operator[](size_t i) const { return data_[i]; }

 private:
  const Backend* backend_ = nullptr;
  void* instance_ = nullptr;
  int32_t* data_ = nullptr;
  size_t size_ = 0;
};

// Element number 0 is the empty string: what SliceGrad pads with when it is given no pad.
class Mover : public StringStep {
 public:
  static Status make(const Backend& backend, void* instance, const StepDesc& desc,
                     std::unique_ptr<StringStep>* step) {
    auto mover = std::make_unique<Mover>(backend, instance);
    const int32_t count = desc.num_inputs + desc.num_outputs;
    mover->inputs_ = desc.num_inputs;
    mover->unique_ = std::strcmp(desc.kernel, "Unique") == 0;
    mover->numbers_ = std::make_unique<Numbers[]>(static_cast<size_t>(count));
    for (int32_t i = 0; i < count; ++i) {
      TensorDesc tensor = i < desc.num_inputs ? desc.inputs[i] : desc.outputs[i - desc.num_inputs];
      mover->is_string_.push_back(tensor.dtype == DType::kString);
      if (tensor.dtype == DType::kString) {
        tensor.dtype = DType::kInt32;
        tensor.variable = 0;
        TRY(mover->numbers_[static_cast<size_t>(i)].allocate(backend, instance, tensor.size));
      }
      mover->tensors_.push_back(tensor);
    }
    StepDesc numbers = desc;
    numbers.inputs = mover->tensors_.data();
    numbers.outputs = mover->tensors_.data() + desc.num_inputs;
    TRY(backend.prepare(instance, &numbers, &mover->prepared_));
    *step = std::move(mover);
    return {};
  }

  Mover(const Backend& backend, void* instance) : backend_(backend), instance_(instance) {}
  ~Mover() override {
    if (prepared_ != nullptr) backend_.destroy(instance_, prepared_);
  }

  Status run(RunContext* context, const StringOperands& operands) override {
    std::vector<void*> buffers(is_string_.size());
    sources_.assign(1, nullptr);
    seen_.clear();
    for (size_t i = 0; i < buffers.size(); ++i) {
      buffers[i] = is_string_[i] ? numbers_[i].data() : operands.buffers[i];
      if (is_string_[i] && i < static_cast<size_t>(inputs_)) number(i, *operands.slots[i]);
    }
    TRY(backend_.run(instance_, prepared_, context, buffers.data()));
    for (size_t i = static_cast<size_t>(inputs_); i < buffers.size(); ++i) {
      if (is_string_[i]) TRY(move(i, operands.slots[i]));
    }
    return {};
  }

 private:
  // Numbers an operand's strings; equal strings share a number only where equality is asked for.
  void number(size_t operand, const Strings& strings) {
    for (size_t e = 0; e < numbers_[operand].size(); ++e) {
      const auto next = static_cast<int32_t>(sources_.size());
      int32_t id = next;
      if (unique_) id = seen_.try_emplace(strings[e], next).first->second;
      if (id == next) sources_.push_back(&strings[e]);
      numbers_[operand][e] = id;
    }
  }

  Status move(size_t operand, Strings* target) {
    const Numbers& numbers = numbers_[operand];
    // Through a copy: the target may be a source as well, where a variable is updated from itself.
    Strings moved(numbers.size());
    for (size_t e = 0; e < numbers.size(); ++e) {
      const auto id = static_cast<size_t>(numbers[e]);
      if (numbers[e] <= 0 || id >= sources_.size()) continue;  // a pad, or past a dynamic end
      moved[e] = *sources_[id];
    }
    for (size_t e = 0; e < moved.size(); ++e) (*target)[e] = std::move(moved[e]);
    return {};
  }

  const Backend& backend_;
  void* instance_;
  PreparedStep* prepared_ = nullptr;
  int32_t inputs_ = 0;
  bool unique_ = false;
  std::vector<bool> is_string_;
  std::vector<TensorDesc> tensors_;
  std::unique_ptr<Numbers[]> numbers_;  // by operand
  std::vector<const std::string*> sources_;  // by number
  std::unordered_map<std::string, int32_t> seen_;
};

// Rows of a variable of strings by index: var[indices[i]] = updates[i]. Nothing is written where an index is bad.
class ScatterStrings : public StringStep {
 public:
  static Status make(const Backend& backend, void* instance, const StepDesc& desc,
                     std::unique_ptr<StringStep>* step) {
    auto scatter = std::make_unique<ScatterStrings>(backend, instance);
    TensorDesc inputs[2] = {}, var{};
    if (desc.num_inputs == 2 && desc.num_outputs == 1) {
      inputs[0] = desc.inputs[0];
      inputs[1] = desc.inputs[1];
      var = desc.outputs[0];
    }
    if (var.dtype != DType::kString || inputs[1].dtype != DType::kString || desc.num_attrs != 1 ||
        desc.attrs[0] != 0) {
      return Status::error(Code::kInternal, "ScatterUpdate: operands that are not strings");
    }
    inputs[1].dtype = var.dtype = DType::kInt32;
    inputs[1].variable = var.variable = 0;
    TRY(scatter->updates_.allocate(backend, instance, inputs[1].size));
    TRY(scatter->var_.allocate(backend, instance, var.size));
    StepDesc numbers = desc;
    numbers.inputs = inputs;
    numbers.outputs = &var;
    TRY(backend.prepare(instance, &numbers, &scatter->prepared_));
    *step = std::move(scatter);
    return {};
  }

  ScatterStrings(const Backend& backend, void* instance) : backend_(backend), instance_(instance) {}
  ~ScatterStrings() override {
    if (prepared_ != nullptr) backend_.destroy(instance_, prepared_);
  }

  Status run(RunContext* context, const StringOperands& operands) override {
    // A row of the variable becomes the number of the update that comes last, from 1.
    for (size_t e = 0; e < updates_.size(); ++e) updates_[e] = static_cast<int32_t>(e) + 1;
    for (size_t e = 0; e < var_.size(); ++e) var_[e] = 0;
    void* buffers[3] = {operands.buffers[0], updates_.data(), var_.data()};
    TRY(backend_.run(instance_, prepared_, context, buffers));
    const Strings& updates = *operands.slots[1];
    Strings& var = *operands.slots[2];
    for (size_t e = 0; e < var_.size(); ++e) {
      if (var_[e] > 0) var[e] = updates[static_cast<size_t>(var_[e]) - 1];
    }
    return {};
  }

 private:
  const Backend& backend_;
  void* instance_;
  PreparedStep* prepared_ = nullptr;
  Numbers updates_, var_;
};

class IsInitializedStep : public StringStep {
 public:
  Status run(RunContext* context, const StringOperands& operands) override {
    *static_cast<uint8_t*>(operands.buffers[1]) =
        context->initialized != nullptr ? *context->initialized : uint8_t{1};
    return {};
  }
};

}  // namespace

Status make_string_step(const Backend& backend, void* instance, const StepDesc& desc,
                        std::unique_ptr<StringStep>* step) {
  const std::string kernel = desc.kernel;
  for (const char* mover : kMovers) {
    if (kernel == mover) return Mover::make(backend, instance, desc, step);
  }
  if (kernel == "Fused") return make_fused_strings(desc, step);
  if (kernel == "ScatterUpdate") return ScatterStrings::make(backend, instance, desc, step);
  if (kernel == "Print") return make_print(desc, step);
  if (kernel == "Assert") return make_assert(desc, step);
  if (kernel == "IsInitialized" && desc.num_inputs == 1 && desc.num_outputs == 1 &&
      desc.outputs[0].dtype == DType::kBool && desc.outputs[0].size == 1) {
    *step = std::make_unique<IsInitializedStep>();
    return {};
  }
  return Status::error(Code::kUnimplemented, "%s has no kernel for strings", desc.kernel);
}

}  // namespace grafo
