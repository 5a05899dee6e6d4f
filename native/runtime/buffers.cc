// What a session's memory is taken by, for errors that say there is none left.
#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/loaded_plan.h"

namespace grafo {
namespace {

struct Use {
  int64_t bytes;
  const char* what;
  int32_t node;  // of the graph operation, -1 where it is nobody's own
};

constexpr size_t kNamed = 5;

}  // namespace

// Behind an error of too little memory stand the largest buffers, `loading` among them: who reads it knows what to make smaller.
// Operations are numbers in braces.
Status Session::name_buffers(const Status& status, const LoadedPlan* loading) const {
  constexpr const char* kIntro = ". The session's largest buffers: ";
  if (status.code != Code::kResourceExhausted || std::strstr(status.text, kIntro) != nullptr) return status;
  std::vector<Use> uses;
  for (const auto& [id, variable] : variables_) {
    if (variable != nullptr) uses.push_back({variable->port.bytes + variable->slot_bytes, "variable", variable->port.node});
  }
  uses.push_back({arena_bytes_, "the arena", -1});
  const auto add_plan = [&](const LoadedPlan& plan) {
    if (plan.constants != nullptr) uses.push_back({plan.plan.constant_bytes, "constants", -1});
    for (const ExecBlock& block : plan.blocks) {
      for (const ExecStep& step : block.steps) uses.push_back({step.scratch_bytes, "scratch of", step.node});
    }
    if (plan.staging == nullptr) return;
    uses.push_back({static_cast<int64_t>(plan.staging->feeds.bytes()), "the feeds of a run", -1});
    uses.push_back({static_cast<int64_t>(plan.staging->in.device.bytes()), "the feeds of a loop", -1});
    uses.push_back({static_cast<int64_t>(plan.staging->out.device.bytes()), "the results of a loop", -1});
  };
  for (const auto& plan : plans_) {
    if (plan != nullptr) add_plan(*plan);
  }
  if (loading != nullptr) add_plan(*loading);
  std::erase_if(uses, [](const Use& use) { return use.bytes <= 0; });
  const size_t named = std::min(kNamed, uses.size());
  if (named == 0) return status;
  std::partial_sort(uses.begin(), uses.begin() + static_cast<std::ptrdiff_t>(named), uses.end(),
                    [](const Use& a, const Use& b) { return a.bytes != b.bytes ? a.bytes > b.bytes : a.node < b.node; });
  std::string text = std::string(status.text) + kIntro;
  for (size_t i = 0; i < named; ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(uses[i].bytes) + " bytes of " + uses[i].what;
    if (uses[i].node >= 0) text += " {" + std::to_string(uses[i].node) + "}";
  }
  return Status::error(status.code, "%s", text.c_str()).at(status.node);
}

}  // namespace grafo
