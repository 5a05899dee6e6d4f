// JavaScript values <-> what the engine takes. Every napi_status is looked at; nothing here throws C++ exceptions.
//
// Raw Node-API on purpose: feeds and results pass here at every run, a wrapped typed array costs 125 ns against 63, and
// node-addon-api's casts do not look at the element type. What runs once per session or less is written with node-addon-api.
#pragma once
#include <napi.h>

#include <cstdint>
#include <exception>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/engine.h"

namespace grafo {

// A failed Node-API call, as a Status. If JavaScript has thrown, its exception is the one that will be seen.
Status check(napi_env env, napi_status status);
// Throws {message, code, node}, unless an exception is pending already.
void throw_status(napi_env env, const Status& status);
// The exception that JavaScript has thrown, if there is one.
bool take_exception(napi_env env, napi_value* thrown);
Status make_error(napi_env env, const Status& status, napi_value* error);

// Arguments of a call; missing ones are undefined.
struct Call {
  static constexpr size_t kMaxArgs = 6;
  napi_value self;
  napi_value args[kMaxArgs];
  void* data;
};

// A body that answers with a Status, and where C++ exceptions end: none may reach a frame of Node's.
template <class Body>
Status guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status::error(Code::kResourceExhausted, "Out of memory");
  } catch (const std::exception& error) {
    return Status::error(Code::kInternal, "%s", error.what());
  } catch (...) {
    return Status::error(Code::kInternal, "Unknown error");
  }
}

// A raw callback, for the four ways to run.
using Method = Status (*)(napi_env env, const Call& call, napi_value* result);
napi_value invoke(napi_env env, napi_callback_info info, Method method) noexcept;
template <Method kMethod>
napi_value callback(napi_env env, napi_callback_info info) noexcept {
  return invoke(env, info, kMethod);
}

// Whole numbers only: NaN, fractions and what does not fit are errors, where Node-API would give 0 or wrap around.
Status to_int32(napi_env env, napi_value value, int32_t* result);
Status to_int64(napi_env env, napi_value value, int64_t* result);
Status to_text(napi_env env, napi_value value, std::string* result);
bool is_nullish(napi_env env, napi_value value);
// The elements of an array; getters and proxies run here, before anything else is looked at.
class List {
 public:
  size_t size() const { return size_; }
  napi_value& operator[](size_t i) { return i < kInline ? few_[i] : many_[i - kInline]; }
  const napi_value& operator[](size_t i) const { return i < kInline ? few_[i] : many_[i - kInline]; }
  void resize(size_t size) {
    size_ = size;
    if (size > kInline) many_.resize(size - kInline);
  }

 private:
  static constexpr size_t kInline = 16;  // so that a hot call allocates nothing
  size_t size_ = 0;
  napi_value few_[kInline];
  std::vector<napi_value> many_;
};
Status to_list(napi_env env, napi_value value, size_t at_most, List* items);

// Memory of a typed array as it is now. Valid until JavaScript runs again.
struct Bytes {
  napi_typedarray_type type;
  void* data;
  int64_t bytes;
  bool shared;  // another thread may write it: copy before reading twice
};
Status to_bytes(napi_env env, napi_value value, Bytes* bytes);
// Of the element type that holds this dtype.
Status to_bytes_of(napi_env env, napi_value value, DType dtype, Bytes* bytes);
Status to_words(napi_env env, napi_value value, std::vector<int32_t>* words);
// {data: Uint8Array, offsets: Int32Array}
Status to_strings(napi_env env, napi_value value, Strings* strings);

// Fresh memory of V8's. Where there is none this is an error; napi_create_arraybuffer would end the process.
Status new_buffer(napi_env env, int64_t bytes, void** data, napi_value* buffer);

Status from_text(napi_env env, const std::string& text, napi_value* value);
Status from_number(napi_env env, double number, napi_value* value);
Status from_strings(napi_env env, const Strings& strings, int64_t count, napi_value* value);
// Defines it, so that no setter planted on a prototype runs.
Status set_property(napi_env env, napi_value object, const char* name, napi_value value);
Status set_number(napi_env env, napi_value object, const char* name, double number);

}  // namespace grafo
