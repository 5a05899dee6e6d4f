// The addon's door: what it exports to JavaScript.
#include <node_api.h>

#include "addon/convert.h"
#include "addon/environment.h"
#include "addon/session_object.h"
#include "base/dynlib.h"
#include "base/thread_pool.h"

namespace grafo {
namespace {

const int kHere = 0;  // an address inside the addon, to find its folder

Status engine_of(const Engine** engine) { return Engine::load(folder_of(&kHere), engine); }

Status texts(napi_env env, size_t count, const auto& text_at, napi_value* list) {
  TRY(check(env, napi_create_array_with_length(env, count, list)));
  for (size_t i = 0; i < count; ++i) {
    napi_value text;
    TRY(from_text(env, text_at(i), &text));
    TRY(check(env, napi_set_element(env, *list, static_cast<uint32_t>(i), text)));
  }
  return {};
}

Status info(napi_env env, const Call&, napi_value* result) {
  const Engine* engine = nullptr;
  TRY(engine_of(&engine));
  const ThreadPool::Stats stats = ThreadPool::get().stats();
  napi_value text, tried;
  TRY(check(env, napi_create_object(env, result)));
  TRY(from_text(env, engine->backend().name, &text));
  TRY(set_property(env, *result, "backend", text));
  TRY(from_text(env, engine->backend().isa, &text));
  TRY(set_property(env, *result, "isa", text));
  TRY(from_text(env, engine->info().path, &text));
  TRY(set_property(env, *result, "path", text));
  TRY(texts(env, engine->info().tried.size(), [&](size_t i) { return engine->info().tried[i]; },
            &tried));
  TRY(set_property(env, *result, "tried", tried));
  TRY(set_number(env, *result, "threads", ThreadPool::get().default_threads()));
  TRY(set_number(env, *result, "workers", stats.workers));
  TRY(set_number(env, *result, "parallelJobs", static_cast<double>(stats.jobs)));
  return set_number(env, *result, "helpedJobs", static_cast<double>(stats.helped));
}

Status names(napi_env env, int32_t (*list_of)(const char* const**), napi_value* result) {
  const char* const* list = nullptr;
  const int32_t count = list_of(&list);
  return texts(env, static_cast<size_t>(count), [&](size_t i) { return std::string(list[i]); },
               result);
}

Status kernel_names(napi_env env, const Call&, napi_value* result) {
  const Engine* engine = nullptr;
  TRY(engine_of(&engine));
  return names(env, engine->backend().kernel_names, result);
}

Status functor_names(napi_env env, const Call&, napi_value* result) {
  const Engine* engine = nullptr;
  TRY(engine_of(&engine));
  return names(env, engine->backend().functor_names, result);
}

Status has_functor(napi_env env, const Call& call, napi_value* result) {
  const Engine* engine = nullptr;
  std::string name;
  int32_t operand = 0, output = 0;
  TRY(engine_of(&engine));
  TRY(to_text(env, call.args[0], &name));
  TRY(to_int32(env, call.args[1], &operand));
  TRY(to_int32(env, call.args[2], &output));
  const int32_t has = engine->backend().has_functor(name.c_str(), static_cast<DType>(operand),
                                                    static_cast<DType>(output));
  return check(env, napi_get_boolean(env, has != 0, result));
}

// Memory for feeds. On the CPU any memory of V8's will do; the length is checked here so that a GPU can take over.
Status host_buffer(napi_env env, const Call& call, napi_value* result) {
  int64_t bytes = 0;
  TRY(to_int64(env, call.args[0], &bytes));
  if (bytes < 0) return Status::error(Code::kInvalidArgument, "A length is expected");
  void* data = nullptr;
  return check(env, napi_create_arraybuffer(env, static_cast<size_t>(bytes), &data, result));
}

Status define(napi_env env, napi_value exports) {
  struct Row {
    const char* name;
    napi_callback function;
  };
  static constexpr Row kFunctions[] = {
      {"info", callback<info>},
      {"kernelNames", callback<kernel_names>},
      {"functorNames", callback<functor_names>},
      {"hasFunctor", callback<has_functor>},
      {"hostBuffer", callback<host_buffer>},
  };
  for (const Row& row : kFunctions) {
    napi_value function;
    TRY(check(env, napi_create_function(env, row.name, NAPI_AUTO_LENGTH, row.function, nullptr,
                                        &function)));
    TRY(set_property(env, exports, row.name, function));
  }
  TRY(set_number(env, exports, "mailboxBytes", static_cast<double>(kMailboxBytes)));
  TRY(set_number(env, exports, "mailboxFetches", static_cast<double>(kMailboxFetches)));
  TRY(SessionObject::define(env, exports));
  return Environment::create(env);
}

}  // namespace
}  // namespace grafo

NAPI_MODULE_INIT() {
  if (const grafo::Status status = grafo::define(env, exports); !status.ok()) {
    grafo::throw_status(env, status);
  }
  return exports;
}
