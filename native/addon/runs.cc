// The four ways to run a plan: once or as a loop, on the caller's thread or on the session's. Raw Node-API: see convert.h.

#include "addon/ports.h"

namespace grafo {
namespace {

Status read_plan(napi_env env, const Call& call, SessionObject** self, int32_t* plan) {
  TRY(self_of(env, call, self));
  return to_int32(env, call.args[0], plan);
}

Status read_stepped(napi_env env, napi_value value, size_t count, std::vector<uint8_t>* stepped) {
  List items;
  TRY(to_list(env, value, count, &items));
  stepped->assign(count, 0);
  for (size_t i = 0; i < items.size(); ++i) {
    bool flag = false;
    if (napi_get_value_bool(env, items[i], &flag) != napi_ok) {
      return Status::error(Code::kInvalidArgument, "stepped: booleans are expected");
    }
    (*stepped)[i] = flag;
  }
  return {};
}

// A boolean that may be left out.
Status read_flag(napi_env env, napi_value value, bool* flag) {
  if (is_nullish(env, value) || napi_get_value_bool(env, value, flag) == napi_ok) return {};
  return Status::error(Code::kInvalidArgument, "A boolean is expected");
}

constexpr size_t kMaxPorts = 1 << 20;

// A run on the session's thread. Owns copies of its feeds, and everything it produces until that is delivered.
class RunJob final : public EnvironmentJob {
 public:
  RunJob(SessionObject* self, int32_t plan) : self_(self), plan_(plan) {}

  Status prepare(napi_env env, const List& values) {
    Ports ports;
    TRY(read_feeds(env, self_, plan_, values, true, &ports, &feeds_, &copies_, &strings_));
    fetches_ = *ports.fetches;
    results_.resize(fetches_.size());
    for (size_t i = 0; i < fetches_.size(); ++i) {
      const Port& port = fetches_[i];
      if (port.dtype == DType::kString || port.dynamic || (!loop_ && in_mailbox(port, i))) continue;
      int64_t bytes = port.bytes;
      if (loop_ && __builtin_mul_overflow(bytes, n_, &bytes)) {
        return Status::error(Code::kResourceExhausted, "A loop's results are too large").at(port.node);
      }
      napi_value buffer;
      const Status made = new_buffer(env, bytes, &results_[i].data, &buffer);
      if (!made.ok()) return made.at(port.node);
      TRY(check(env, napi_create_reference(env, buffer, 1, &results_[i].buffer)));
      if (bytes == 0) results_[i].data = nullptr;
    }
    return {};
  }

  void make_loop(int64_t n, std::vector<uint8_t> stepped) {
    loop_ = true;
    n_ = n;
    stepped_ = std::move(stepped);
  }

  void trace() { traced_ = true; }

  // Takes the callback and keeps the session alive.
  Status hold(napi_env env, napi_value callback) {
    TRY(check(env, napi_create_reference(env, callback, 1, &callback_)));
    self_->Ref();
    return {};
  }

  void abandon(napi_env env) override { drop(env); }

  void drop(napi_env env) {
    for (Result& result : results_) {
      if (result.buffer != nullptr) (void)napi_delete_reference(env, result.buffer);
      result.buffer = nullptr;
    }
    if (callback_ != nullptr) {
      (void)napi_delete_reference(env, callback_);
      self_->Unref();
      callback_ = nullptr;
    }
  }

  Status execute() override {
    Session& session = self_->session();
    std::vector<Sink> sinks;
    for (const Result& result : results_) sinks.push_back({result.data});
    if (loop_) return session.run_loop(plan_, n_, feeds_, stepped_, sinks);
    TRY(session.run(plan_, feeds_, traced_ ? &times_ : nullptr, sinks));
    for (size_t i = 0; i < results_.size(); ++i) {
      const Fetched fetched = session.fetched(static_cast<int32_t>(i));
      Result& result = results_[i];
      result.first_dim = static_cast<double>(fetched.first_dim);
      if (fetched.strings != nullptr) {
        result.strings.assign(fetched.strings->begin(), fetched.strings->begin() + fetched.size);
      } else if (result.buffer == nullptr) {
        const auto* first = static_cast<const uint8_t*>(fetched.data);
        result.bytes.assign(first, first + fetched.bytes);
      }
    }
    return {};
  }

