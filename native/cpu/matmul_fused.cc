// MatMulFused: a product whose elements are an operand of a tape. Parts of the product go through the tape as soon as they are made,
// by the thread that made them; where that cannot be, the tape comes after the product.
#include <algorithm>
#include <climits>
#include <optional>

#include "cpu/fused_tile.h"
#include "cpu/kernels.h"
#include "cpu/matmul.h"

namespace grafo::cpu {
namespace {

struct MatMulFusedStep : PreparedStep {
  explicit MatMulFusedStep(const HostServices& services)
      : PreparedStep([](const PreparedStep& base, RunContext& context, void* const* buffers) {
          const auto& step = static_cast<const MatMulFusedStep&>(base);
          return step.way(step, context, buffers);
        }),
        host(services) {}
  ~MatMulFusedStep() override {
    if (memory) host.release(host.self, memory, memory_bytes);
  }

  // The product's place in the tape's buffers: in an output that nothing else is read from, else of the step's own.
  void* place(void* const* outputs) const { return lender >= 0 ? outputs[lender] : memory; }

  const HostServices& host;
  Run way = nullptr;
  StepPointer product;
  std::optional<FusedStep> tape;
  int num_inputs = 0, num_outputs = 0;
  int lender = -1;
  void* memory = nullptr;
  size_t memory_bytes = 0;
  int64_t columns = 0;
};

// Operand 0 of the tape and then the step's own from the third on.
struct TapeBuffers {
  void* list[kMaxFusedInputs + kMaxFusedOutputs];
  TapeBuffers(const MatMulFusedStep& step, void* const* buffers) {
    list[0] = step.place(buffers + step.num_inputs);
    for (int i = 2; i < step.num_inputs + step.num_outputs; ++i) list[i - 1] = buffers[i];
  }
};

Status run_after(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const MatMulFusedStep&>(base);
  const TapeBuffers tape(step, buffers);
  void* const factors[] = {buffers[0], buffers[1], tape.list[0]};
  TRY(step.product->run(*step.product, context, factors));
  return step.tape->run(*step.tape, context, tape.list);
}

struct Parts {
  const MatMulFusedStep& step;
  void* const* buffers;
};

// Runs the tape over a part of the product: row by row, or at once where rows are whole.
void end_part(const void* self, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  const auto& [step, buffers] = *static_cast<const Parts*>(self);
  const FusedStep& tape = *step.tape;
  if (columns == step.columns) {
    columns *= rows;
    rows = 1;
  }
  Range range;
  std::atomic<int32_t> failed{INT_MAX};
  begin_range(tape, buffers, columns, range);
  for (int64_t r = row; r < row + rows; ++r)
    for (int64_t at = 0; at < columns; at += tape.tile)
      run_tile(tape, buffers, r * step.columns + column + at, std::min<int64_t>(tape.tile, columns - at), range, failed);
  if (tape.streams) end_stream();
}

template <class T>
Status run_in_parts(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const MatMulFusedStep&>(base);
  const auto& product = static_cast<const RealStep<T>&>(*step.product);
  const TapeBuffers tape(step, buffers);
  const Parts parts{step, tape.list};
  const Epilogue epilogue{&parts, end_part};
  const T* const b = static_cast<const T*>(buffers[1]);
  const bool done = product.gemm->run(&context, static_cast<const T*>(buffers[0]), b, static_cast<T*>(tape.list[0]),
                                      static_cast<T*>(product.scratch), &epilogue, product.kept_b(b));
  return done ? Status() : cancelled();
}

// The product's shape is the tape's space.
Status read_product(const StepDesc& desc, TensorDesc& product) {
  product = TensorDesc{};
  product.dtype = desc.inputs[0].dtype;
  AttrReader attrs(desc);
  attrs.flag();
  attrs.flag();
  product.rank = attrs.count(2, kMaxRank);
  product.size = 1;
  bool empty = false;
  for (int d = 0; d < product.rank; ++d) {
    product.dims[d] = attrs.i64();
    empty |= product.dims[d] == 0;
    if (product.dims[d] < 0 ||
        !checked_multiply(product.size, std::max<int64_t>(product.dims[d], 1), &product.size) ||
        product.size > INT64_MAX / 16)
      return reject(desc, "dimension %d of the product", d);
  }
  if (empty) product.size = 0;
  return attrs.ok() ? Status() : reject(desc, "its attributes are too few or wrong");
}

// The output whose memory the product can have: of as many bytes, and read as nothing else.
int find_lender(const StepDesc& desc, const TensorDesc& product, const FusedStep& tape) {
  for (int32_t o = 0; o < desc.num_outputs; ++o) {
    const TensorDesc& output = desc.outputs[o];
    bool lends = item_size(output.dtype) == item_size(product.dtype);
    for (const FusedReduction& reduction : tape.reductions) lends &= reduction.output != o;
    for (int32_t i = 0; i < desc.num_inputs; ++i) lends &= desc.inputs[i].storage != output.storage;
    if (lends) return o;
  }
  return -1;
}

// Column sums take their rows in order, and what may refuse must say where first: their tapes come after the product.
template <class T>
bool goes_in_parts(const MatMulFusedStep& step) {
  const RealStep<T>* const real = as_plain_product<T>(*step.product);
  return real && real->gemm->can_end() && step.tape->reductions.empty() && step.tape->checks == 0;
}

// Gives the product memory where it needs any.
Status choose_run(const TensorDesc& product, MatMulFusedStep& step) {
  step.way = goes_in_parts<float>(step) ? run_in_parts<float>
             : goes_in_parts<double>(step) ? run_in_parts<double>
                                           : run_after;
  if (step.lender >= 0) return Status();
  step.memory_bytes = std::max<size_t>(1, static_cast<size_t>(product.size) * item_size(product.dtype));
  step.memory = step.host.allocate(step.host.self, step.memory_bytes);
  if (step.memory) return Status();
  return Status::error(Code::kResourceExhausted, "out of memory allocating %zu bytes", step.memory_bytes);
}

}  // namespace

Status prepare_matmul_fused(const StepDesc& desc, const HostServices& host, StepPointer& pointer) {
  if (desc.num_inputs < 2 || desc.num_inputs > kMaxFusedInputs + 1)
    return reject(desc, "%d inputs", desc.num_inputs);
  if (desc.num_attrs < 2) return reject(desc, "%d attributes", desc.num_attrs);
  for (int32_t o = 0; o < desc.num_outputs; ++o)
    for (int32_t i = 0; i < 2; ++i)
      if (desc.outputs[o].storage == desc.inputs[i].storage)
        return reject(desc, "output %d shares storage with factor %d", o, i);
  TensorDesc product;
  TRY(read_product(desc, product));
  product.storage = INT32_MIN;  // no storage of a plan

  StepDesc of_product = desc;
  of_product.num_inputs = 2;
  of_product.num_outputs = 1;
  of_product.outputs = &product;
  of_product.num_attrs = 2;
  StepPointer factors;
  TRY(prepare_matmul(of_product, host, factors));

  TensorDesc inputs[kMaxFusedInputs];
  inputs[0] = product;
  for (int32_t i = 2; i < desc.num_inputs; ++i) inputs[i - 1] = desc.inputs[i];
  StepDesc of_tape = desc;
  of_tape.num_inputs = desc.num_inputs - 1;
  of_tape.inputs = inputs;
  of_tape.attrs = desc.attrs + 2;
  of_tape.num_attrs = desc.num_attrs - 2;
  auto step = std::make_unique<MatMulFusedStep>(host);
  step->tape.emplace(run_fused);
  TRY(build_tape(of_tape, *step->tape));
  step->lender = find_lender(desc, product, *step->tape);
  if (step->lender >= 0) {
    inputs[0].storage = desc.outputs[step->lender].storage;
    step->tape.emplace(run_fused);
    TRY(build_tape(of_tape, *step->tape));
  }
  step->product = std::move(factors);
  step->num_inputs = desc.num_inputs;
  step->num_outputs = desc.num_outputs;
  step->columns = product.dims[product.rank - 1];
  TRY(choose_run(product, *step));
  pointer = std::move(step);
  return Status();
}

}  // namespace grafo::cpu
