// The addon's door: what it exports to JavaScript.
#include <napi.h>

#include "addon/convert.h"
#include "addon/environment.h"
#include "addon/host_buffer.h"
#include "addon/session_object.h"
#include "addon/testing.h"
#include "base/thread_pool.h"

namespace grafo {
namespace {

using Info = Napi::CallbackInfo;

Napi::Array texts(Napi::Env env, size_t count, const auto& text_at) {
  auto list = Napi::Array::New(env, count);
  for (size_t i = 0; i < count; ++i) {
    list[static_cast<uint32_t>(i)] = Napi::String::New(env, text_at(i));
  }
  return list;
}

Status info(const Info& call, Napi::Value* result) {
  const Napi::Env env = call.Env();
  const Engine* engine = nullptr;
  TRY(own_engine(&engine));
  const ThreadPool::Stats stats = ThreadPool::get().stats();
  const auto& tried = engine->info().tried;
  const auto object = Napi::Object::New(env);
  const auto text = [&](const std::string& value) { return Napi::String::New(env, value); };
  TRY(set_property(env, object, "backend", text(engine->backend().name)));
  TRY(set_property(env, object, "isa", text(engine->backend().isa)));
  TRY(set_property(env, object, "path", text(engine->info().path)));
  TRY(set_property(env, object, "tried", texts(env, tried.size(), [&](size_t i) { return tried[i]; })));
  TRY(set_number(env, object, "threads", ThreadPool::get().default_threads()));
  TRY(set_number(env, object, "workers", stats.workers));
  TRY(set_number(env, object, "parallelJobs", static_cast<double>(stats.jobs)));
  TRY(set_number(env, object, "helpedJobs", static_cast<double>(stats.helped)));
  *result = object;
  return {};
}

Status names(Napi::Env env, int32_t (*list_of)(const char* const**), Napi::Value* result) {
  const char* const* list = nullptr;
  const int32_t count = list_of(&list);
  *result = texts(env, static_cast<size_t>(count), [&](size_t i) { return list[i]; });
  return {};
}

Status kernel_names(const Info& call, Napi::Value* result) {
  const Engine* engine = nullptr;
  TRY(own_engine(&engine));
  return names(call.Env(), engine->backend().kernel_names, result);
}

Status functor_names(const Info& call, Napi::Value* result) {
  const Engine* engine = nullptr;
  TRY(own_engine(&engine));
  return names(call.Env(), engine->backend().functor_names, result);
}

Status has_functor(const Info& call, Napi::Value* result) {
  const Engine* engine = nullptr;
  std::string name;
  int32_t operand = 0, output = 0;
  TRY(own_engine(&engine));
  TRY(to_text(call.Env(), call[0], &name));
  TRY(to_int32(call.Env(), call[1], &operand));
  TRY(to_int32(call.Env(), call[2], &output));
  const int32_t has = engine->backend().has_functor(name.c_str(), static_cast<DType>(operand),
                                                    static_cast<DType>(output));
  *result = Napi::Boolean::New(call.Env(), has != 0);
  return {};
}

// {name, memoryBytes, path, kernels} of the GPU, or {reason}.
Status gpu(const Info& call, Napi::Value* result) {
  const Napi::Env env = call.Env();
  const auto object = Napi::Object::New(env);
  *result = object;
  const Engine* engine = nullptr;
  if (const Status status = own_cuda_engine(&engine); !status.ok()) {
    return set_property(env, object, "reason", Napi::String::New(env, status.text));
  }
  DeviceInfo info{};
  TRY(engine->backend().device_info(0, &info));
  Napi::Value kernels;
  TRY(names(env, engine->backend().kernel_names, &kernels));
  TRY(set_property(env, object, "name", Napi::String::New(env, info.name)));
  TRY(set_number(env, object, "memoryBytes", static_cast<double>(info.memory_bytes)));
  TRY(set_property(env, object, "path", Napi::String::New(env, engine->info().path)));
  return set_property(env, object, "kernels", kernels);
}

// What the GPU's backend says of the libraries that it looks for, a line each. This loads them, so it is a call of its own.
Status gpu_libraries(const Info& call, Napi::Value* result) {
  std::vector<std::string> lines;
  const Engine* engine = nullptr;
  if (own_cuda_engine(&engine).ok() && engine->backend().libraries != nullptr) {
    engine->backend().libraries(&lines, [](void* self, const char* text) {
      static_cast<std::vector<std::string>*>(self)->emplace_back(text);
    });
  }
  *result = texts(call.Env(), lines.size(), [&](size_t i) { return lines[i]; });
  return {};
}

Status host_buffer(const Info& call, Napi::Value* result) {
  const Napi::Env env = call.Env();
  int64_t bytes = 0, offset = 0;
  int32_t number = -1;
  TRY(to_int64(env, call[0], &bytes));
  if (bytes < 0) return Status::error(Code::kInvalidArgument, "A length is expected");
  napi_value buffer = nullptr;
  TRY(new_host_buffer(env, bytes, call[1].ToBoolean(), &buffer, &offset, &number));
  const auto object = Napi::Object::New(env);
  TRY(set_property(env, object, "buffer", buffer));
  TRY(set_number(env, object, "byteOffset", static_cast<double>(offset)));
  TRY(set_number(env, object, "number", number));
  *result = object;
  return {};
}

template <Status (*kFunction)(const Info&, Napi::Value*)>
Napi::Value function(const Info& call) noexcept {
  Napi::Value result;
  const Status status = guarded([&] { return kFunction(call, &result); });
  if (status.ok()) return result;
  throw_status(call.Env(), status);
  return {};
}

template <Status (*kFunction)(const Info&, Napi::Value*)>
Status add(Napi::Object exports, const char* name) {
  const Napi::Env env = exports.Env();
  return set_property(env, exports, name, Napi::Function::New<function<kFunction>>(env, name));
}

Status define(Napi::Env env, Napi::Object exports) {
  TRY(add<info>(exports, "info"));
  TRY(add<kernel_names>(exports, "kernelNames"));
  TRY(add<functor_names>(exports, "functorNames"));
  TRY(add<has_functor>(exports, "hasFunctor"));
  TRY(add<host_buffer>(exports, "hostBuffer"));
  TRY(add<gpu>(exports, "gpu"));
  TRY(add<gpu_libraries>(exports, "gpuLibraries"));
  TRY(set_number(env, exports, "mailboxBytes", static_cast<double>(kMailboxBytes)));
  TRY(set_number(env, exports, "mailboxFetches", static_cast<double>(kMailboxFetches)));
  TRY(SessionObject::define(env, exports));
  TRY(define_testing(env, exports));
  TRY(Environment::create(env));
  return define_run_plan(env, exports);
}

Napi::Object start(Napi::Env env, Napi::Object exports) {
  const Status status = guarded([&] { return define(env, exports); });
  if (!status.ok()) throw_status(env, status);
  return exports;
}

}  // namespace
}  // namespace grafo

using grafo::start;
NODE_API_MODULE(grafo, start)
