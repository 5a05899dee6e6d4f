// FusedBatch: one tape over many segments in one launch (in several where their pointers do not fit a launch's parameters).
#include <algorithm>

#include "cuda/kernels.h"
#include "cuda/tape_compile.h"

namespace grafo::cuda {
namespace {

struct BatchStep final : PreparedStep {
  Tape tape;
  std::vector<int64_t> sizes;
  int shared = 0, own = 0, outputs = 0;  // operands: of all segments, of each
  const unsigned* guard = nullptr;

  int segments() const { return static_cast<int>(sizes.size()); }
  int segment_words() const { return 2 + own + outputs; }
  // As many as a launch has room for.
  int most() const { return (kTapeWords - shared) / segment_words(); }

  Status run(Device& device, RunContext&, void* const* buffers) override {
    for (int first = 0; first < segments(); first += most())
      TRY(run_part(device, buffers, first, std::min(most(), segments() - first)));
    return {};
  }

  Status run_part(Device& device, void* const* buffers, int first, int count) {
    TapeRun run{};
    run.aligned = ~0u;
    const auto set = [&run](int word, int operand, const void* pointer) {
      run.words[word] = reinterpret_cast<uint64_t>(pointer);
      if (run.words[word] % 16 != 0) run.aligned &= ~(1u << operand);
    };
    for (int i = 0; i < shared; ++i) set(i, i, buffers[i]);
    for (int g = 0; g < count; ++g) {
      const int word = shared + g * segment_words();
      const int segment = first + g;
      const int64_t size = sizes[static_cast<size_t>(segment)];
      run.words[word] = static_cast<uint64_t>(run.tiles);
      run.words[word + 1] = static_cast<uint64_t>(size);
      run.tiles += (size + tape.tile() - 1) / tape.tile();
      for (int i = 0; i < own; ++i) set(word + 2 + i, shared + i, buffers[shared + segment * own + i]);
      for (int o = 0; o < outputs; ++o)
        set(word + 2 + own + o, kMaxTapeInputs + o, buffers[shared + segments() * own + segment * outputs + o]);
    }
    run.first_segment_word = shared;
    run.segments = count;
    run.segment_words = segment_words();
    run.guard = guard;
    run.stores = 1;
    return tape.launch(device, run);
  }
};

}  // namespace

Status prepare_fused_batch(const StepDesc& desc, Device& device, StepPointer& pointer) {
  auto step = std::make_unique<BatchStep>();
  Words words(desc);
  const int segments = words.i32();
  step->shared = words.i32();
  step->own = words.i32();
  step->outputs = desc.num_outputs / segments;
  const int inputs = step->shared + step->own;
  // Operands as the tape sees them: one element, or as long as a segment, which two elements stand for.
  constexpr int64_t kSpace = 2;
  TensorDesc operands[kMaxTapeInputs + kMaxTapeOutputs];
  uint16_t word[kMaxTapeInputs + kMaxTapeOutputs], next[kMaxTapeInputs + kMaxTapeOutputs];
  for (int i = 0; i < inputs + step->outputs; ++i) {
    const bool is_shared = i < step->shared;
    const bool is_scalar = is_shared || (i < inputs && words.i32() != 0);
    operands[i] = i < inputs ? desc.inputs[i] : desc.outputs[i - inputs];
    operands[i].rank = is_scalar ? 0 : 1;
    operands[i].dims[0] = operands[i].size = is_scalar ? 1 : kSpace;
    word[i] = static_cast<uint16_t>(is_shared ? i : i + 2);
    next[i] = static_cast<uint16_t>(is_shared ? 0 : 2 + step->own + step->outputs);
  }
  int64_t total = 0;
  for (int g = 0; g < segments; ++g) {
    step->sizes.push_back(words.i64());
    total += step->sizes.back();
  }
  bool fits = true;
  TRY(build_tape(desc, words, 1, &kSpace, operands, inputs, operands + inputs, step->outputs, step->tape, &fits));
  if (!fits) return {};
  TapeForm form;
  form.inputs = inputs;
  form.outputs = step->outputs;
  form.word = word;
  form.step = next;
  form.first_segment_word = step->shared;
  form.words = step->shared + std::min(step->most(), segments) * step->segment_words();
  form.batch = true;
  Tape& tape = step->tape;
  compile_tape(device, form, total, tape);
  while (tape.threads > 64 && total < tape.tile() * device.multiprocessors) tape.threads /= 2;
  if (tape.compiled == nullptr) TRY(tape.upload(device, step->outputs, word, next));
  step->guard = guard_of(desc, device);
  pointer = std::move(step);
  return {};
}

}  // namespace grafo::cuda
