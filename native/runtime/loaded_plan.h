// A plan bound to a session: prepared steps, their buffer pointers, and what changes from run to run.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "plan/plan.h"
#include "runtime/backend.h"
#include "runtime/engine.h"
#include "runtime/staging.h"
#include "runtime/strings.h"

namespace grafo {

struct Variable {
  Port port;
  void* memory = nullptr;  // never null but for strings
  Strings strings;
  int64_t slot_bytes = 0;  // taken from the budget for strings, without their text
  uint8_t initialized = 0;
  std::unique_ptr<Variable> former;  // what it was before the run in flight gave it another shape
};

struct ExecStep {
  StepKind kind;
  int32_t node;
  PreparedStep* prepared = nullptr;
  std::unique_ptr<StringStep> strings;  // instead of prepared, where an operand holds strings
  size_t inputs = 0;
  size_t operands = 0;
  void** buffers = nullptr;             // inputs, then outputs; in LoadedPlan::buffers
  int64_t* dynamic = nullptr;           // per output; in LoadedPlan::dynamic
  const uint8_t* initialized = nullptr;
  std::vector<uint8_t*> initializes;  // flags of the variables that it writes
  int64_t scratch_bytes = 0;  // that it keeps between runs
  int32_t blocks[2] = {-1, -1};
  int32_t condition = -1;  // a value, of If and While
};

struct ExecBlock {
  std::vector<ExecStep> steps;
};

struct LoadedPlan {
  Plan plan;
  std::vector<ExecBlock> blocks;
  std::vector<Port> feeds;
  std::vector<Port> fetches;

  std::vector<void*> base;           // of each storage
  std::vector<Strings*> slots;       // of each storage, null where it holds bytes
  std::vector<Strings> own_strings;  // constants and computed ones
  void* constants = nullptr;
  int64_t string_bytes = 0;  // taken from the budget for string slots, without their text

  void* arena = nullptr;  // that the buffers were resolved for
  std::vector<void*> buffers;
  std::vector<int32_t> buffer_storages;           // which storage each buffer is of
  std::vector<int32_t> feed_storages;             // and each feed and fetch: after a large step the way there by values is cold
  std::vector<int32_t> fetch_storages;
  std::vector<std::vector<int32_t>> feed_buffers;  // positions in `buffers` of each feed
  std::vector<std::vector<int32_t>> fetch_buffers;  // the same of each fetch that may lie in a sink, else empty
  std::vector<uint8_t> in_sinks;                   // of the run in flight, by fetch: whether it is computed in its sink
  std::vector<int32_t> fed_fetches;                // fetches that are views of a feed
  std::vector<std::vector<uint8_t>> spared;        // of the last run, by fetch: what a sink would have overwritten; else empty
  std::vector<int64_t> dynamic;
  std::vector<int32_t> fetch_dynamic;  // position in `dynamic` of each fetch, -1 if none

  // On a device that computes in memory of its own:
  std::unique_ptr<Staging> staging;
  bool can_capture = false;  // every step can be recorded
  void* graph = nullptr;     // the whole run, once it was recorded
  int64_t graph_of = 0;      // generation of the addresses in it
  int64_t ran_for = 0;       // generation of the last run step by step

  std::vector<Variable*> variables;
  std::vector<int64_t*> states;
  bool ready = false;    // all variables that must be initialised are
  int64_t resolved = 0;  // generation of the addresses that the buffers were computed for
};

// Bytes of the strings' text. Text is counted against the budget as it is after each step that writes strings.
int64_t text_bytes(const Strings& strings);
// Counts what a slot's text has become since it had `before` bytes; where that is too much, empties it.
Status settle_text(Budget& budget, int64_t before, Strings* slot);

// Backend, counters and log of a run.
struct Execution {
  const Backend& backend;
  void* instance;
  Budget& budget;
  const std::atomic<int32_t>& cancelled;
  std::vector<StepTime>* times;  // nullptr where nobody asks
  bool in_host_memory;
  RunContext context;
};

// A backend and a session's instance of it.
struct BackendInstance {
  const Backend& backend;
  void* instance;
};

// Turns the plan's steps into prepared ones: buffers without addresses yet. Strings are moved in the host's memory, by the CPU's
// kernels. On failure `release_steps` cleans up.
Status prepare_steps(const BackendInstance& own, const BackendInstance& cpu, const Budget& budget, LoadedPlan* plan);
void release_steps(const Backend& backend, void* instance, LoadedPlan* plan);

// Computes every buffer's address for an arena. Feeds get theirs from set_feed.
void resolve_buffers(LoadedPlan* plan, void* arena, int64_t generation);
void set_feed(LoadedPlan* plan, size_t feed, const void* data);

// Which fetches' memory may be the caller's, found once when a plan is loaded.
void find_direct_fetches(LoadedPlan* plan);
// Decides for a run which fetches are computed in their sinks (`in_sinks`). A sink has `times` as many bytes as its fetch.
void choose_direct(LoadedPlan* plan, std::span<const Feed> feeds, std::span<const Sink> sinks, int64_t times);
// Takes copies of fetches that lie in a feed which a sink is written over.
void spare_fed_fetches(LoadedPlan* plan, std::span<const Sink> sinks);
// Where a fetch's bytes are after the steps of a run in the host's memory.
const void* result_of(const LoadedPlan& plan, size_t fetch);
// Where a fetch is computed from now on; nullptr is its place in the arena.
void set_fetch(LoadedPlan* plan, size_t fetch, void* memory);

// Where a device's run has left a fetch that nobody gave memory for.
const void* staged_result(const LoadedPlan& plan, size_t fetch);

// Whether every byte is 0 or 1. Kernels take any other byte for true as well, but no caller should see one come back.
bool is_bools(const void* data, int64_t bytes);

// Runs a block to its end.
Status execute(Execution& run, LoadedPlan& plan, int32_t block);

}  // namespace grafo
