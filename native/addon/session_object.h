// The JavaScript class NativeSession: a session, its thread, and the mailbox for small results.
#pragma once
#include <node_api.h>

#include <memory>
#include <vector>

#include "addon/convert.h"
#include "addon/environment.h"
#include "addon/worker.h"
#include "runtime/engine.h"

namespace grafo {

// Results of at most this many bytes are left in the mailbox, each at its position times the size; behind them a
// double per position: the first dim of a dynamic fetch.
constexpr int64_t kMailboxBytes = 64;
constexpr size_t kMailboxFetches = 64;

inline bool in_mailbox(const Port& port, size_t position) {
  return port.dtype != DType::kString && port.bytes <= kMailboxBytes && position < kMailboxFetches;
}

class SessionObject final : public Worker::Target {
 public:
  static Status define(napi_env env, napi_value exports);

  Session& session() { return *session_; }
  Worker& worker() { return worker_; }
  Environment* environment() { return environment_; }
  napi_ref self() { return self_; }

  // The mailbox's memory, nullptr if JavaScript has taken it away.
  uint8_t* mailbox(napi_env env);
  // Keeps V8's idea of our memory up to date.
  void report_memory(napi_env env);
  // Hands lines of Print to the host.
  Status deliver_log(napi_env env);
  // The environment ends: no thread of ours may be left.
  void detach();

  void arm() override { session_->arm(); }
  void cancel() override { session_->cancel(); }

  // Scratch of sync runs, from the last JavaScript that may run to the end of the call.
  std::vector<Feed> feeds;
  std::vector<std::vector<uint8_t>> copies;
  std::vector<Strings> strings;

 private:
  friend Status construct(napi_env env, const Call& call, napi_value* result);
  SessionObject(Environment* environment, std::unique_ptr<Session> session)
      : environment_(environment), session_(std::move(session)), worker_(environment, this) {}
  static void finalize(napi_env env, void* self, void* hint) noexcept;

  Environment* environment_;
  std::unique_ptr<Session> session_;
  Worker worker_;
  napi_ref self_ = nullptr;  // weak; strong while jobs pend
  napi_ref mailbox_ = nullptr;
  napi_ref on_log_ = nullptr;
  int64_t reported_ = 0;
};

// The wrapped object of a call.
Status self_of(napi_env env, const Call& call, SessionObject** self);

// runs.cc
Status run_sync(napi_env env, const Call& call, napi_value* result);
Status run_async(napi_env env, const Call& call, napi_value* result);
Status run_loop_sync(napi_env env, const Call& call, napi_value* result);
Status run_loop_async(napi_env env, const Call& call, napi_value* result);

}  // namespace grafo
