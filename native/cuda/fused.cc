// Fused: a tape over one space. What a tape reduces is stored in the step's memory and reduced from there.
#include <algorithm>

#include "cuda/kernels.h"
#include "cuda/reduce.h"
#include "cuda/tape_compile.h"

namespace grafo::cuda {
namespace {

struct ReducedOutput {
  int output;
  Scratch stored;  // the operand
  Reduction reduction;
};

struct FusedStep final : PreparedStep {
  Tape tape;
  int64_t size = 1;
  int inputs = 0, outputs = 0;
  const unsigned* guard = nullptr;
  Scratch fault_memory;
  std::vector<std::unique_ptr<ReducedOutput>> reduced;

  Status run(Device& device, RunContext&, void* const* buffers) override {
    TapeRun run{};
    const int operands = inputs + outputs;
    for (int i = 0; i < operands; ++i) run.words[i] = reinterpret_cast<uint64_t>(buffers[i]);
    for (const auto& r : reduced) run.words[inputs + r->output] = reinterpret_cast<uint64_t>(r->stored.as<void>());
    for (int i = 0; i < operands; ++i)
      if (run.words[i] % 16 == 0) run.aligned |= 1u << (i < inputs ? i : kMaxTapeInputs + i - inputs);
    run.first_segment_word = operands;
    run.segments = 1;
    run.segment_words = 2;
    run.words[operands + 1] = static_cast<uint64_t>(size);
    run.tiles = (size + tape.tile() - 1) / tape.tile();
    run.guard = guard;
    run.fault = fault;
    run.stores = 1;
    if (fault != nullptr) TRY(forget_fault(device, fault));
    if (fault != nullptr && guard != nullptr) {
      // Some threads would have stored into the variable when others find what is wrong.
      TapeRun looks = run;
      looks.stores = 0;
      TRY(tape.launch(device, looks));
    }
    TRY(tape.launch(device, run));
    for (const auto& r : reduced)
      TRY(r->reduction.run(device, r->stored.as<void>(), buffers[inputs + r->output], guard));
    return {};
  }

  Status explain(const Fault& found) const override {
    const Tape::Blame& blame = tape.blame[static_cast<size_t>(found.first)];
    return Status::error(Code::kInvalidArgument, "%s",
                         blame.is_power ? "Integers to negative integer powers are not allowed"
                                        : "Integer division by zero")
        .at(blame.node);
  }
};

Status prepare_reductions(const StepDesc& desc, Words& words, Device& device, FusedStep& step) {
  while (words.left() >= 5) {
    auto reduced = std::make_unique<ReducedOutput>();
    reduced->output = words.i32();
    const auto op = static_cast<ReduceOp>(words.i32());
    const bool columns = words.i32() != 0;
    const TensorDesc& output = desc.outputs[reduced->output];
    ReduceShape shape;
    shape.length = words.i64();
    shape.outputs = output.size;
    shape.rows = columns ? 0 : 1;
    shape.inner = columns ? shape.outputs : shape.length;
    Groups& others = columns ? shape.reduced : shape.kept;
    others.count = 1;
    others.product = others.extent[0] = columns ? shape.length : shape.outputs;
    others.stride[0] = shape.inner;
    TRY(reduced->stored.allocate(device, static_cast<size_t>(step.size) * item_size(output.dtype)));
    TRY(reduced->reduction.prepare(device, op, output.dtype, shape));
    step.reduced.push_back(std::move(reduced));
  }
  return {};
}

}  // namespace

Status prepare_fused(const StepDesc& desc, Device& device, StepPointer& pointer) {
  auto step = std::make_unique<FusedStep>();
  Words words(desc);
  const int rank = words.i32();
  int64_t dims[kMaxRank];
  for (int d = 0; d < rank; ++d) step->size *= dims[d] = words.i64();
  step->inputs = desc.num_inputs;
  step->outputs = desc.num_outputs;
  step->guard = guard_of(desc, device);
  bool fits = true;
  TRY(build_tape(desc, words, rank, dims, desc.inputs, desc.num_inputs, desc.outputs, desc.num_outputs, step->tape,
                 &fits));
  if (!fits) return {};
  uint16_t word[kMaxTapeInputs + kMaxTapeOutputs], none[kMaxTapeInputs + kMaxTapeOutputs] = {};
  for (uint16_t i = 0; i < step->inputs + step->outputs; ++i) word[i] = i;
  TapeForm form;
  form.inputs = step->inputs;
  form.outputs = step->outputs;
  form.word = word;
  form.step = none;
  form.first_segment_word = step->inputs + step->outputs;
  form.words = form.first_segment_word + 2;
  form.narrow = step->size < int64_t{1} << 31;
  Tape& tape = step->tape;
  compile_tape(device, form, step->size, tape);
  // Few elements are spread over more multiprocessors.
  while (tape.threads > 64 && step->size < tape.tile() * device.multiprocessors) tape.threads /= 2;
  if (tape.compiled == nullptr) TRY(tape.upload(device, step->outputs, word, none));
  if (tape.checks) {
    TRY(step->fault_memory.allocate(device, sizeof(Fault)));
    step->fault = step->fault_memory.as<Fault>();
  }
  TRY(prepare_reductions(desc, words, device, *step));
  pointer = std::move(step);
  return {};
}

}  // namespace grafo::cuda
