// The JavaScript class NativeSession: a session, its thread, and the mailbox for small results.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "addon/convert.h"
#include "addon/environment.h"
#include "addon/worker.h"
#include "runtime/engine.h"

namespace grafo {

// Results of at most this many bytes are left in the mailbox, each at its position times the size; behind them a
// double per position: the first dim of a dynamic fetch. Behind those eight bytes per position for scalars that runPlan is fed.
constexpr int64_t kMailboxBytes = 64;
constexpr size_t kMailboxFetches = 64;
constexpr size_t kMailboxFeeds = kMailboxFetches * (kMailboxBytes + sizeof(double));
constexpr size_t kMailboxSize = kMailboxFeeds + kMailboxFetches * sizeof(double);

inline bool in_mailbox(const Port& port, size_t position) {
  return port.dtype != DType::kString && port.bytes <= kMailboxBytes && position < kMailboxFetches;
}

// A copy of bytes, within the session's budget.
class HostCopy {
 public:
  HostCopy() = default;
  HostCopy(HostCopy&& other) noexcept { swap(other); }
  HostCopy& operator=(HostCopy&& other) noexcept {
    swap(other);
    return *this;
  }
  ~HostCopy() { clear(); }
  Status assign(Session* session, const void* data, int64_t bytes);
  void clear();
  const void* data() const { return data_; }

 private:
  void swap(HostCopy& other) {
    std::swap(session_, other.session_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  Session* session_ = nullptr;
  void* data_ = nullptr;
  int64_t bytes_ = 0;
};

class SessionObject final : public Napi::ObjectWrap<SessionObject>, public Worker::Target {
 public:
  static Status define(Napi::Env env, Napi::Object exports);
  explicit SessionObject(const Napi::CallbackInfo& info);
  ~SessionObject() override;

  Session& session() { return *session_; }
  Worker& worker() { return worker_; }
  Environment* environment() { return environment_; }

  // The mailbox's memory, nullptr if JavaScript has taken it away.
  uint8_t* mailbox(napi_env env);
  // Keeps V8's idea of our memory up to date.
  void report_memory(napi_env env);
  // Hands lines of Print to the host, whose function may run anything: the mailbox is as before afterwards.
  Status deliver_log(napi_env env) { return session_->has_log() ? deliver_lines(env) : Status(); }
  // The environment ends: no thread of ours may be left.
  void detach();

  void arm() override { session_->arm(); }
  void cancel() override { session_->cancel(); }

  // Of sync runs, from the last JavaScript that may run to the end of the call.
  struct Scratch {
    std::vector<Feed> feeds;
    std::vector<HostCopy> copies;
    std::vector<Strings> strings;
    std::vector<Sink> sinks;
  } scratch;
  // Of the traced run that was delivered last.
  std::vector<StepTime> times;

 private:
  using Info = Napi::CallbackInfo;
  template <Status (SessionObject::*kMethod)(const Info&, Napi::Value*)>
  Napi::Value method(const Info& info) noexcept {
    Napi::Value result;
    const Status status = guarded([&] { return (this->*kMethod)(info, &result); });
    if (status.ok()) return result;
    throw_status(info.Env(), status);
    return {};
  }

  Status open(const Info& info);
  Status deliver_lines(napi_env env);
  Status load_plan(const Info& info, Napi::Value* result);
  Status unload_plan(const Info& info, Napi::Value* result);
  Status cancel_runs(const Info& info, Napi::Value* result);
  Status finish(const Info& info, Napi::Value* result);
  Status close(const Info& info, Napi::Value* result);
  Status is_idle(const Info& info, Napi::Value* result);
  Status memory(const Info& info, Napi::Value* result);
  Status variable_info(const Info& info, Napi::Value* result);
  Status read_variable(const Info& info, Napi::Value* result);
  Status write_variable(const Info& info, Napi::Value* result);
  Status get_state(const Info& info, Napi::Value* result);
  Status set_state(const Info& info, Napi::Value* result);
  Status take_times(const Info& info, Napi::Value* result);

  Environment* environment_;
  std::unique_ptr<Session> session_;
  Worker worker_;
  Napi::Reference<Napi::ArrayBuffer> mailbox_;
  int64_t reported_ = 0;
  int32_t number_ = -1;
};

// The engine, with the backend that lies next to the addon.
Status own_engine(const Engine** engine);
// The GPU's; UNAVAILABLE with the reason where there is none.
Status own_cuda_engine(const Engine** engine);

// The wrapped object of a raw call.
Status self_of(napi_env env, const Call& call, SessionObject** self);

// runs.cc, raw: a warm run costs little more than its crossing.
Status run_sync(napi_env env, const Call& call, napi_value* result);
Status run_async(napi_env env, const Call& call, napi_value* result);
Status run_loop_sync(napi_env env, const Call& call, napi_value* result);
Status run_loop_async(napi_env env, const Call& call, napi_value* result);
// run_plan.cc
Status define_run_plan(Napi::Env env, Napi::Object exports);

}  // namespace grafo
