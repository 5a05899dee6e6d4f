// Stores of results that are too large to be read back from a cache: they go past it, so that no line is fetched only to be
// overwritten, and what the caches hold stays.
#include <algorithm>

#include "cpu/fused.h"
#include "cpu/fused_node.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace grafo::cpu {
namespace {

// Simple operations an element up to which memory decides how long a tape takes.
constexpr int64_t kCheapTape = 6;

template <size_t kItem>
void stream_loop(void* dst, const void* a, const void*, const void*, int64_t n) {
  auto* to = static_cast<uint8_t*>(dst);
  auto* from = static_cast<const uint8_t*>(a);
  int64_t bytes = n * static_cast<int64_t>(kItem);
#if defined(__x86_64__)
  // A caller's memory may begin anywhere: what lies before the first whole line, and after the last, is stored as usual.
  const int64_t before = std::min<int64_t>(bytes, -reinterpret_cast<uintptr_t>(to) % 64);
  std::memcpy(to, from, static_cast<size_t>(before));
  for (to += before, from += before, bytes -= before; bytes >= 64; bytes -= 64, to += 64, from += 64) {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), _mm512_loadu_si512(from));
#else
    for (int part = 0; part < 64; part += 16)
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + part),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + part)));
#endif
  }
#endif
  std::memcpy(to, from, static_cast<size_t>(bytes));
}

}  // namespace

bool is_large(const TensorDesc& tensor) { return tensor.size * static_cast<int64_t>(item_size(tensor.dtype)) > kPastCaches; }

bool is_apart_and_large(const StepDesc& desc, int output) {
  const TensorDesc& large = desc.outputs[output];
  if (!is_large(large)) return false;
  return std::none_of(desc.inputs, desc.inputs + desc.num_inputs, [&](const TensorDesc& input) { return input.storage == large.storage; });
}

bool is_cheap(const std::vector<Node>& nodes) {
  int64_t cost = 0;
  for (const Node& node : nodes) cost += node.cost;
  return cost <= kCheapTape;
}

Loop find_streaming(const StepDesc& desc, const std::vector<Node>& nodes, const Node& maker, int64_t size) {
  if (maker.row == nullptr) return nullptr;
  const auto result = static_cast<int32_t>(desc.num_inputs + (&maker - nodes.data()));
  for (const Node& node : nodes)
    if (std::find(node.operands, node.operands + 3, result) != node.operands + 3) return nullptr;
  for (const int32_t operand : maker.operands)
    if (operand >= 0 && operand < desc.num_inputs && desc.inputs[operand].size != size && desc.inputs[operand].size != 1) return nullptr;
  return maker.row->streaming.of(maker.type);
}

Loop find_stream(int item) {
  switch (item) {
    case 1:
      return stream_loop<1>;
    case 2:
      return stream_loop<2>;
    case 4:
      return stream_loop<4>;
    default:
      return stream_loop<8>;
  }
}

void end_stream() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace grafo::cpu
