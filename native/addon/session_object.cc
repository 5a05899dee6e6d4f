// See session_object.h: everything of the class but its runs.
#include "addon/session_object.h"

#include <cstring>

#include "base/dynlib.h"

namespace grafo {
namespace {

const int kHere = 0;  // an address inside the addon, to find its folder

Status code_of_closed() {
  return Status::error(Code::kCancelled, "Session has been closed.");
}

Status load_plan(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  TRY(self_of(env, call, &self));
  std::vector<int32_t> words, states;
  Strings strings;
  Bytes constants;
  TRY(to_words(env, call.args[0], &words));
  TRY(to_words(env, call.args[3], &states));
  TRY(to_strings(env, call.args[2], &strings));
  TRY(to_bytes_of(env, call.args[1], DType::kUint8, &constants));
  const std::span<const uint8_t> blob(static_cast<const uint8_t*>(constants.data),
                                      static_cast<size_t>(constants.bytes));
  int32_t plan = -1;
  const Status status = self->session().load_plan(words, blob, strings, states, &plan);
  self->report_memory(env);
  TRY(status);
  return check(env, napi_create_int32(env, plan, result));
}

Status unload_plan(napi_env env, const Call& call, napi_value*) {
  SessionObject* self = nullptr;
  int32_t plan = -1;
  TRY(self_of(env, call, &self));
  TRY(to_int32(env, call.args[0], &plan));
  self->worker().wait_idle();
  const Status status = self->session().unload_plan(plan);
  self->report_memory(env);
  return status;
}

Status cancel(napi_env env, const Call& call, napi_value*) {
  SessionObject* self = nullptr;
  TRY(self_of(env, call, &self));
  self->worker().cancel(Status::error(Code::kCancelled, "The run was cancelled"), true);
  return {};
}

Status finish(napi_env env, const Call& call, napi_value*) {
  SessionObject* self = nullptr;
  TRY(self_of(env, call, &self));
  self->worker().wait_idle();
  Environment* environment = Environment::get(env);
  if (environment != nullptr) environment->deliver(env);
  return {};
}

Status close(napi_env env, const Call& call, napi_value*) {
  SessionObject* self = nullptr;
  TRY(self_of(env, call, &self));
  self->worker().cancel(code_of_closed(), false);
  self->worker().wait_idle();
  self->session().close();
  self->report_memory(env);
  return {};
}

Status idle(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  TRY(self_of(env, call, &self));
  return check(env, napi_get_boolean(env, self->worker().idle(), result));
}

Status memory(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  TRY(self_of(env, call, &self));
  const MemoryUse use = self->session().memory();
  TRY(check(env, napi_create_object(env, result)));
  TRY(set_number(env, *result, "arena", static_cast<double>(use.arena)));
  TRY(set_number(env, *result, "variables", static_cast<double>(use.variables)));
  TRY(set_number(env, *result, "constants", static_cast<double>(use.constants)));
  TRY(set_number(env, *result, "used", static_cast<double>(use.used)));
  TRY(set_number(env, *result, "peak", static_cast<double>(use.peak)));
  return set_number(env, *result, "limit", static_cast<double>(use.limit));
}

Status variable_info(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  int32_t id = -1;
  TRY(self_of(env, call, &self));
  TRY(to_int32(env, call.args[0], &id));
  Port port;
  bool initialized = false;
  const Status status = self->session().variable_port(id, &port, &initialized);
  if (status.code == Code::kNotFound) return {};  // undefined
  TRY(status);
  napi_value shape, flag;
  TRY(check(env, napi_create_array_with_length(env, static_cast<size_t>(port.rank), &shape)));
  for (int32_t i = 0; i < port.rank; ++i) {
    napi_value dim;
    TRY(from_number(env, static_cast<double>(port.dims[i]), &dim));
    TRY(check(env, napi_set_element(env, shape, static_cast<uint32_t>(i), dim)));
  }
  TRY(check(env, napi_create_object(env, result)));
  TRY(set_number(env, *result, "dtype", static_cast<double>(port.dtype)));
  TRY(set_property(env, *result, "shape", shape));
  TRY(set_number(env, *result, "bytes", static_cast<double>(port.bytes)));
  TRY(check(env, napi_get_boolean(env, initialized, &flag)));
  return set_property(env, *result, "initialized", flag);
}

Status read_variable(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  int32_t id = -1;
  TRY(self_of(env, call, &self));
  TRY(to_int32(env, call.args[0], &id));
  self->worker().wait_idle();
  Port port;
  bool initialized = false;
  TRY(self->session().variable_port(id, &port, &initialized));
  if (port.dtype == DType::kString) {
    Strings strings;
    TRY(self->session().read_variable(id, nullptr, 0, &strings));
    return from_strings(env, strings, static_cast<int64_t>(strings.size()), result);
  }
  void* data = nullptr;
  TRY(check(env,
            napi_create_arraybuffer(env, static_cast<size_t>(port.bytes), &data, result)));
  uint8_t nothing = 0;
  return self->session().read_variable(id, data != nullptr ? data : &nothing, port.bytes, nullptr);
}

Status write_variable(napi_env env, const Call& call, napi_value*) {
  SessionObject* self = nullptr;
  int32_t id = -1;
  TRY(self_of(env, call, &self));
  TRY(to_int32(env, call.args[0], &id));
  self->worker().wait_idle();
  Port port;
  bool initialized = false;
  TRY(self->session().variable_port(id, &port, &initialized));
  if (port.dtype == DType::kString) {
    Strings strings;
    TRY(to_strings(env, call.args[1], &strings));
    return self->session().write_variable(id, nullptr, 0, &strings);
  }
  Bytes bytes;
  TRY(to_bytes_of(env, call.args[1], port.dtype, &bytes));
  return self->session().write_variable(id, bytes.data, bytes.bytes, nullptr);
}

Status get_state(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  int32_t key = -1;
  TRY(self_of(env, call, &self));
  TRY(to_int32(env, call.args[0], &key));
  self->worker().wait_idle();
  return check(env, napi_create_bigint_int64(env, self->session().state(key), result));
}

Status set_state(napi_env env, const Call& call, napi_value*) {
  SessionObject* self = nullptr;
  int32_t key = -1;
  int64_t value = 0;
  bool lossless = false;
  TRY(self_of(env, call, &self));
  TRY(to_int32(env, call.args[0], &key));
  if (napi_get_value_bigint_int64(env, call.args[1], &value, &lossless) != napi_ok) {
    return Status::error(Code::kInvalidArgument, "A bigint is expected");
  }
  self->worker().wait_idle();
  return self->session().set_state(key, value);
}

Status read_options(napi_env env, napi_value value, SessionOptions* options, napi_value* on_log) {
  *on_log = nullptr;
  if (is_nullish(env, value)) return {};
  napi_value threads, bytes, log;
  TRY(check(env, napi_get_named_property(env, value, "threads", &threads)));
  TRY(check(env, napi_get_named_property(env, value, "memoryBytes", &bytes)));
  TRY(check(env, napi_get_named_property(env, value, "onLog", &log)));
  if (!is_nullish(env, threads)) TRY(to_int32(env, threads, &options->threads));
  if (!is_nullish(env, bytes)) TRY(to_int64(env, bytes, &options->memory_bytes));
  napi_valuetype type;
  if (!is_nullish(env, log)) {
    if (napi_typeof(env, log, &type) != napi_ok || type != napi_function) {
      return Status::error(Code::kInvalidArgument, "onLog: a function is expected");
    }
    *on_log = log;
  }
  return {};
}

}  // namespace

Status construct(napi_env env, const Call& call, napi_value* result) {
  *result = call.self;
  Environment* environment = Environment::get(env);
  if (environment == nullptr) return Status::error(Code::kInternal, "No environment");
  SessionOptions options;
  napi_value on_log;
  TRY(read_options(env, call.args[0], &options, &on_log));
  const Engine* engine = nullptr;
  TRY(Engine::load(folder_of(&kHere), &engine));
  std::unique_ptr<Session> session;
  TRY(Session::open(engine->backend(), options, &session));
  std::unique_ptr<SessionObject> object(new SessionObject(environment, std::move(session)));

  napi_value mailbox;
  void* data = nullptr;
  const size_t bytes = kMailboxFetches * (kMailboxBytes + sizeof(double));
  TRY(check(env, napi_create_arraybuffer(env, bytes, &data, &mailbox)));
  TRY(check(env, napi_create_reference(env, mailbox, 1, &object->mailbox_)));
  if (on_log != nullptr) TRY(check(env, napi_create_reference(env, on_log, 1, &object->on_log_)));
  TRY(set_property(env, call.self, "mailbox", mailbox));
  SessionObject* kept = object.get();
  TRY(check(env, napi_wrap(env, call.self, kept, SessionObject::finalize, nullptr, &kept->self_)));
  environment->add(object.release());
  return {};
}

Status self_of(napi_env env, const Call& call, SessionObject** self) {
  void* object = nullptr;
  if (napi_unwrap(env, call.self, &object) != napi_ok || object == nullptr) {
    return Status::error(Code::kInvalidArgument, "The receiver is not a NativeSession");
  }
  *self = static_cast<SessionObject*>(object);
  return {};
}

uint8_t* SessionObject::mailbox(napi_env env) {
  napi_value buffer = nullptr;
  void* data = nullptr;
  size_t bytes = 0;
  if (napi_get_reference_value(env, mailbox_, &buffer) != napi_ok || buffer == nullptr ||
      napi_get_arraybuffer_info(env, buffer, &data, &bytes) != napi_ok ||
      bytes != kMailboxFetches * (kMailboxBytes + sizeof(double))) {
    return nullptr;
  }
  return static_cast<uint8_t*>(data);
}

void SessionObject::report_memory(napi_env env) {
  constexpr int64_t kWorthTelling = 64 << 10;
  const int64_t change = session_->used_bytes() - reported_;
  if (change < kWorthTelling && change > -kWorthTelling) return;
  int64_t total = 0;
  if (napi_adjust_external_memory(env, change, &total) == napi_ok) reported_ += change;
}

Status SessionObject::deliver_log(napi_env env) {
  if (!session_->has_log()) return {};
  const std::vector<std::string> lines = session_->take_log();
  if (on_log_ == nullptr) return {};
  napi_value function, undefined;
  TRY(check(env, napi_get_reference_value(env, on_log_, &function)));
  TRY(check(env, napi_get_undefined(env, &undefined)));
  for (const std::string& line : lines) {
    napi_value text;
    TRY(from_text(env, line, &text));
    TRY(check(env, napi_call_function(env, undefined, function, 1, &text, nullptr)));
  }
  return {};
}

void SessionObject::detach() {
  worker_.stop();
  environment_ = nullptr;
}

void SessionObject::finalize(napi_env env, void* data, void*) noexcept {
  auto* self = static_cast<SessionObject*>(data);
  self->worker_.stop();
  if (self->environment_ != nullptr) self->environment_->remove(self);
  int64_t total = 0;
  (void)napi_adjust_external_memory(env, -self->reported_, &total);
  for (napi_ref reference : {self->mailbox_, self->on_log_, self->self_}) {
    if (reference != nullptr) (void)napi_delete_reference(env, reference);
  }
  delete self;
}

Status SessionObject::define(napi_env env, napi_value exports) {
  struct Row {
    const char* name;
    napi_callback function;
  };
  static constexpr Row kMethods[] = {
      {"loadPlan", callback<load_plan>},
      {"unloadPlan", callback<unload_plan>},
      {"runSync", callback<run_sync>},
      {"run", callback<run_async>},
      {"runLoopSync", callback<run_loop_sync>},
      {"runLoop", callback<run_loop_async>},
      {"cancel", callback<grafo::cancel>},
      {"finish", callback<finish>},
      {"close", callback<grafo::close>},
      {"idle", callback<idle>},
      {"memory", callback<grafo::memory>},
      {"variableInfo", callback<variable_info>},
      {"readVariable", callback<read_variable>},
      {"writeVariable", callback<write_variable>},
      {"getState", callback<get_state>},
      {"setState", callback<set_state>},
  };
  std::vector<napi_property_descriptor> properties;
  for (const Row& row : kMethods) {
    properties.push_back({row.name, nullptr, row.function, nullptr, nullptr, nullptr,
                          napi_default_method, nullptr});
  }
  napi_value constructor;
  TRY(check(env, napi_define_class(env, "NativeSession", NAPI_AUTO_LENGTH, callback<construct>,
                                   nullptr, properties.size(), properties.data(), &constructor)));
  return set_property(env, exports, "NativeSession", constructor);
}

}  // namespace grafo
