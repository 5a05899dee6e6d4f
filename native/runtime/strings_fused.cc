// Fused on strings: Equal, NotEqual, Select and Add (which joins), one element at a time with broadcasting.
#include <cstring>

#include "base/shape.h"
#include "runtime/strings.h"

namespace grafo {
namespace {

enum class Op { kEqual, kNotEqual, kSelect, kAdd, kIdentity };

struct Instruction {
  Op op;
  bool text;  // the result is a string
  int32_t operands[3];
};

constexpr int kInstructionWords = 8;

Status reject(const StepDesc& desc, const char* why) {
  return Status::error(Code::kUnimplemented, "Fused on strings: %s", why).at(desc.node);
}

int64_t wide(const int32_t* words) {
  return static_cast<int64_t>(static_cast<uint64_t>(static_cast<uint32_t>(words[0])) |
                              static_cast<uint64_t>(static_cast<uint32_t>(words[1])) << 32);
}

class FusedStrings : public StringStep {
 public:
  Status prepare(const StepDesc& desc) {
    TRY(read_space(desc));
    TRY(read_inputs(desc));
    return read_tape(desc);
  }

  Status run(RunContext* context, const StringOperands& operands) override {
    const size_t inputs = input_text_.size();
    std::vector<const std::string*> texts(inputs + tape_.size());
    std::vector<std::string> made(tape_.size());
    std::vector<uint8_t> bools(inputs + tape_.size());
    // Results go to the side first: an output may be an input's storage.
    std::vector<Strings> out_texts(results_.size());
    std::vector<std::vector<uint8_t>> out_bools(results_.size());
    for (size_t o = 0; o < results_.size(); ++o) {
      if (result_text_[o]) {
        out_texts[o].resize(static_cast<size_t>(size_));
      } else {
        out_bools[o].resize(static_cast<size_t>(size_));
      }
    }
    std::vector<int64_t> at(dims_.size(), 0);
    for (int64_t e = 0; e < size_; ++e) {
      if ((e & 1023) == 0 && context->cancelled->load(std::memory_order_relaxed) != 0) {
        return Status::error(Code::kCancelled, "The run was cancelled");
      }
      for (size_t i = 0; i < inputs; ++i) {
        int64_t offset = 0;
        for (size_t d = 0; d < at.size(); ++d) offset += at[d] * strides_[i][d];
        if (input_text_[i]) {
          texts[i] = &(*operands.slots[i])[static_cast<size_t>(offset)];
        } else {
          bools[i] = static_cast<const uint8_t*>(operands.buffers[i])[offset];
        }
      }
      for (size_t t = 0; t < tape_.size(); ++t) {
        step(tape_[t], inputs + t, &made[t], &texts, &bools);
      }
      for (size_t o = 0; o < results_.size(); ++o) {
        const auto from = static_cast<size_t>(results_[o]);
        if (result_text_[o]) {
          out_texts[o][static_cast<size_t>(e)] = *texts[from];
        } else {
          out_bools[o][static_cast<size_t>(e)] = bools[from];
        }
      }
      for (size_t d = at.size(); d-- > 0 && ++at[d] == dims_[d];) at[d] = 0;
    }
    for (size_t o = 0; o < results_.size(); ++o) {
      if (result_text_[o]) {
        Strings& target = *operands.slots[inputs + o];
        for (size_t e = 0; e < out_texts[o].size(); ++e) target[e] = std::move(out_texts[o][e]);
      } else if (!out_bools[o].empty()) {
        std::memcpy(operands.buffers[inputs + o], out_bools[o].data(), out_bools[o].size());
      }
    }
    return {};
  }

 private:
  static void step(const Instruction& instruction, size_t place, std::string* made,
                   std::vector<const std::string*>* texts, std::vector<uint8_t>* bools) {
    const auto a = static_cast<size_t>(instruction.operands[0]);
    const auto b = static_cast<size_t>(instruction.operands[1]);
    switch (instruction.op) {
      case Op::kEqual:
        (*bools)[place] = *(*texts)[a] == *(*texts)[b];
        break;
      case Op::kNotEqual:
        (*bools)[place] = *(*texts)[a] != *(*texts)[b];
        break;
      case Op::kSelect:
        (*texts)[place] =
            (*bools)[a] != 0 ? (*texts)[b] : (*texts)[static_cast<size_t>(instruction.operands[2])];
        break;
      case Op::kAdd:
        *made = *(*texts)[a] + *(*texts)[b];
        (*texts)[place] = made;
        break;
      case Op::kIdentity:
        (*texts)[place] = (*texts)[a];
        break;
    }
  }

