// See session_object.h: everything of the class but its runs.
#include "addon/session_object.h"

#include <array>
#include <cstring>

#include "addon/convert.h"
#include "base/dynlib.h"
#include "runtime/blas.h"

namespace grafo {
namespace {

const int kHere = 0;  // an address inside the addon, to find its folder

Status code_of_closed() {
  return Status::error(Code::kCancelled, "Session has been closed.");
}

Status invalid(const char* what) { return Status::error(Code::kInvalidArgument, "%s", what); }

bool is_given(const Napi::Value& value) { return !value.IsUndefined() && !value.IsNull(); }

// A property of the options: any getter, so it may throw.
Status option(const Napi::Object& options, const char* name, Napi::Value* value) {
  *value = options.Get(name);
  return options.Env().IsExceptionPending() ? Status::error(Code::kUnknown, "%s: a getter threw", name)
                                            : Status();
}

Status read_precision(napi_env env, napi_value value, Precision* precision) {
  int32_t number = 0;
  if (!to_int32(env, value, &number).ok() || number < 0 || number > static_cast<int32_t>(Precision::kBf16)) {
    return invalid("gpuPrecision: 0 (float32), 1 (tf32) or 2 (bf16) is expected");
  }
  *precision = static_cast<Precision>(number);
  return {};
}

Status read_options(const Napi::Value& given, SessionOptions* options, bool* on_gpu, Napi::Value* on_log) {
  *on_log = given.Env().Undefined();
  if (!is_given(given)) return {};
  if (!given.IsObject()) return invalid("Options are an object");
  const auto object = given.As<Napi::Object>();
  Napi::Value threads, bytes, gpu, gpu_memory, gpu_precision;
  TRY(option(object, "gpu", &gpu));
  if (is_given(gpu) && !gpu.IsBoolean()) return invalid("gpu: a boolean is expected");
  *on_gpu = is_given(gpu) && gpu.As<Napi::Boolean>().Value();
  TRY(option(object, "gpuMemory", &gpu_memory));
  TRY(option(object, "gpuPrecision", &gpu_precision));
  DeviceOptions* device = &options->device;
  if (is_given(gpu_memory) &&
      (!to_int64(given.Env(), gpu_memory, &device->memory_bytes).ok() || device->memory_bytes < 0)) {
    return invalid("gpuMemory: a number of bytes is expected");
  }
  if (is_given(gpu_precision)) TRY(read_precision(given.Env(), gpu_precision, &device->precision));
  TRY(option(object, "threads", &threads));
  TRY(option(object, "memoryBytes", &bytes));
  TRY(option(object, "onLog", on_log));
  if (is_given(threads) && (!to_int32(given.Env(), threads, &options->threads).ok() || options->threads < 0)) {
    return invalid("threads: a number of threads is expected");
  }
  if (is_given(bytes) && (!to_int64(given.Env(), bytes, &options->memory_bytes).ok() || options->memory_bytes < 0)) {
    return invalid("memoryBytes: a number of bytes is expected");
  }
  return is_given(*on_log) && !on_log->IsFunction() ? invalid("onLog: a function is expected") : Status();
}

}  // namespace

Status own_engine(const Engine** engine) { return Engine::load(folder_of(&kHere), engine); }
Status own_cuda_engine(const Engine** engine) { return Engine::load_cuda(folder_of(&kHere), engine); }

Status HostCopy::assign(Session* session, const void* data, int64_t bytes) {
  clear();
  data_ = session->allocate_host(bytes);
  if (data_ == nullptr) {
    return Status::error(Code::kResourceExhausted, "No memory for a copy of a feed of %lld bytes",
                         static_cast<long long>(bytes));
  }
  session_ = session;
  bytes_ = bytes;
  if (bytes > 0) std::memcpy(data_, data, static_cast<size_t>(bytes));
  return {};
}

void HostCopy::clear() {
  if (data_ != nullptr) session_->release_host(data_, bytes_);
  data_ = nullptr;
}

SessionObject::SessionObject(const Info& info)
    : Napi::ObjectWrap<SessionObject>(info),
      environment_(Environment::get(info.Env())),
      worker_(environment_, this) {
  const Status status = guarded([&] { return open(info); });
  if (!status.ok()) throw_status(info.Env(), status);
}

Status SessionObject::open(const Info& info) {
  if (environment_ == nullptr) return Status::error(Code::kInternal, "No environment");
  SessionOptions options;
  Napi::Value on_log;
  bool on_gpu = false;
  TRY(read_options(info[0], &options, &on_gpu, &on_log));
  const Engine* engine = nullptr;
  TRY(own_engine(&engine));
  TRY(find_blas(&options.blas));
  if (on_gpu) {
    options.cpu = &engine->backend();
    TRY(own_cuda_engine(&engine));
  }
  TRY(Session::open(engine->backend(), options, &session_));

  napi_value mailbox;
  void* data = nullptr;
  TRY(new_buffer(info.Env(), kMailboxSize, &data, &mailbox));
  mailbox_ = Napi::Persistent(Napi::ArrayBuffer(info.Env(), mailbox));
  TRY(set_property(info.Env(), info.This(), "mailbox", mailbox));
  // A property, not a reference of ours: the function may hold the session, and only V8 sees through such a circle.
  if (on_log.IsFunction()) TRY(set_property(info.Env(), info.This(), "onLog", on_log));
  number_ = environment_->add(this);
  return set_number(info.Env(), info.This(), "number", number_);
}

// Also where the constructor failed half way, and after detach().
SessionObject::~SessionObject() {
  worker_.stop();
  if (environment_ != nullptr && number_ >= 0) environment_->remove(number_);
  int64_t total = 0;
  if (reported_ != 0) (void)napi_adjust_external_memory(Env(), -reported_, &total);
}

void SessionObject::detach() {
  worker_.stop();
  environment_ = nullptr;
}

Status SessionObject::load_plan(const Info& info, Napi::Value* result) {
  const napi_env env = info.Env();
  std::vector<int32_t> words, states;
  Strings strings;
  Bytes constants;
  TRY(to_words(env, info[0], &words));
  TRY(to_words(env, info[3], &states));
  TRY(to_strings(env, info[2], &strings));  // runs getters, so the bytes that are read in place come last
  TRY(to_bytes_of(env, info[1], DType::kUint8, &constants));
  HostCopy copy;  // of shared memory: what is verified must be what is kept
  if (constants.shared && constants.bytes > 0) {
    TRY(copy.assign(session_.get(), constants.data, constants.bytes));
    constants.data = const_cast<void*>(copy.data());
  }
  const std::span<const uint8_t> blob(static_cast<const uint8_t*>(constants.data),
                                      static_cast<size_t>(constants.bytes));
  int32_t plan = -1;
  const Status status = session_->load_plan(words, blob, strings, states, &plan);
  report_memory(env);
  TRY(status);
  *result = Napi::Number::New(env, plan);
  return {};
}

Status SessionObject::unload_plan(const Info& info, Napi::Value*) {
  int32_t plan = -1;
  TRY(to_int32(info.Env(), info[0], &plan));
  worker_.wait_idle();
  const Status status = session_->unload_plan(plan);
  report_memory(info.Env());
  return status;
}

Status SessionObject::cancel_runs(const Info&, Napi::Value*) {
  worker_.cancel(Status::error(Code::kCancelled, "The run was cancelled"), true);
  return {};
}

Status SessionObject::finish(const Info& info, Napi::Value*) {
  worker_.wait_idle();
  if (environment_ != nullptr) environment_->deliver(info.Env());
  return {};
}

Status SessionObject::close(const Info& info, Napi::Value*) {
  worker_.cancel(code_of_closed(), false);
  worker_.wait_idle();
  session_->close();
  worker_.stop();
  report_memory(info.Env());
  return {};
}

Status SessionObject::is_idle(const Info& info, Napi::Value* result) {
  *result = Napi::Boolean::New(info.Env(), worker_.idle());
  return {};
}

Status SessionObject::memory(const Info& info, Napi::Value* result) {
  const napi_env env = info.Env();
  const MemoryUse use = session_->memory();
  const auto object = Napi::Object::New(env);
  const std::pair<const char*, int64_t> rows[] = {
      {"arena", use.arena}, {"variables", use.variables}, {"constants", use.constants},
      {"used", use.used},   {"peak", use.peak},           {"limit", use.limit}};
  for (const auto& [name, bytes] : rows) {
    TRY(set_number(env, object, name, static_cast<double>(bytes)));
  }
  *result = object;
  return {};
}

Status SessionObject::variable_info(const Info& info, Napi::Value* result) {
  const napi_env env = info.Env();
  int32_t id = -1;
  TRY(to_int32(env, info[0], &id));
  Port port;
  bool initialized = false;
  const Status status = session_->variable_port(id, &port, &initialized);
  if (status.code == Code::kNotFound) return {};  // undefined
  TRY(status);
  auto shape = Napi::Array::New(env, static_cast<size_t>(port.rank));
  for (int32_t i = 0; i < port.rank; ++i) {
    shape.Set(static_cast<uint32_t>(i), Napi::Number::New(env, static_cast<double>(port.dims[i])));
  }
  const auto object = Napi::Object::New(env);
  TRY(set_number(env, object, "dtype", static_cast<double>(port.dtype)));
  TRY(set_property(env, object, "shape", shape));
  TRY(set_number(env, object, "bytes", static_cast<double>(port.bytes)));
  TRY(set_property(env, object, "initialized", Napi::Boolean::New(env, initialized)));
  *result = object;
  return {};
}

Status SessionObject::read_variable(const Info& info, Napi::Value* result) {
  const napi_env env = info.Env();
  int32_t id = -1;
  TRY(to_int32(env, info[0], &id));
  worker_.wait_idle();
  Port port;
  bool initialized = false;
  TRY(session_->variable_port(id, &port, &initialized));
  napi_value value = nullptr;
  if (port.dtype == DType::kString) {
    Strings strings;
    TRY(session_->read_variable(id, nullptr, 0, &strings));
    TRY(from_strings(env, strings, static_cast<int64_t>(strings.size()), &value));
  } else {
    void* data = nullptr;
    uint8_t nothing = 0;
    TRY(new_buffer(env, port.bytes, &data, &value));
    TRY(session_->read_variable(id, data != nullptr ? data : &nothing, port.bytes, nullptr));
  }
  *result = Napi::Value(env, value);
  return {};
}

Status SessionObject::write_variable(const Info& info, Napi::Value*) {
  const napi_env env = info.Env();
  int32_t id = -1;
  TRY(to_int32(env, info[0], &id));
  worker_.wait_idle();
  Port port;
  bool initialized = false;
  TRY(session_->variable_port(id, &port, &initialized));
  if (port.dtype == DType::kString) {
    Strings strings;
    TRY(to_strings(env, info[1], &strings));
    worker_.wait_idle();  // a getter may have started a run
    return session_->write_variable(id, nullptr, 0, &strings);
  }
  Bytes bytes;
  TRY(to_bytes_of(env, info[1], port.dtype, &bytes));
  return session_->write_variable(id, bytes.data, bytes.bytes, nullptr);
}

Status SessionObject::get_state(const Info& info, Napi::Value* result) {
  int32_t key = -1;
  TRY(to_int32(info.Env(), info[0], &key));
  worker_.wait_idle();
  *result = Napi::BigInt::New(info.Env(), session_->state(key));
  return {};
}

Status SessionObject::set_state(const Info& info, Napi::Value*) {
  int32_t key = -1;
  TRY(to_int32(info.Env(), info[0], &key));
  bool lossless = false;
  if (!info[1].IsBigInt()) return invalid("A bigint is expected");
  const int64_t value = info[1].As<Napi::BigInt>().Int64Value(&lossless);
  if (!lossless) return invalid("A bigint of 64 bits is expected");
  worker_.wait_idle();
  return session_->set_state(key, value);
}

uint8_t* SessionObject::mailbox(napi_env env) {
  napi_value buffer = nullptr;
  void* data = nullptr;
  size_t bytes = 0;
  if (napi_get_reference_value(env, mailbox_, &buffer) != napi_ok || buffer == nullptr ||
      napi_get_arraybuffer_info(env, buffer, &data, &bytes) != napi_ok || bytes != kMailboxSize) {
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

Status SessionObject::deliver_lines(napi_env env) {
  const std::vector<std::string> lines = session_->take_log();
  napi_value function, undefined, text;
  napi_valuetype type;
  TRY(check(env, napi_get_named_property(env, Value(), "onLog", &function)));
  TRY(check(env, napi_typeof(env, function, &type)));
  if (type != napi_function) return {};
  std::array<uint8_t, kMailboxSize> kept{};
  if (const uint8_t* box = mailbox(env)) std::memcpy(kept.data(), box, kMailboxSize);
  Status status;
  for (size_t i = 0; i < lines.size() && status.ok(); ++i) {
    TRY(check(env, napi_get_undefined(env, &undefined)));
    TRY(from_text(env, lines[i], &text));
    status = check(env, napi_call_function(env, undefined, function, 1, &text, nullptr));
  }
  if (uint8_t* box = mailbox(env)) std::memcpy(box, kept.data(), kMailboxSize);
  return status;
}

Status SessionObject::take_times(const Info& info, Napi::Value* result) {
  constexpr size_t kNumbers = 4;
  void* data = nullptr;
  napi_value buffer;
  const std::vector<StepTime> taken = std::move(times);
  times.clear();
  TRY(new_buffer(info.Env(), static_cast<int64_t>(taken.size() * kNumbers * sizeof(double)), &data, &buffer));
  auto* to = static_cast<double*>(data);
  for (const StepTime& time : taken) {
    *to++ = time.block;
    *to++ = time.step;
    *to++ = static_cast<double>(time.begin);
    *to++ = static_cast<double>(time.end);
  }
  *result = Napi::Value(info.Env(), buffer);
  return {};
}

Status self_of(napi_env env, const Call& call, SessionObject** self) {
  void* object = nullptr;
  if (napi_unwrap(env, call.self, &object) != napi_ok || object == nullptr) {
    return invalid("The receiver is not a NativeSession");
  }
  *self = static_cast<SessionObject*>(object);
  return {};
}

Status SessionObject::define(Napi::Env env, Napi::Object exports) {
  using S = SessionObject;
  const auto raw = [](const char* name, napi_callback function) {
    return PropertyDescriptor({name, nullptr, function, nullptr, nullptr, nullptr,
                               napi_default_method, nullptr});
  };
  const Napi::Function constructor = DefineClass(
      env, "NativeSession",
      {raw("runSync", callback<run_sync>), raw("run", callback<run_async>),
       raw("runLoopSync", callback<run_loop_sync>), raw("runLoop", callback<run_loop_async>),
       InstanceMethod<&S::method<&S::load_plan>>("loadPlan", napi_default_method),
       InstanceMethod<&S::method<&S::unload_plan>>("unloadPlan", napi_default_method),
       InstanceMethod<&S::method<&S::cancel_runs>>("cancel", napi_default_method),
       InstanceMethod<&S::method<&S::finish>>("finish", napi_default_method),
       InstanceMethod<&S::method<&S::close>>("close", napi_default_method),
       InstanceMethod<&S::method<&S::is_idle>>("idle", napi_default_method),
       InstanceMethod<&S::method<&S::memory>>("memory", napi_default_method),
       InstanceMethod<&S::method<&S::variable_info>>("variableInfo", napi_default_method),
       InstanceMethod<&S::method<&S::read_variable>>("readVariable", napi_default_method),
       InstanceMethod<&S::method<&S::write_variable>>("writeVariable", napi_default_method),
       InstanceMethod<&S::method<&S::get_state>>("getState", napi_default_method),
       InstanceMethod<&S::method<&S::set_state>>("setState", napi_default_method),
       InstanceMethod<&S::method<&S::take_times>>("takeTimes", napi_default_method)});
  if (constructor.IsEmpty()) return Status::error(Code::kInternal, "No class NativeSession");
  return set_property(env, exports, "NativeSession", constructor);
}

}  // namespace grafo
