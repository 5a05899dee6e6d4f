// A plan's tape as the device runs it: codes for functors, registers by liveness, loads before first uses, stores after last ones.
#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstring>

#include "cuda/tape_compile.h"

namespace grafo::cuda {
namespace {

struct FunctorName {
  const char* name;
  int id, arity;
  bool integers_refuse;
};
constexpr FunctorName kFunctors[] = {
#define GRAFO_ROW(name, cost) {#name, kId##name, 1, false},
    GRAFO_UNARY_FLOAT(GRAFO_ROW) GRAFO_UNARY_EXP_LOG(GRAFO_ROW) GRAFO_UNARY_ELEMENTARY(GRAFO_ROW)
        GRAFO_UNARY_PERIODIC(GRAFO_ROW) GRAFO_UNARY_NUMERIC(GRAFO_ROW) GRAFO_UNARY_TEST(GRAFO_ROW)
            GRAFO_UNARY_LOGICAL(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) {#name, kId##name, 2, false},
                GRAFO_BINARY_NUMERIC(GRAFO_ROW) GRAFO_BINARY_BITWISE(GRAFO_ROW) GRAFO_BINARY_FLOAT(GRAFO_ROW)
                    GRAFO_BINARY_ORDER(GRAFO_ROW) GRAFO_BINARY_EQUAL(GRAFO_ROW) GRAFO_BINARY_LOGICAL(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) {#name, kId##name, 2, true},
                        GRAFO_BINARY_CHECKED(GRAFO_ROW)
#undef GRAFO_ROW
};

int log2_bytes(DType dtype) {
  const size_t bytes = item_size(dtype);
  return bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
}

struct Node {
  TapeInstruction code{};
  int32_t operands[3] = {-1, -1, -1};
};

struct Value {
  DType dtype = DType::kFloat32;
  int32_t storage = -1;  // of inputs
  int32_t first_use = INT_MAX, last_use = -1;
  int32_t home = -1;  // its register
};

class Builder {
 public:
  Builder(const StepDesc& desc, Words& words, int rank, const int64_t* dims, const TensorDesc* inputs, int num_inputs,
          const TensorDesc* outputs, int num_outputs, Tape& tape)
      : desc_(desc), words_(words), rank_(rank), dims_(dims), inputs_(inputs), num_inputs_(num_inputs),
        outputs_(outputs), num_outputs_(num_outputs), tape_(tape) {}

  bool build() {
    for (int i = 0; i < num_inputs_; ++i) {
      tape_.inputs.push_back(walk(inputs_[i]));
      Value value;
      value.dtype = inputs_[i].dtype;
      value.storage = inputs_[i].storage;
      values_.push_back(value);
    }
    read_instructions();
    for (int o = 0; o < num_outputs_; ++o) output_operands_[o] = words_.i32();
    find_uses();
    for (int32_t i = 0; i < count(); ++i) emit(i);
    finish();
    size_t widest = 1;
    for (const Value& value : values_) widest = std::max(widest, item_size(value.dtype));
    tape_.chunks = widest == 8 ? 4 : widest == 4 ? 2 : 1;
    tape_.registers = std::max(1, registers_);
    while (shared_bytes() > kTapeShared && tape_.threads > 32) tape_.threads /= 2;
    return shared_bytes() <= kTapeShared;
  }

 private:
  int32_t count() const { return static_cast<int32_t>(nodes_.size()); }
  Value& value(int32_t operand) { return values_[static_cast<size_t>(operand)]; }
  int shared_bytes() const { return tape_.registers * tape_.chunks * 16 * static_cast<int>(tape_.threads); }

  TapeInput walk(const TensorDesc& input) const {
    TapeInput made{};
    int64_t space = 1;
    for (int d = 0; d < rank_; ++d) space *= dims_[d];
    if (input.size == space || space == 0) return made;  // of an empty space nothing runs
    made.kind = input.size == 1 ? 1 : 2;
    if (made.kind == 1) return made;
    int64_t stride = 1;
    int groups = 0;
    for (int d = rank_ - 1; d >= 0; --d) {  // the innermost first, turned below
      if (dims_[d] == 1) continue;
      const int own = d - (rank_ - input.rank);
      const bool kept = own >= 0 && input.dims[own] != 1;
      if (groups > 0 && (made.stride[groups - 1] != 0) == kept) {
        made.extent[groups - 1] *= dims_[d];
      } else {
        made.extent[groups] = dims_[d];
        made.stride[groups++] = kept ? stride : 0;
      }
      if (kept) stride *= dims_[d];
    }
    made.groups = groups;
    std::reverse(made.extent, made.extent + groups);
    std::reverse(made.stride, made.stride + groups);
    for (int g = 0; g < groups && space < (int64_t{1} << 31); ++g) {
      const auto divisor = static_cast<uint64_t>(made.extent[g]);
      uint32_t shift = 0;
      while ((uint64_t{1} << shift) < divisor) ++shift;
      made.shift[g] = shift;
      made.magic[g] = static_cast<uint32_t>((((uint64_t{1} << shift) - divisor) << 32) / divisor + 1);
    }
    made.in_one = made.extent[groups - 1] % kTapeElements == 0;
    return made;
  }

  void read_instructions() {
    const int32_t n = words_.i32();
    for (int32_t i = 0; i < n; ++i) {
      Node node;
      const char* const name = desc_.symbols[words_.i32()];
      const auto type = static_cast<DType>(words_.i32());
      Value made;
      made.dtype = static_cast<DType>(words_.i32());
      for (int32_t& operand : node.operands) operand = words_.i32();
      const int32_t blamed = words_.i32();
      words_.i32();
      node.code.position = static_cast<uint16_t>(i);
      node.code.code = static_cast<uint16_t>(code_of(name, type, made.dtype));
      tape_.blame.push_back({blamed, name[0] == 'P'});
      nodes_.push_back(node);
      values_.push_back(made);
    }
  }
  int code_of(const char* name, DType type, DType result) {
    const int column = tape_column(type);
    if (std::strcmp(name, "Cast") == 0) {
      tape_.light &= is_light_column(column) && is_light_column(tape_column(result));
      return cast_code(column, tape_column(result));
    }
    if (std::strcmp(name, "Select") == 0) return by_bytes(kSelectCode, type);
    for (const FunctorName& row : kFunctors) {
      if (std::strcmp(row.name, name) != 0) continue;
      tape_.light &= is_light_functor(row.id, column);
      tape_.checks |= row.integers_refuse && column >= 2;
      return functor_code(row.id, column);
    }
    return 0;  // the CPU's backend would not have accepted it
  }
  int by_bytes(int base, DType dtype) {
    const int log2 = log2_bytes(dtype);
    tape_.light &= log2 == 0 || log2 == 2;
    return base + log2;
  }

  void find_uses() {
    for (int32_t i = 0; i < count(); ++i)
      for (const int32_t operand : nodes_[static_cast<size_t>(i)].operands) use(operand, i);
    for (int o = 0; o < num_outputs_; ++o)
      if (output_operands_[o] < num_inputs_) use(output_operands_[o], count());
    // Results are stored as soon as they are there, where that is allowed.
    for (int o = 0; o < num_outputs_; ++o)
      if (output_operands_[o] >= num_inputs_)
        use(output_operands_[o], may_store_early(o) ? output_operands_[o] - num_inputs_ : count());
  }
  void use(int32_t operand, int32_t at) {
    if (operand < 0) return;
    Value& used = value(operand);
    used.first_use = std::min(used.first_use, at);
    used.last_use = std::max(used.last_use, at);
  }
  // Not where the output lies over an input that is loaded later.
  bool may_store_early(int o) {
    const int32_t made_at = output_operands_[o] - num_inputs_;
    for (int i = 0; i < num_inputs_; ++i) {
      const Value& input = values_[static_cast<size_t>(i)];
      if (input.storage == outputs_[o].storage && input.first_use != INT_MAX && input.first_use > made_at) return false;
    }
    return true;
  }

  int take() {
    if (free_.empty()) return registers_++;
    const int taken = free_.back();
    free_.pop_back();
    return taken;
  }
  void put(TapeInstruction code) { tape_.code.push_back(code); }

  // Loads come in pairs of one width where they can: their latencies overlap.
  void load_for(int32_t i) {
    std::vector<int32_t> missing;
    const auto want = [&](int32_t operand) {
      if (operand < 0 || operand >= num_inputs_ || value(operand).home >= 0) return;
      if (std::find(missing.begin(), missing.end(), operand) == missing.end()) missing.push_back(operand);
    };
    const auto want_all = [&](int32_t at) {
      if (at < count())
        for (int32_t operand : nodes_[static_cast<size_t>(at)].operands) want(operand);
      else
        for (int o = 0; o < num_outputs_; ++o) want(output_operands_[o]);
    };
    want_all(i);
    if (missing.size() % 2 == 1)
      for (int32_t later = i + 1; later <= std::min(count(), i + 3) && missing.size() % 2 == 1; ++later) want_all(later);
    for (size_t m = 0; m < missing.size(); ++m) {
      Value& one = value(missing[m]);
      TapeInstruction code{};
      code.a = static_cast<uint16_t>(missing[m]);
      one.home = take();
      code.dst = static_cast<uint16_t>(one.home);
      const bool two = m + 1 < missing.size() && log2_bytes(value(missing[m + 1]).dtype) == log2_bytes(one.dtype);
      code.code = static_cast<uint16_t>(by_bytes(two ? kLoadTwoCode : kLoadCode, one.dtype));
      if (two) {
        Value& other = value(missing[++m]);
        other.home = take();
        code.b = static_cast<uint16_t>(missing[m]);
        code.c = static_cast<uint16_t>(other.home);
      }
      put(code);
    }
  }

  void emit(int32_t i) {
    load_for(i);
    Node& node = nodes_[static_cast<size_t>(i)];
    Value& made = value(num_inputs_ + i);
    uint16_t* const homes[3] = {&node.code.a, &node.code.b, &node.code.c};
    std::vector<int> after;
    for (int o = 0; o < 3; ++o) {
      if (node.operands[o] < 0) continue;
      Value& operand = value(node.operands[o]);
      *homes[o] = static_cast<uint16_t>(operand.home);
      bool seen = false;
      for (int p = 0; p < o; ++p) seen |= node.operands[p] == node.operands[o];
      if (operand.last_use != i || seen) continue;
      // The result may take the place of what dies here, element by element, where they are as wide.
      (item_size(operand.dtype) == item_size(made.dtype) ? free_ : after).push_back(operand.home);
    }
    made.home = take();
    node.code.dst = static_cast<uint16_t>(made.home);
    put(node.code);
    free_.insert(free_.end(), after.begin(), after.end());
    for (int o = 0; o < num_outputs_; ++o)
      if (output_operands_[o] == num_inputs_ + i && may_store_early(o)) store(o);
    if (made.last_use <= i) free_.push_back(made.home);
  }
  void finish() {
    load_for(count());
    for (int o = 0; o < num_outputs_; ++o)
      if (output_operands_[o] < num_inputs_ || !may_store_early(o)) store(o);
  }
  void store(int o) {
    TapeInstruction code{};
    const Value& stored = value(output_operands_[o]);
    code.code = static_cast<uint16_t>(by_bytes(kStoreCode, stored.dtype));
    code.a = static_cast<uint16_t>(stored.home);
    code.b = static_cast<uint16_t>(o);
    put(code);
  }

  const StepDesc& desc_;
  Words& words_;
  const int rank_;
  const int64_t* const dims_;
  const TensorDesc* const inputs_;
  const int num_inputs_;
  const TensorDesc* const outputs_;
  const int num_outputs_;
  Tape& tape_;
  std::vector<Node> nodes_;
  std::vector<Value> values_;  // inputs, then results
  int32_t output_operands_[kMaxTapeOutputs] = {};
  std::vector<int> free_;
  int registers_ = 0;
};

}  // namespace

Status build_tape(const StepDesc& desc, Words& words, int rank, const int64_t* dims, const TensorDesc* inputs,
                  int num_inputs, const TensorDesc* outputs, int num_outputs, Tape& tape, bool* fits) {
  *fits = Builder(desc, words, rank, dims, inputs, num_inputs, outputs, num_outputs, tape).build();
  return {};
}

Status Tape::upload(Device& device, int outputs, const uint16_t* word, const uint16_t* step) {
  const size_t bytes = offsetof(TapeProgram, code) + code.size() * sizeof(TapeInstruction);
  std::vector<unsigned char> image(std::max(bytes, sizeof(TapeProgram)));
  auto* const made = reinterpret_cast<TapeProgram*>(image.data());
  std::copy(inputs.begin(), inputs.end(), made->inputs);
  std::copy_n(word, inputs.size(), made->word);
  std::copy_n(step, inputs.size(), made->step);
  std::copy_n(word + inputs.size(), outputs, made->word + kMaxTapeInputs);
  std::copy_n(step + inputs.size(), outputs, made->step + kMaxTapeInputs);
  made->count = static_cast<int32_t>(code.size());
  std::memcpy(image.data() + offsetof(TapeProgram, code), code.data(), code.size() * sizeof(TapeInstruction));
  TRY(program.allocate(device, image.size()));
  // From memory that is not pinned: copied away before this returns.
  return check(cudaMemcpyAsync(program.as<void>(), image.data(), image.size(), cudaMemcpyHostToDevice, device.stream),
               "a copy to the device");
}

Status Tape::launch(Device& device, TapeRun& run) const {
  run.program = program.as<const TapeProgram>();
  run.failed = device.failed;
  run.chunks = chunks;
  if (run.tiles == 0) return {};
  const dim3 grid(static_cast<unsigned>(std::min<int64_t>(run.tiles, int64_t{32} * device.multiprocessors)));
  if (compiled != nullptr) return compiled->launch(device, grid, threads, run);
  const size_t shared = static_cast<size_t>(registers) * static_cast<size_t>(chunks) * 16 * threads;
  return (light ? launch_light_tape : launch_any_tape)(device, grid, threads, shared, run);
}

}  // namespace grafo::cuda