  Status read_space(const StepDesc& desc) {
    if (desc.num_attrs < 1) return reject(desc, "no iteration space");
    const int32_t rank = desc.attrs[0];
    if (rank < 0 || rank > kMaxRank || desc.num_attrs < 2 + 2 * rank) {
      return reject(desc, "bad iteration space");
    }
    for (int32_t d = 0; d < rank; ++d) dims_.push_back(wide(desc.attrs + 1 + 2 * d));
    if (!element_count(dims_.data(), rank, &size_)) return reject(desc, "bad iteration space");
    position_ = 1 + 2 * rank;
    return {};
  }

  Status read_inputs(const StepDesc& desc) {
    for (int32_t i = 0; i < desc.num_inputs; ++i) {
      const TensorDesc& input = desc.inputs[i];
      if (input.dtype != DType::kString && input.dtype != DType::kBool) {
        return reject(desc, "an input that is neither string nor bool");
      }
      const auto rank = static_cast<int32_t>(dims_.size());
      if (input.rank > rank) return reject(desc, "an input of more dims than the space");
      std::vector<int64_t> strides(dims_.size(), 0);
      int64_t stride = 1;
      for (int32_t d = input.rank - 1; d >= 0; --d) {
        const auto s = static_cast<size_t>(d + rank - input.rank);
        if (input.dims[d] != 1 && input.dims[d] != dims_[s]) {
          return reject(desc, "an input that does not broadcast");
        }
        if (input.dims[d] != 1) strides[s] = stride;
        stride *= input.dims[d];
      }
      strides_.push_back(std::move(strides));
      input_text_.push_back(input.dtype == DType::kString);
    }
    return {};
  }

  Status read_tape(const StepDesc& desc) {
    const int32_t count = desc.attrs[position_++];
    if (count < 0 || count > (desc.num_attrs - position_) / kInstructionWords ||
        desc.num_attrs != position_ + count * kInstructionWords + desc.num_outputs) {
      return reject(desc, "bad tape");
    }
    std::vector<bool> is_text = input_text_;
    for (int32_t i = 0; i < count; ++i) {
      TRY(read_instruction(desc, desc.attrs + position_ + i * kInstructionWords, &is_text));
    }
    const int32_t* results = desc.attrs + position_ + count * kInstructionWords;
    for (int32_t o = 0; o < desc.num_outputs; ++o) {
      if (results[o] < 0 || static_cast<size_t>(results[o]) >= is_text.size()) {
        return reject(desc, "bad result operand");
      }
      const bool text = is_text[static_cast<size_t>(results[o])];
      if (desc.outputs[o].size != size_ ||
          desc.outputs[o].dtype != (text ? DType::kString : DType::kBool)) {
        return reject(desc, "an output that is not the space's");
      }
      results_.push_back(results[o]);
      result_text_.push_back(text);
    }
    return {};
  }

  Status read_instruction(const StepDesc& desc, const int32_t* words, std::vector<bool>* is_text) {
    if (words[0] < 0 || words[0] >= desc.num_symbols) return reject(desc, "bad functor symbol");
    const char* name = desc.symbols[words[0]];
    Instruction instruction{};
    int arity = 2;
    if (std::strcmp(name, "Equal") == 0) {
      instruction = {Op::kEqual, false, {}};
    } else if (std::strcmp(name, "NotEqual") == 0) {
      instruction = {Op::kNotEqual, false, {}};
    } else if (std::strcmp(name, "Add") == 0) {
      instruction = {Op::kAdd, true, {}};
    } else if (std::strcmp(name, "Select") == 0) {
      instruction = {Op::kSelect, true, {}};
      arity = 3;
    } else if (std::strcmp(name, "Identity") == 0) {
      instruction = {Op::kIdentity, true, {}};
      arity = 1;
    } else {
      return reject(desc, name);
    }
    const auto result = instruction.text ? DType::kString : DType::kBool;
    if (words[1] != static_cast<int32_t>(DType::kString) ||
        words[2] != static_cast<int32_t>(result)) {
      return reject(desc, "bad instruction dtype");
    }
    for (int i = 0; i < arity; ++i) {
      const int32_t operand = words[3 + i];
      const bool text = !(instruction.op == Op::kSelect && i == 0);
      if (operand < 0 || static_cast<size_t>(operand) >= is_text->size() ||
          (*is_text)[static_cast<size_t>(operand)] != text) {
        return reject(desc, "bad instruction operand");
      }
      instruction.operands[i] = operand;
    }
    tape_.push_back(instruction);
    is_text->push_back(instruction.text);
    return {};
  }

  std::vector<int64_t> dims_;
  int64_t size_ = 0;
  int32_t position_ = 0;
  std::vector<std::vector<int64_t>> strides_;  // by input
  std::vector<bool> input_text_;
  std::vector<Instruction> tape_;
  std::vector<int32_t> results_;
  std::vector<bool> result_text_;
};

}  // namespace

Status make_fused_strings(const StepDesc& desc, std::unique_ptr<StringStep>* step) {
  auto fused = std::make_unique<FusedStrings>();
  TRY(fused->prepare(desc));
  *step = std::move(fused);
  return {};
}

}  // namespace grafo
