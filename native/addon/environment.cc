// See environment.h.
#include "addon/environment.h"

#include <algorithm>

#include "addon/convert.h"
#include "addon/session_object.h"

namespace grafo {

Status Environment::create(Napi::Env env) {
  std::unique_ptr<Environment> self(new Environment(env));
  const Napi::Value constructor = env.Global().Get("ArrayBuffer");
  if (!constructor.IsFunction()) return Status::error(Code::kInternal, "No ArrayBuffer");
  self->array_buffer_ = Napi::Persistent(constructor.As<Napi::Function>());
  napi_value name;
  TRY(check(env, napi_create_string_utf8(env, "grafo", NAPI_AUTO_LENGTH, &name)));
  TRY(check(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                                 self.get(), deliver_all, &self->wake_)));
  TRY(check(env, napi_unref_threadsafe_function(env, self->wake_)));
  Environment* kept = self.release();
  env.SetInstanceData(kept);
  // Runs before the thread-safe function goes, because hooks run last first.
  return check(env, napi_add_env_cleanup_hook(env, cleanup, kept));
}

int32_t Environment::add(SessionObject* session) {
  const auto free = std::find(sessions_.begin(), sessions_.end(), nullptr);
  const auto number = static_cast<int32_t>(free - sessions_.begin());
  if (free != sessions_.end()) *free = session;
  else sessions_.push_back(session);
  return number;
}

Status Environment::array_buffer(napi_env env, napi_value* constructor) const {
  TRY(check(env, napi_get_reference_value(env, array_buffer_, constructor)));
  return *constructor != nullptr ? Status() : Status::error(Code::kInternal, "No ArrayBuffer");
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

std::unique_ptr<EnvironmentJob> Environment::next_finished() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (finished_.empty()) return nullptr;
  std::unique_ptr<EnvironmentJob> job(static_cast<EnvironmentJob*>(finished_.front().release()));
  finished_.pop_front();
  return job;
}

void Environment::deliver(napi_env env) noexcept {
  while (std::unique_ptr<EnvironmentJob> job = next_finished()) {
    if (--pending_ == 0) (void)napi_unref_threadsafe_function(env, wake_);
    napi_handle_scope scope;
    if (napi_open_handle_scope(env, &scope) != napi_ok) {
      job->abandon(env);
      continue;
    }
    job->deliver(env);
    job.reset();
    // What a callback or onLog threw must not keep the others from theirs: it is an uncaught exception of the process.
    if (napi_value thrown; take_exception(env, &thrown)) (void)napi_fatal_exception(env, thrown);
    (void)napi_close_handle_scope(env, scope);
  }
}

void Environment::cleanup(void* context) noexcept {
  auto* self = static_cast<Environment*>(context);
  for (SessionObject* session : self->sessions_) {
    if (session != nullptr) session->detach();
  }
  while (const std::unique_ptr<EnvironmentJob> job = self->next_finished()) job->abandon(self->env_);
  self->sessions_.clear();
}

}  // namespace grafo
