// See testing.h.
#include "addon/testing.h"

#include <cstdlib>
#include <cstring>

#include "addon/convert.h"
#include "base/dynlib.h"
#include "base/memory.h"

namespace grafo {
namespace {

using Info = Napi::CallbackInfo;

// failAllocation(n, forever): the engine's n-th allocation from now on fails, and all later ones if `forever`; 0 ends it.
Napi::Value fail(const Info& info) {
  int64_t nth = 0;
  const Status status = to_int64(info.Env(), info[0], &nth);
  if (status.ok()) fail_allocation(nth, info[1].ToBoolean());
  if (!status.ok()) throw_status(info.Env(), status);
  return {};
}

// emulate(what, nth, forever): asks the emulated device of GRAFO_CUDA_LIBRARY; see native/cuda/emulate/streams.cc.
Napi::Value emulate(const Info& info) {
  using Emulate = void (*)(const char*, int64_t, bool, int64_t*);
  const char* path = std::getenv("GRAFO_CUDA_LIBRARY");
  void* library = nullptr;
  int64_t nth = 0, count = 0;
  Status status = open_library(path == nullptr ? "" : path, &library);
  if (status.ok() && !info[1].IsUndefined()) status = to_int64(info.Env(), info[1], &nth);
  const auto ask = status.ok() ? reinterpret_cast<Emulate>(library_symbol(library, "grafo_emulate")) : nullptr;
  if (status.ok() && ask == nullptr) status = Status::error(Code::kNotFound, "%s is not emulated", path);
  if (!status.ok()) {
    throw_status(info.Env(), status);
    return {};
  }
  ask(info[0].ToString().Utf8Value().c_str(), nth, info[2].ToBoolean(), &count);
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

// misalignment(array, bytes): how far a typed array's memory begins behind a multiple of `bytes`.
Napi::Value misalignment(const Info& info) {
  Bytes bytes;
  int64_t unit = 1;
  Status status = to_bytes(info.Env(), info[0], &bytes);
  if (status.ok()) status = to_int64(info.Env(), info[1], &unit);
  if (status.ok() && unit < 1) status = Status::error(Code::kInvalidArgument, "A number of bytes is expected");
  if (status.ok()) return Napi::Number::New(info.Env(), static_cast<double>(reinterpret_cast<uintptr_t>(bytes.data) % static_cast<uint64_t>(unit)));
  throw_status(info.Env(), status);
  return {};
}

#ifdef GRAFO_SANITIZED
// Faults that a sanitizer has to report; else the build does not watch what it should.
Napi::Value overflow(const Info& info) {
  const auto size = static_cast<size_t>(info.Length() + 8);
  auto* memory = static_cast<volatile uint8_t*>(std::malloc(size));
  memory[size] = 1;
  std::free(const_cast<uint8_t*>(memory));
  return {};
}

Napi::Value leak(const Info& info) {
  void* volatile memory = std::malloc(info.Length() + 1000);
  memory = nullptr;
  (void)memory;
  return {};
}

Napi::Value shift(const Info& info) {
  const int by = 33 + static_cast<int>(info.Length());
  return Napi::Number::New(info.Env(), 1 << by);
}
#endif

template <Napi::Value (*kFunction)(const Info&)>
Status add(Napi::Env env, Napi::Object object, const char* name) {
  return set_property(env, object, name, Napi::Function::New<kFunction>(env, name));
}

}  // namespace

Status define_testing(Napi::Env env, Napi::Object exports) {
  const char* wanted = std::getenv("GRAFO_TESTING");
  if (wanted == nullptr || std::strcmp(wanted, "1") != 0) return {};
  const auto object = Napi::Object::New(env);
  TRY(add<fail>(env, object, "failAllocation"));
  TRY(add<emulate>(env, object, "emulate"));
  TRY(add<misalignment>(env, object, "misalignment"));
#ifdef GRAFO_SANITIZED
  TRY(add<overflow>(env, object, "overflow"));
  TRY(add<leak>(env, object, "leak"));
  TRY(add<shift>(env, object, "shift"));
#endif
  return set_property(env, exports, "testing", object);
}

}  // namespace grafo
