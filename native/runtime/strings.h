// Steps with string operands. Movement kernels run on int32 element numbers through the backend, then the strings are
// moved; what looks into strings (Fused, Unique's equality, Print, Assert) is done here.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/backend.h"
#include "runtime/engine.h"

namespace grafo {

// Where a running step finds its operands: bytes or strings, inputs first.
struct StringOperands {
  void* const* buffers;
  Strings* const* slots;
};

class StringStep {
 public:
  virtual ~StringStep() = default;
  virtual Status run(RunContext* context, const StringOperands& operands) = 0;
};

Status make_string_step(const Backend& backend, void* instance, const StepDesc& desc,
                        std::unique_ptr<StringStep>* step);

// The parts, by kernel.
Status make_fused_strings(const StepDesc& desc, std::unique_ptr<StringStep>* step);
Status make_print(const StepDesc& desc, std::unique_ptr<StringStep>* step);
Status make_assert(const StepDesc& desc, std::unique_ptr<StringStep>* step);

}  // namespace grafo