  // The callback comes before the lines of Print: what onLog runs may wait for this run, which must be over by then.
  void deliver(napi_env env) override {
    SessionObject* self = self_;
    napi_value function, undefined;
    const napi_value session = self->Value();  // a handle: drop() lets go of it, and onLog may throw it away
    (void)session;
    ResultList list(results_.size());
    if (status.ok()) status = collect(env, &list);
    const bool found = napi_get_undefined(env, &undefined) == napi_ok &&
                       napi_get_reference_value(env, callback_, &function) == napi_ok;
    drop(env);
    if (traced_) self->times = std::move(times_);
    self->report_memory(env);
    if (!found) return;
    napi_value arguments[2] = {undefined, undefined};
    napi_value array = nullptr;
    if (status.ok()) status = list.finish(env, &array);
    if (status.ok() && array != nullptr) arguments[1] = array;
    if (!status.ok() && !take_exception(env, &arguments[0]) &&
        !make_error(env, status, &arguments[0]).ok()) {
      return;
    }
    (void)napi_call_function(env, undefined, function, 2, arguments, nullptr);
    if (napi_value thrown; take_exception(env, &thrown)) (void)napi_fatal_exception(env, thrown);
    (void)self->deliver_log(env);
  }

 private:
  struct Result {
    void* data = nullptr;  // of buffer, null where it has no bytes
    napi_ref buffer = nullptr;
    std::vector<uint8_t> bytes;  // small and dynamic ones
    Strings strings;
    double first_dim = 0;
  };

  Status collect(napi_env env, ResultList* list) {
    for (size_t i = 0; i < results_.size(); ++i) {
      Result& result = results_[i];
      napi_value value = nullptr;
      if (fetches_[i].dtype == DType::kString) {
        TRY(from_strings(env, result.strings, static_cast<int64_t>(result.strings.size()), &value));
      } else if (result.buffer != nullptr) {
        TRY(check(env, napi_get_reference_value(env, result.buffer, &value)));
      } else if (in_mailbox(fetches_[i], i)) {
        uint8_t* mailbox = self_->mailbox(env);
        if (mailbox == nullptr) return no_mailbox();
        leave_in_mailbox(mailbox, i, result.bytes.data(),
                         static_cast<int64_t>(result.bytes.size()), result.first_dim);
        continue;
      } else {
        TRY(to_buffer(env, result.bytes.data(), static_cast<int64_t>(result.bytes.size()), &value));
      }
      list->add(i, value);
    }
    return {};
  }

  SessionObject* self_;
  int32_t plan_;
  bool loop_ = false;
  bool traced_ = false;
  std::vector<StepTime> times_;
  int64_t n_ = 1;
  std::vector<uint8_t> stepped_;
  std::vector<Feed> feeds_;
  std::vector<HostCopy> copies_;
  std::vector<Strings> strings_;
  std::vector<Port> fetches_;
  std::vector<Result> results_;
  napi_ref callback_ = nullptr;
};

Status submit(napi_env env, SessionObject* self, std::unique_ptr<RunJob> run, const List& values,
              napi_value callback) {
  Status status = run->prepare(env, values);
  if (status.ok()) status = run->hold(env, callback);
  RunJob* raw = run.get();
  std::unique_ptr<Job> job = std::move(run);
  if (status.ok()) status = self->worker().submit(job);
  if (!status.ok()) {
    raw->drop(env);
    return status;
  }
  self->environment()->job_started();
  return {};
}

Status check_callback(napi_env env, napi_value value) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_function) return {};
  return Status::error(Code::kInvalidArgument, "A callback is expected");
}

}  // namespace

