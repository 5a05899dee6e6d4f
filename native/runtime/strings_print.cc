// Print and Assert where an operand holds strings: TensorFlow's summaries of tensors, made on the host.
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "runtime/strings.h"

namespace grafo {
namespace {

void append_number(double value, int digits, std::string* text) {
  char digits_text[40];
  std::snprintf(digits_text, sizeof digits_text, "%.*g", digits, value);
  *text += std::isnan(value) ? "nan" : digits_text;
}

template <class T>
T load(const void* data, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const uint8_t*>(data) + static_cast<size_t>(index) * sizeof(T),
              sizeof(T));
  return value;
}

void append_element(const TensorDesc& tensor, const void* data, const Strings* strings, int64_t i,
                    std::string* text) {
  switch (tensor.dtype) {
    case DType::kString:
      *text += (*strings)[static_cast<size_t>(i)];
      break;
    case DType::kBool:
      *text += load<uint8_t>(data, i) != 0 ? '1' : '0';
      break;
    case DType::kFloat32:
      append_number(load<float>(data, i), 6, text);
      break;
    case DType::kFloat64:
      append_number(load<double>(data, i), 6, text);
      break;
#define GRAFO_INTEGER(name, type)                  \
  case DType::name:                                \
    *text += std::to_string(load<type>(data, i));  \
    break;
      GRAFO_INTEGER(kInt32, int32_t)
      GRAFO_INTEGER(kUint8, uint8_t)
      GRAFO_INTEGER(kInt16, int16_t)
      GRAFO_INTEGER(kInt8, int8_t)
      GRAFO_INTEGER(kInt64, int64_t)
      GRAFO_INTEGER(kUint16, uint16_t)
      GRAFO_INTEGER(kUint32, uint32_t)
      GRAFO_INTEGER(kUint64, uint64_t)
#undef GRAFO_INTEGER
  }
}

// The first `limit` elements (all if negative), an inner pair of brackets for each row but the outermost.
void append_summary(const TensorDesc& tensor, const void* data, const Strings* strings,
                    int64_t limit, std::string* text) {
  const int64_t shown = limit < 0 ? tensor.size : std::min(limit, tensor.size);
  for (int64_t i = 0; i < shown; ++i) {
    int64_t row = 1;
    int opened = 0;
    for (int32_t d = tensor.rank - 1; d > 0; --d) {
      row *= tensor.dims[d];
      if (i % row == 0) ++opened;
    }
    if (opened > 0) {
      if (i > 0) text->append(static_cast<size_t>(opened), ']');
      text->append(static_cast<size_t>(opened), '[');
    } else if (i > 0) {
      *text += ' ';
    }
    append_element(tensor, data, strings, i, text);
  }
  if (shown < tensor.size) *text += "...";
  if (shown > 0 && tensor.rank > 1) text->append(static_cast<size_t>(tensor.rank - 1), ']');
}

class Printer : public StringStep {
 public:
  Printer(const StepDesc& desc, int32_t first)
      : tensors_(desc.inputs, desc.inputs + desc.num_inputs), first_(first) {}

 protected:
  void append_all(const StringOperands& operands, int64_t limit, const char* between,
                  std::string* text) const {
    for (size_t i = static_cast<size_t>(first_); i < tensors_.size(); ++i) {
      if (i > static_cast<size_t>(first_)) *text += between;
      *text += '[';
      append_summary(tensors_[i], operands.buffers[i], operands.slots[i], limit, text);
      *text += ']';
    }
  }

 private:
  std::vector<TensorDesc> tensors_;
  int32_t first_;
};

class PrintStep : public Printer {
 public:
  PrintStep(const StepDesc& desc, std::string message)
      : Printer(desc, 0),
        message_(std::move(message)),
        summarize_(desc.attrs[1]),
        first_n_(desc.attrs[2]),
        state_(desc.attrs[3]) {}

  Status run(RunContext* context, const StringOperands& operands) override {
    if (first_n_ >= 0) {
      int64_t* printed = context->states[state_];
      if (*printed >= first_n_) return {};
      ++*printed;
    }
    std::string text = message_;
    append_all(operands, summarize_, "", &text);
    context->log(context->log_self, text.data(), text.size());
    return {};
  }

 private:
  std::string message_;
  int32_t summarize_, first_n_, state_;
};

class AssertStep : public Printer {
 public:
  explicit AssertStep(const StepDesc& desc) : Printer(desc, 1), summarize_(desc.attrs[0]) {}

  Status run(RunContext*, const StringOperands& operands) override {
    if (*static_cast<const uint8_t*>(operands.buffers[0]) != 0) return {};
    std::string text = "assertion failed: ";
    append_all(operands, summarize_, " ", &text);
    return Status::error(Code::kInvalidArgument, "%s", text.c_str());
  }

 private:
  int32_t summarize_;
};

}  // namespace

Status make_print(const StepDesc& desc, std::unique_ptr<StringStep>* step) {
  const int32_t* attrs = desc.attrs;
  if (desc.num_attrs != 4 || desc.num_outputs != 0 || attrs[0] < 0 ||
      attrs[0] >= desc.num_symbols || attrs[3] >= desc.num_states ||
      (attrs[3] < 0 && attrs[2] >= 0)) {
    return Status::error(Code::kInternal, "Print: bad attributes");
  }
  *step = std::make_unique<PrintStep>(desc, desc.symbols[attrs[0]]);
  return {};
}

Status make_assert(const StepDesc& desc, std::unique_ptr<StringStep>* step) {
  if (desc.num_attrs < 1 || desc.num_outputs != 0 || desc.num_inputs < 1 ||
      desc.inputs[0].dtype != DType::kBool || desc.inputs[0].size != 1) {
    return Status::error(Code::kInternal, "Assert: bad operands or attributes");
  }
  *step = std::make_unique<AssertStep>(desc);
  return {};
}

}  // namespace grafo
