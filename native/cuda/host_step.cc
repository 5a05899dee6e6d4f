// Kernels that the device has none for: the CPU's, with copies before and after.
#include <vector>

#include "cuda/kernels.h"

namespace grafo::cuda {
namespace {

struct Operand {
  int64_t bytes;
  size_t memory;  // which of the step's copies: operands over one storage share one
  bool is_input, is_output;
};

class HostStep final : public PreparedStep {
 public:
  explicit HostStep(Device& device) : device_(device) {}
  ~HostStep() override {
    if (step_ != nullptr) device_.host->cpu->destroy(device_.cpu, step_);
  }

  Status prepare(const StepDesc& desc) {
    TRY(device_.host->cpu->prepare(device_.cpu, &desc, &step_));
    std::vector<int32_t> storages;
    for (int32_t i = 0; i < desc.num_inputs + desc.num_outputs; ++i) {
      const bool is_output = i >= desc.num_inputs;
      const TensorDesc& tensor = is_output ? desc.outputs[i - desc.num_inputs] : desc.inputs[i];
      const int64_t bytes = tensor.size * static_cast<int64_t>(item_size(tensor.dtype));
      size_t memory = 0;
      while (memory < storages.size() && storages[memory] != tensor.storage) ++memory;
      if (memory == storages.size()) {
        storages.push_back(tensor.storage);
        memory_.emplace_back();
      }
      if (memory_[memory].size() < static_cast<size_t>(bytes)) memory_[memory].resize(static_cast<size_t>(bytes));
      // A variable may be updated in part, so it is read first.
      operands_.push_back({bytes, memory, !is_output || tensor.variable != 0, is_output});
    }
    return {};
  }

  Status run(Device& device, RunContext& context, void* const* buffers) override {
    const Backend& cpu = *device.host->cpu;
    std::vector<void*> host;
    for (size_t i = 0; i < operands_.size(); ++i) {
      const Operand& operand = operands_[i];
      void* memory = operand.bytes == 0 ? static_cast<void*>(&nothing_) : memory_[operand.memory].data();
      host.push_back(memory);
      if (operand.bytes == 0 || !operand.is_input) continue;
      TRY(check(cudaMemcpyAsync(memory, buffers[i], static_cast<size_t>(operand.bytes), cudaMemcpyDeviceToHost,
                                device.stream),
                "a copy to the host"));
    }
    // It may write a variable, or print: not after something was found wrong.
    TRY(device.settle());
    TRY(cpu.run(device.cpu, step_, &context, host.data()));
    for (size_t i = 0; i < operands_.size(); ++i) {
      const Operand& operand = operands_[i];
      if (operand.bytes == 0 || !operand.is_output) continue;
      TRY(check(cudaMemcpyAsync(buffers[i], host[i], static_cast<size_t>(operand.bytes), cudaMemcpyHostToDevice,
                                device.stream),
                "a copy to the device"));
    }
    return {};
  }

  bool can_capture() const override { return false; }

 private:
  Device& device_;
  PreparedStep* step_ = nullptr;  // the CPU's: another type of the same name, never looked into
  std::vector<Operand> operands_;
  std::vector<std::vector<unsigned char>> memory_;
  unsigned char nothing_ = 0;
};

}  // namespace

Status prepare_on_host(const StepDesc& desc, Device& device, StepPointer& step) {
  auto host = std::make_unique<HostStep>(device);
  TRY(host->prepare(desc));
  step = std::move(host);
  return {};
}

}  // namespace grafo::cuda