Status run_sync(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  int32_t plan = -1;
  TRY(read_plan(env, call, &self, &plan));
  List values, out_values;
  TRY(to_list(env, call.args[1], kMaxPorts, &values));
  if (!is_nullish(env, call.args[2])) TRY(to_list(env, call.args[2], kMaxPorts, &out_values));
  Ports ports;
  TRY(read_feeds(env, self, plan, values, false, &ports, &self->scratch.feeds, &self->scratch.copies,
                 &self->scratch.strings));
  std::vector<Sink> sinks;
  if (out_values.size() > 0) TRY(read_sinks(env, out_values, *ports.fetches, 1, &sinks));
  bool traced = false;
  TRY(read_flag(env, call.args[3], &traced));
  return run_now(env, self, plan, ports, sinks, traced, result);
}

Status run_async(napi_env env, const Call& call, napi_value*) {
  SessionObject* self = nullptr;
  int32_t plan = -1;
  TRY(read_plan(env, call, &self, &plan));
  TRY(check_callback(env, call.args[2]));
  List values;
  TRY(to_list(env, call.args[1], kMaxPorts, &values));
  auto run = std::make_unique<RunJob>(self, plan);
  bool traced = false;
  TRY(read_flag(env, call.args[3], &traced));
  if (traced) run->trace();
  return submit(env, self, std::move(run), values, call.args[2]);
}

Status run_loop_sync(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  int32_t plan = -1;
  int64_t n = 0;
  TRY(read_plan(env, call, &self, &plan));
  TRY(to_int64(env, call.args[1], &n));
  List values, out_values;
  TRY(to_list(env, call.args[2], kMaxPorts, &values));
  std::vector<uint8_t> stepped;
  TRY(read_stepped(env, call.args[3], values.size(), &stepped));
  if (!is_nullish(env, call.args[4])) TRY(to_list(env, call.args[4], kMaxPorts, &out_values));
  Ports ports;
  if (n < 0) return Status::error(Code::kInvalidArgument, "n is negative");
  TRY(read_feeds(env, self, plan, values, false, &ports, &self->scratch.feeds, &self->scratch.copies,
                 &self->scratch.strings));
  std::vector<Sink> sinks;
  TRY(read_sinks(env, out_values, *ports.fetches, n, &sinks));
  ResultList list(sinks.size());
  for (size_t i = 0; i < sinks.size(); ++i) {
    if (sinks[i].data != nullptr) continue;
    int64_t bytes;
    if (__builtin_mul_overflow((*ports.fetches)[i].bytes, n, &bytes)) {
      return Status::error(Code::kResourceExhausted, "A loop's results are too large");
    }
    TRY(list.add_buffer(env, i, bytes, &sinks[i]));
  }
  self->worker().wait_idle();
  self->session().arm();
  const Status status = self->session().run_loop(plan, n, self->scratch.feeds, stepped, sinks);
  for (HostCopy& copy : self->scratch.copies) copy.clear();
  self->report_memory(env);
  TRY(self->deliver_log(env));
  return status.ok() ? list.finish(env, result) : status;
}

Status run_loop_async(napi_env env, const Call& call, napi_value*) {
  SessionObject* self = nullptr;
  int32_t plan = -1;
  int64_t n = 0;
  TRY(read_plan(env, call, &self, &plan));
  TRY(to_int64(env, call.args[1], &n));
  TRY(check_callback(env, call.args[4]));
  List values;
  TRY(to_list(env, call.args[2], kMaxPorts, &values));
  std::vector<uint8_t> stepped;
  TRY(read_stepped(env, call.args[3], values.size(), &stepped));
  if (n < 0) return Status::error(Code::kInvalidArgument, "n is negative");
  auto run = std::make_unique<RunJob>(self, plan);
  run->make_loop(n, std::move(stepped));
  return submit(env, self, std::move(run), values, call.args[4]);
}

}  // namespace grafo
