// A Plan as decoded from words (docs/inside/plan.md) and proved consistent. Immutable; steps point into its own words.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/status.h"

namespace grafo {

constexpr int32_t kPlanMagic = 0x6F667267;
constexpr int32_t kPlanVersion = 1;
constexpr int kPlanHeaderWords = 20;
constexpr int kPlanMaxRank = 8;
constexpr int kPlanMaxDepth = 64;
constexpr int64_t kPlanAlignment = 64;

enum class StorageKind : int32_t { kArena, kConstant, kFeed, kVariable, kStrings };
enum class StepKind : int32_t { kKernel, kCall, kIf, kWhile };

struct PlanStorage {
  StorageKind kind;
  int32_t index;
  int64_t bytes;
  int64_t offset;
  bool strings = false;  // holds strings: every value over it is one of strings
  int64_t elements = 0;  // of its largest value
};

struct PlanValue {
  int32_t storage;
  DType dtype;
  int32_t rank;
  int64_t dims[kPlanMaxRank];
  int64_t size;
  int64_t bytes;
};

struct PlanVariable {
  int32_t id;
  int32_t value;
  bool must_be_initialized;
  int32_t node;
};

struct PlanPort {  // a feed or a fetch
  int32_t value;
  int32_t node;
};

struct PlanStep {
  StepKind kind;
  int32_t symbol;
  int32_t node;
  int32_t device;
  std::span<const int32_t> inputs;
  std::span<const int32_t> outputs;
  std::span<const int32_t> attrs;
};

struct PlanBlock {
  std::vector<PlanStep> steps;
};

struct Plan {
  std::vector<int32_t> words;
  std::vector<std::string> symbols;
  std::vector<PlanStorage> storages;
  std::vector<PlanValue> values;
  std::vector<PlanVariable> variables;
  std::vector<PlanPort> feeds;
  std::vector<PlanPort> fetches;
  std::vector<PlanBlock> blocks;
  int32_t random_states = 0;
  int32_t string_constants = 0;
  int64_t arena_bytes = 0;
  int64_t constant_bytes = 0;

  Plan() = default;
  Plan(Plan&&) = default;  // moving a vector keeps its memory, so steps stay valid
  Plan& operator=(Plan&&) = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
};

// What comes along with the words; the plan must agree with it.
struct PlanBlobs {
  int64_t constant_bytes;
  int64_t string_constants;
  int64_t random_states;
};

// Reads untrusted words and verifies all that does not need a kernel's knowledge. Errors are INTERNAL.
Status load_plan(std::span<const int32_t> words, const PlanBlobs& blobs, Plan* plan);

// The parts of load_plan.
Status decode_plan(std::span<const int32_t> words, Plan* plan);
Status verify_plan(const PlanBlobs& blobs, Plan* plan);
Status verify_liveness(const Plan& plan);

// Blocks that a step runs: none, one or two.
std::span<const int32_t> step_blocks(const PlanStep& step);

// One line per storage and step, for people.
std::string print_plan(const Plan& plan);

}  // namespace grafo
