// MatMulFused: a product and the tape that reads it, one after the other. A library that has the tape's ending (epilogue.h) in its
// product may take the step first.
#include <climits>

#include "cuda/product.h"

namespace grafo::cuda {
namespace {

constexpr int kMostOperands = 32;  // of a tape

struct MatMulFusedStep final : PreparedStep {
  StepPointer product, tape;
  Scratch memory;
  int num_inputs = 0, num_operands = 0;
  int lender = -1;  // the output whose memory the product has

  Status run(Device& device, RunContext& context, void* const* buffers) override {
    void* list[kMostOperands];
    list[0] = lender >= 0 ? buffers[num_inputs + lender] : memory.as<void>();
    for (int i = 2; i < num_operands; ++i) list[i - 1] = buffers[i];
    void* const factors[] = {buffers[0], buffers[1], list[0]};
    TRY(product->run(device, context, factors));
    return tape->run(device, context, list);
  }
  bool can_capture() const override { return product->can_capture() && tape->can_capture(); }
  Status explain(const Fault& found) const override { return tape->explain(found); }
};

// The output whose memory the product can have: of as many bytes, read as nothing else, and no variable, which is left as it is where
// a step before has found something wrong.
int find_lender(const StepDesc& desc, const TensorDesc& product) {
  for (int32_t o = 0; o < desc.num_outputs; ++o) {
    const TensorDesc& output = desc.outputs[o];
    // A reduction to as many elements is of one each: it too is read before it is written.
    bool lends = output.size == product.size && item_size(output.dtype) == item_size(product.dtype) && output.variable == 0;
    for (int32_t i = 0; i < desc.num_inputs; ++i) lends = lends && desc.inputs[i].storage != output.storage;
    if (lends) return o;
  }
  return -1;
}

}  // namespace

Status prepare_matmul_fused(const StepDesc& desc, Device& device, StepPointer& pointer) {
  auto step = std::make_unique<MatMulFusedStep>();
  step->num_inputs = desc.num_inputs;
  step->num_operands = desc.num_inputs + desc.num_outputs;
  TensorDesc product{};
  product.dtype = desc.inputs[0].dtype;
  Words words(desc);
  words.i32();
  words.i32();
  product.rank = words.i32();
  product.size = 1;
  for (int d = 0; d < product.rank; ++d) product.size *= product.dims[d] = words.i64();
  StepDesc of_product = desc;
  of_product.num_inputs = 2;
  of_product.num_outputs = 1;
  of_product.outputs = &product;
  of_product.num_attrs = 2;
  if (is_product(of_product)) {
    TRY(library_ending(desc, recognise_ending(desc), read_product(of_product), device, pointer));
    if (pointer != nullptr) return {};
  }
  step->lender = find_lender(desc, product);
  product.storage = step->lender >= 0 ? desc.outputs[step->lender].storage : INT32_MIN;  // no storage of a plan
  if (step->lender < 0)
    TRY(step->memory.allocate(device, static_cast<size_t>(product.size) * item_size(product.dtype)));
  TRY(prepare_matmul(of_product, device, step->product));

  TensorDesc inputs[kMostOperands];
  inputs[0] = product;
  for (int32_t i = 2; i < desc.num_inputs; ++i) inputs[i - 1] = desc.inputs[i];
  StepDesc of_tape = desc;
  of_tape.num_inputs = desc.num_inputs - 1;
  of_tape.inputs = inputs;
  of_tape.attrs = desc.attrs + 2;
  of_tape.num_attrs = desc.num_attrs - 2;
  TRY(prepare_fused(of_tape, device, step->tape));
  if (step->product == nullptr || step->tape == nullptr) return {};  // the CPU's kernel does both
  step->fault = step->tape->fault;
  pointer = std::move(step);
  return {};
}

}  // namespace grafo::cuda
