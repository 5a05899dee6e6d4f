// Plan -> text: one line per storage and step, for `explain`, tests and bug reports.
#include <cstdarg>
#include <cstdio>

#include "plan/plan.h"

namespace grafo {
namespace {

__attribute__((format(printf, 2, 3))) void add(std::string* text, const char* format, ...) {
  char line[512];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  *text += line;
}

void add_value(const Plan& plan, int32_t index, std::string* text) {
  const PlanValue& value = plan.values[static_cast<size_t>(index)];
  add(text, " v%d:%s[", index, dtype_name(value.dtype));
  for (int i = 0; i < value.rank; ++i) {
    add(text, i == 0 ? "%lld" : ",%lld", static_cast<long long>(value.dims[i]));
  }
  add(text, "]@s%d", value.storage);
}

void add_step(const Plan& plan, const PlanStep& step, std::string* text) {
  static constexpr const char* kControl[] = {"", "call", "if", "while"};
  const char* name = step.kind == StepKind::kKernel
                         ? plan.symbols[static_cast<size_t>(step.symbol)].c_str()
                         : kControl[static_cast<int>(step.kind)];
  add(text, "  %s #%d", name, step.node);
  for (const int32_t value : step.inputs) add_value(plan, value, text);
  *text += " ->";
  for (const int32_t value : step.outputs) add_value(plan, value, text);
  for (const int32_t block : step_blocks(step)) add(text, " block %d", block);
  *text += '\n';
}

}  // namespace

std::string print_plan(const Plan& plan) {
  static constexpr const char* kKinds[] = {"arena", "constant", "feed", "variable", "strings"};
  std::string text;
  add(&text, "arena %lld bytes, constants %lld bytes\n", static_cast<long long>(plan.arena_bytes),
      static_cast<long long>(plan.constant_bytes));
  for (size_t s = 0; s < plan.storages.size(); ++s) {
    const PlanStorage& storage = plan.storages[s];
    add(&text, "s%zu %s %d +%lld %lld bytes\n", s, kKinds[static_cast<int>(storage.kind)],
        storage.index, static_cast<long long>(storage.offset),
        static_cast<long long>(storage.bytes));
  }
  for (size_t b = 0; b < plan.blocks.size(); ++b) {
    add(&text, "block %zu\n", b);
    for (const PlanStep& step : plan.blocks[b].steps) add_step(plan, step, &text);
  }
  text += "fetch";
  for (const PlanPort& fetch : plan.fetches) add_value(plan, fetch.value, &text);
  text += '\n';
  return text;
}

}  // namespace grafo
