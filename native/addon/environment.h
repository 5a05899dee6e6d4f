// What one JavaScript environment (the main thread or a worker) owns: its sessions and its way back from their threads.
#pragma once
#include <napi.h>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "addon/host_buffer.h"
#include "addon/worker.h"
#include "runtime/engine.h"

namespace grafo {

class SessionObject;

// A job that ends in JavaScript.
class EnvironmentJob : public Job {
 public:
  // On the JavaScript thread, in a handle scope.
  virtual void deliver(napi_env env) = 0;
  // Instead of it where the environment ends first: lets go of what it holds, and runs no JavaScript.
  virtual void abandon(napi_env env) = 0;
};

// The way back is a raw thread-safe function: a failing status in it is ignored (the environment is closing), never thrown.
class Environment final : public Completions {
 public:
  // Made when the addon is loaded into env, found again by get.
  static Status create(Napi::Env env);
  static Environment* get(Napi::Env env) { return env.GetInstanceData<Environment>(); }

  // Sessions have numbers, for calls that name one without a receiver to unwrap; that of one that is gone is another's.
  int32_t add(SessionObject* session);
  void remove(int32_t number) { sessions_[static_cast<size_t>(number)] = nullptr; }
  SessionObject* session(int32_t number) const {
    return static_cast<size_t>(number) < sessions_.size() ? sessions_[static_cast<size_t>(number)] : nullptr;
  }

  const std::shared_ptr<HostBuffers>& host_buffers() const { return host_buffers_; }

  // While jobs pend, the event loop stays alive. Both on the JavaScript thread.
  void job_started();
  void finished(std::unique_ptr<Job> job) override;
  // Calls back for every job that has finished. On the JavaScript thread.
  void deliver(napi_env env) noexcept;

  // JavaScript's own constructor, as it was when the addon was loaded.
  Status array_buffer(napi_env env, napi_value* constructor) const;

 private:
  explicit Environment(napi_env env) : env_(env) {}
  static void cleanup(void* self) noexcept;
  static void deliver_all(napi_env env, napi_value callback, void* self, void* data) noexcept;
  std::unique_ptr<EnvironmentJob> next_finished();

  napi_env env_;
  napi_threadsafe_function wake_ = nullptr;
  Napi::FunctionReference array_buffer_;
  int64_t pending_ = 0;
  std::vector<SessionObject*> sessions_;  // by number
  std::shared_ptr<HostBuffers> host_buffers_ = std::make_shared<HostBuffers>();
  std::mutex mutex_;
  std::deque<std::unique_ptr<Job>> finished_;
};

}  // namespace grafo
