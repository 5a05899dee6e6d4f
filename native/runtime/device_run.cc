// A run on a device: its steps are queued one by one the first time, recorded the second, and from then on one launch.
#include <vector>

#include "runtime/loaded_plan.h"

namespace grafo {
namespace {

// Flags of variables that a run sets while it is queued, before it is known whether its steps went well.
class Initialized {
 public:
  explicit Initialized(const LoadedPlan& plan) : plan_(plan) {
    for (const Variable* variable : plan.variables) before_.push_back(variable->initialized);
  }
  // Only what came before the step of the node `failed` has happened.
  void take_back(int32_t failed) const {
    for (size_t i = 0; i < before_.size(); ++i) plan_.variables[i]->initialized = before_[i];
    if (plan_.blocks.size() > 1) return;  // which of their steps ran is not known
    for (const ExecStep& step : plan_.blocks[0].steps) {
      if (step.node == failed) return;
      for (uint8_t* flag : step.initializes) *flag = 1;
    }
  }

 private:
  const LoadedPlan& plan_;
  std::vector<uint8_t> before_;
};

}  // namespace

// A driver that will not record leaves the plan to run step by step.
Status Session::record_graph(LoadedPlan* plan, bool* recorded) {
  Staging& staging = *plan->staging;
  *recorded = plan->graph != nullptr && plan->graph_of == generation_;
  if (*recorded || (staging.cannot_record && staging.tried_for == generation_)) return {};
  if (plan->graph != nullptr) backend_.destroy_graph(instance_, plan->graph);
  plan->graph = nullptr;
  staging.tried_for = generation_;
  staging.cannot_record = true;
  if (!backend_.begin_capture(instance_).ok()) return {};
  const Status ran = execute_plan(plan, nullptr);
  const Status ended = backend_.end_capture(instance_, &plan->graph);
  if (ran.ok() && ended.ok()) {
    plan->graph_of = generation_;
    staging.cannot_record = false;
    *recorded = true;
    return {};
  }
  if (plan->graph != nullptr) backend_.destroy_graph(instance_, plan->graph);
  plan->graph = nullptr;
  return ran.code == Code::kCancelled ? ran : Status();
}

Status Session::queue_run(LoadedPlan* plan, std::vector<StepTime>* times) {
  bool recorded = false;
  if (plan->can_capture && times == nullptr && plan->ran_for == generation_) TRY(record_graph(plan, &recorded));
  if (recorded) return backend_.launch(instance_, plan->graph, plan->states.data());
  TRY(execute_plan(plan, times));
  plan->ran_for = generation_;
  return {};
}

Status Session::run_on_device(LoadedPlan* plan, std::vector<StepTime>* times, std::span<const Sink> sinks) {
  const Initialized initialized(*plan);
  Status queued = queue_run(plan, times);
  if (queued.ok()) queued = queue_results(plan, sinks);
  // What a device found wrong it found before what failed here.
  const Status found = backend_.synchronize(instance_);
  if (!found.ok()) initialized.take_back(found.node);
  TRY(found);
  TRY(queued);
  return deliver_results(plan, sinks);
}

Status Session::run_loop_on_device(LoadedPlan* plan, int64_t n, std::span<const Feed> feeds,
                                   std::span<const uint8_t> stepped, std::span<const Sink> sinks) {
  std::vector<Feed> parts(feeds.begin(), feeds.end());
  std::vector<Sink> places(sinks.size());
  TRY(upload_feeds(plan, feeds));
  bool tried = false;
  for (int64_t i = 0; i < n; ++i) {
    if (!tried && i + 1 < n && plan->can_capture && plan->ran_for == generation_) {
      bool recorded = false, done = false;
      tried = true;
      TRY(record_graph(plan, &recorded));
      if (recorded) TRY(loop_on_device(plan, i, n, feeds, stepped, sinks, &done));
      if (done) return {};
    }
    for (size_t f = 0; f < feeds.size(); ++f) {
      const int64_t bytes = plan->feeds[f].bytes;
      if (stepped[f] == 0 || bytes == 0) continue;
      parts[f].data = static_cast<const uint8_t*>(feeds[f].data) + i % (feeds[f].bytes / bytes) * bytes;
    }
    if (i > 0) TRY(upload_feeds(plan, parts, stepped));
    for (size_t f = 0; f < sinks.size(); ++f) {
      uint8_t* const first = static_cast<uint8_t*>(sinks[f].data);
      places[f].data = first == nullptr ? nullptr : first + i * plan->fetches[f].bytes;
    }
    TRY(run_on_device(plan, nullptr, places));
  }
  return {};
}

}  // namespace grafo
