// What one JavaScript environment (the main thread or a worker) owns: its sessions and its way back from their threads.
#pragma once
#include <node_api.h>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "addon/worker.h"
#include "runtime/engine.h"

namespace grafo {

class SessionObject;

// A job that ends in JavaScript.
class EnvironmentJob : public Job {
 public:
  // On the JavaScript thread, in a handle scope.
  virtual void deliver(napi_env env) = 0;
};

class Environment final : public Completions {
 public:
  // Made when the addon is loaded into env, found again by get.
  static Status create(napi_env env);
  static Environment* get(napi_env env);

  void add(SessionObject* session) { sessions_.push_back(session); }
  void remove(SessionObject* session);

  // While jobs pend, the event loop stays alive. Both on the JavaScript thread.
  void job_started();
  void finished(std::unique_ptr<Job> job) override;
  // Calls back for every job that has finished. On the JavaScript thread.
  void deliver(napi_env env) noexcept;

 private:
  explicit Environment(napi_env env) : env_(env) {}
  static void cleanup(void* self) noexcept;
  static void finalize(napi_env env, void* self, void* hint) noexcept;
  static void deliver_all(napi_env env, napi_value callback, void* self, void* data) noexcept;

  napi_env env_;
  napi_threadsafe_function wake_ = nullptr;
  int64_t pending_ = 0;
  std::vector<SessionObject*> sessions_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Job>> finished_;
};

}  // namespace grafo
