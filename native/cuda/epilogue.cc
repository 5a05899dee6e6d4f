// Reads the tape of a MatMulFused and compares it with the endings of epilogue.h.
#include "cuda/epilogue.h"

#include <cstring>

namespace grafo::cuda {
namespace {

struct Reader {
  const int32_t* next;
  const int32_t* end;

  int32_t i32() { return next < end ? *next++ : 0; }
  void skip(int words) { next += end - next < words ? end - next : words; }
  int64_t left() const { return end - next; }
};

struct Call {
  const char* name;
  int32_t a, b;
};

constexpr int kMostCalls = 2;
constexpr int32_t kProduct = 0;

// What is read by operand `operand` of the tape is input `operand + 1` of the step, after both factors.
int input_of(int32_t operand) { return operand + 1; }

bool is_row(const TensorDesc& bias, const TensorDesc& like) {
  const int64_t n = like.dims[like.rank - 1];
  return bias.rank >= 1 && bias.dims[bias.rank - 1] == n && bias.size == n;
}

}  // namespace

Ending recognise_ending(const StepDesc& desc) {
  const Ending other;
  const int32_t operands = desc.num_inputs - 1;
  Reader words{desc.attrs, desc.attrs + desc.num_attrs};
  words.skip(2);
  const int rank = words.i32();
  TensorDesc product{};
  product.rank = rank;
  product.size = 1;
  for (int d = 0; d < rank; ++d) {
    const uint32_t low = static_cast<uint32_t>(words.i32()), high = static_cast<uint32_t>(words.i32());
    product.size *= product.dims[d] = static_cast<int64_t>(uint64_t{high} << 32 | low);
  }
  const int32_t count = words.i32();
  if (rank < 2 || count < 1 || count > kMostCalls || desc.num_outputs > 2) return other;
  Call calls[kMostCalls];
  for (Call& call : calls) {
    if (&call - calls >= count) break;
    call.name = desc.symbols[words.i32()];
    words.skip(2);
    call.a = words.i32();
    call.b = words.i32();
    words.skip(3);
  }
  // Every output is what the last call leaves, as it is or as the sums of its columns.
  const int32_t last = operands + count - 1;
  for (int o = 0; o < desc.num_outputs; ++o)
    if (words.i32() != last) return other;
  Ending ending;
  if (words.left() != 0) {
    if (desc.num_outputs != 2) return other;
    ending.bias_grad = words.i32();
    constexpr int32_t kSum = 0, kColumns = 1;
    if (words.i32() != kSum || words.i32() != kColumns) return other;
    words.skip(2);
    if (words.left() != 0 || desc.outputs[ending.bias_grad].size != product.dims[rank - 1]) return other;
    ending.result = 1 - ending.bias_grad;
  } else if (desc.num_outputs != 1) {
    return other;
  } else {
    ending.result = 0;
  }

  const auto is = [](const Call& call, const char* name) { return std::strcmp(call.name, name) == 0; };
  if (count == 1 && is(calls[0], "ReluGrad")) {
    if (calls[0].a != kProduct || calls[0].b == kProduct) return other;
    ending.features = input_of(calls[0].b);
    if (desc.inputs[ending.features].size != product.size) return other;
    ending.kind = ending.bias_grad >= 0 ? Ending::Kind::kReluGradBiasGrad : Ending::Kind::kReluGrad;
    return ending;
  }
  if (ending.bias_grad >= 0) return other;
  if (count == 1 && is(calls[0], "Relu")) {
    ending.kind = Ending::Kind::kRelu;
    return ending;
  }
  if (!is(calls[0], "Add") && !is(calls[0], "AddV2")) return other;
  const int32_t bias = calls[0].a == kProduct ? calls[0].b : calls[0].a;
  if ((calls[0].a != kProduct && calls[0].b != kProduct) || bias == kProduct) return other;
  ending.bias = input_of(bias);
  if (!is_row(desc.inputs[ending.bias], product)) return other;
  if (count == 2 && (!is(calls[1], "Relu") || calls[1].a != operands)) return other;
  ending.kind = count == 2 ? Ending::Kind::kBiasRelu : Ending::Kind::kBias;
  return ending;
}

}  // namespace grafo::cuda
