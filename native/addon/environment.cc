// See environment.h.
#include "addon/environment.h"

#include <algorithm>

#include "addon/convert.h"
#include "addon/session_object.h"

namespace grafo {

Status Environment::create(napi_env env) {
  std::unique_ptr<Environment> self(new Environment(env));
  napi_value name;
  TRY(check(env, napi_create_string_utf8(env, "grafo", NAPI_AUTO_LENGTH, &name)));
  TRY(check(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                                 self.get(), deliver_all, &self->wake_)));
  TRY(check(env, napi_unref_threadsafe_function(env, self->wake_)));
  TRY(check(env, napi_set_instance_data(env, self.get(), finalize, nullptr)));
  Environment* kept = self.release();
  // Runs before the thread-safe function goes, because hooks run last first.
  return check(env, napi_add_env_cleanup_hook(env, cleanup, kept));
}

Environment* Environment::get(napi_env env) {
  void* self = nullptr;
  return napi_get_instance_data(env, &self) == napi_ok ? static_cast<Environment*>(self) : nullptr;
}

void Environment::remove(SessionObject* session) {
  sessions_.erase(std::remove(sessions_.begin(), sessions_.end(), session), sessions_.end());
}

void Environment::job_started() {
  if (pending_++ == 0) (void)napi_ref_threadsafe_function(env_, wake_);
}

void Environment::finished(std::unique_ptr<Job> job) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    finished_.push_back(std::move(job));
  }
  // napi_closing is normal while the environment ends.
  (void)napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

void Environment::deliver_all(napi_env env, napi_value, void* context, void*) noexcept {
  if (env != nullptr) static_cast<Environment*>(context)->deliver(env);
}

void Environment::deliver(napi_env env) noexcept {
  Environment* self = this;
  for (;;) {
    std::unique_ptr<Job> job;
    {
      const std::lock_guard<std::mutex> lock(self->mutex_);
      if (self->finished_.empty()) return;
      job = std::move(self->finished_.front());
      self->finished_.pop_front();
    }
    if (--self->pending_ == 0) (void)napi_unref_threadsafe_function(env, self->wake_);
    napi_handle_scope scope;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    static_cast<EnvironmentJob*>(job.get())->deliver(env);
    job.reset();
    // A callback that threw must not keep the others from theirs.
    bool pending = false;
    napi_value error;
    if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok) {
      (void)napi_fatal_exception(env, error);
    }
    (void)napi_close_handle_scope(env, scope);
  }
}

void Environment::cleanup(void* context) noexcept {
  auto* self = static_cast<Environment*>(context);
  for (SessionObject* session : self->sessions_) session->detach();
  self->sessions_.clear();
}

void Environment::finalize(napi_env, void* self, void*) noexcept {
  delete static_cast<Environment*>(self);
}

}  // namespace grafo
