// See convert.h.
#include "addon/convert.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "addon/environment.h"
#include "base/memory.h"

namespace grafo {
namespace {

const char* code_name(Code code) {
  static constexpr const char* kNames[] = {
      "OK",                  "CANCELLED",     "UNKNOWN",        "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED",   "NOT_FOUND",     "ALREADY_EXISTS", "PERMISSION_DENIED",
      "RESOURCE_EXHAUSTED",  "FAILED_PRECONDITION", "ABORTED",  "OUT_OF_RANGE",
      "UNIMPLEMENTED",       "INTERNAL",      "UNAVAILABLE",    "DATA_LOSS",
      "UNAUTHENTICATED"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "UNKNOWN";
}

bool holds(napi_typedarray_type type, DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return type == napi_float32_array;
    case DType::kFloat64:
      return type == napi_float64_array;
    case DType::kInt32:
      return type == napi_int32_array;
    case DType::kUint8:
    case DType::kBool:
      return type == napi_uint8_array || type == napi_uint8_clamped_array;
    case DType::kInt16:
      return type == napi_int16_array;
    case DType::kInt8:
      return type == napi_int8_array;
    case DType::kInt64:
      return type == napi_bigint64_array;
    case DType::kUint16:
      return type == napi_uint16_array;
    case DType::kUint32:
      return type == napi_uint32_array;
    case DType::kUint64:
      return type == napi_biguint64_array;
    case DType::kString:
      return false;
  }
  return false;
}

int64_t item_bytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    default:
      return 8;
  }
}

Status expected(const char* what) {
  return Status::error(Code::kInvalidArgument, "%s is expected", what);
}

}  // namespace

Status check(napi_env env, napi_status status) {
  if (status == napi_ok) return {};
  const napi_extended_error_info* info = nullptr;
  const char* text = nullptr;
  if (napi_get_last_error_info(env, &info) == napi_ok && info != nullptr) text = info->error_message;
  return Status::error(status == napi_pending_exception ? Code::kUnknown : Code::kInvalidArgument,
                       "%s", text != nullptr ? text : "Node-API call failed");
}

Status make_error(napi_env env, const Status& status, napi_value* error) {
  napi_value code, message, node;
  TRY(check(env, napi_create_string_utf8(env, code_name(status.code), NAPI_AUTO_LENGTH, &code)));
  TRY(check(env, napi_create_string_utf8(env, status.text, NAPI_AUTO_LENGTH, &message)));
  TRY(check(env, napi_create_error(env, code, message, error)));
  TRY(check(env, napi_create_int32(env, status.node, &node)));
  return set_property(env, *error, "node", node);
}

void throw_status(napi_env env, const Status& status) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) return;
  napi_value error;
  if (make_error(env, status, &error).ok()) (void)napi_throw(env, error);
}

bool take_exception(napi_env env, napi_value* thrown) {
  bool pending = false;
  return napi_is_exception_pending(env, &pending) == napi_ok && pending &&
         napi_get_and_clear_last_exception(env, thrown) == napi_ok;
}

napi_value invoke(napi_env env, napi_callback_info info, Method method) noexcept {
  Call call;
  size_t count = Call::kMaxArgs;
  napi_value result = nullptr;
  Status status =
      check(env, napi_get_cb_info(env, info, &count, call.args, &call.self, &call.data));
  if (status.ok()) status = guarded([&] { return method(env, call, &result); });
  if (status.ok()) return result;
  throw_status(env, status);
  return nullptr;
}

Status to_int32(napi_env env, napi_value value, int32_t* result) {
  int64_t wide = 0;
  TRY(to_int64(env, value, &wide));
  if (wide < std::numeric_limits<int32_t>::min() || wide > std::numeric_limits<int32_t>::max()) {
    return expected("A 32-bit integer");
  }
  *result = static_cast<int32_t>(wide);
  return {};
}

Status to_int64(napi_env env, napi_value value, int64_t* result) {
  constexpr double kMaxSafe = 9007199254740991.0;
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok || std::trunc(number) != number ||
      std::fabs(number) > kMaxSafe) {
    return expected("An integer");
  }
  *result = static_cast<int64_t>(number);
  return {};
}

Status to_text(napi_env env, napi_value value, std::string* result) {
  size_t bytes = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &bytes) != napi_ok) {
    return expected("A string");
  }
  result->resize(bytes + 1);
  TRY(check(env, napi_get_value_string_utf8(env, value, result->data(), bytes + 1, &bytes)));
  result->resize(bytes);
  return {};
}

bool is_nullish(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) != napi_ok || type == napi_undefined || type == napi_null;
}

Status to_list(napi_env env, napi_value value, size_t at_most, List* items) {
  uint32_t length = 0;
  if (napi_get_array_length(env, value, &length) != napi_ok) return expected("An array");
  if (length > at_most) return Status::error(Code::kInvalidArgument, "An array of %u items", length);
  items->resize(length);
  for (uint32_t i = 0; i < length; ++i) {
    TRY(check(env, napi_get_element(env, value, i, &(*items)[i])));
  }
  return {};
}

Status to_bytes(napi_env env, napi_value value, Bytes* bytes) {
  size_t length = 0;
  napi_value buffer;
  bytes->data = nullptr;
  // A type that this Node-API has no name for (Float16Array) leaves it as it is.
  constexpr auto kUnknown = static_cast<napi_typedarray_type>(15);
  bytes->type = kUnknown;
  if (napi_get_typedarray_info(env, value, &bytes->type, &length, &bytes->data, &buffer, nullptr) !=
      napi_ok) {
    return expected("A typed array");
  }
  if (bytes->type == kUnknown) return expected("A typed array of a known element type");
  bytes->bytes = static_cast<int64_t>(length) * item_bytes(bytes->type);
  bool plain = false;
  TRY(check(env, napi_is_arraybuffer(env, buffer, &plain)));
  bytes->shared = !plain;
  return {};
}

Status to_bytes_of(napi_env env, napi_value value, DType dtype, Bytes* bytes) {
  TRY(to_bytes(env, value, bytes));
  if (!holds(bytes->type, dtype)) {
    return Status::error(Code::kInvalidArgument, "The typed array's elements are not %s",
                         dtype_name(dtype));
  }
  return {};
}

Status to_words(napi_env env, napi_value value, std::vector<int32_t>* words) {
  Bytes bytes;
  TRY(to_bytes_of(env, value, DType::kInt32, &bytes));
  words->resize(static_cast<size_t>(bytes.bytes / 4));
  if (bytes.bytes > 0) std::memcpy(words->data(), bytes.data, static_cast<size_t>(bytes.bytes));
  return {};
}

Status to_strings(napi_env env, napi_value value, Strings* strings) {
  napi_value data_value, offsets_value;
  if (napi_get_named_property(env, value, "data", &data_value) != napi_ok ||
      napi_get_named_property(env, value, "offsets", &offsets_value) != napi_ok) {
    return expected("{data, offsets}");
  }
  std::vector<int32_t> offsets;
  TRY(to_words(env, offsets_value, &offsets));
  Bytes data;
  TRY(to_bytes_of(env, data_value, DType::kUint8, &data));
  if (offsets.empty() || offsets.front() != 0 || offsets.back() > data.bytes) {
    return Status::error(Code::kInvalidArgument, "Offsets of strings lie outside of their data");
  }
  for (size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] < offsets[i - 1]) {
      return Status::error(Code::kInvalidArgument, "Offsets of strings go back");
    }
  }
  strings->resize(offsets.size() - 1);
  const auto* start = static_cast<const char*>(data.data);
  for (size_t i = 0; i < strings->size(); ++i) {
    const auto length = static_cast<size_t>(offsets[i + 1] - offsets[i]);
    if (length > 0) (*strings)[i].assign(start + offsets[i], length);
  }
  return {};
}

Status new_buffer(napi_env env, int64_t bytes, void** data, napi_value* buffer) {
  constexpr int64_t kSmall = 64 << 10;
  if (bytes <= kSmall) {
    return check(env, napi_create_arraybuffer(env, static_cast<size_t>(bytes), data, buffer));
  }
  // `new ArrayBuffer(bytes)` throws where it finds no memory.
  const Environment* environment = Environment::get(env);
  napi_value constructor, length;
  if (environment == nullptr) return Status::error(Code::kInternal, "No environment");
  TRY(environment->array_buffer(env, &constructor));
  TRY(from_number(env, static_cast<double>(bytes), &length));
  size_t given = 0;
  if (napi_new_instance(env, constructor, 1, &length, buffer) != napi_ok) {
    napi_value thrown;
    (void)napi_get_and_clear_last_exception(env, &thrown);
    return Status::error(Code::kResourceExhausted, "No memory for a result of %lld bytes",
                         static_cast<long long>(bytes));
  }
  TRY(check(env, napi_get_arraybuffer_info(env, *buffer, data, &given)));
  if (given != static_cast<size_t>(bytes)) return expected("An ArrayBuffer");
  ask_huge_pages(*data, given);
  return {};
}

Status from_text(napi_env env, const std::string& text, napi_value* value) {
  return check(env, napi_create_string_utf8(env, text.data(), text.size(), value));
}

Status from_number(napi_env env, double number, napi_value* value) {
  return check(env, napi_create_double(env, number, value));
}

Status from_strings(napi_env env, const Strings& strings, int64_t count, napi_value* value) {
  const auto n = static_cast<size_t>(count);
  size_t total = 0;
  for (size_t i = 0; i < n; ++i) total += strings[i].size();
  if (total > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Status::error(Code::kResourceExhausted, "Fetched strings of more than 2 GB");
  }
  void* data = nullptr;
  void* offset_data = nullptr;
  napi_value buffer, offset_buffer, bytes, offsets;
  TRY(new_buffer(env, static_cast<int64_t>(total), &data, &buffer));
  TRY(new_buffer(env, static_cast<int64_t>((n + 1) * 4), &offset_data, &offset_buffer));
  auto* at = static_cast<int32_t*>(offset_data);
  size_t position = 0;
  for (size_t i = 0; i < n; ++i) {
    at[i] = static_cast<int32_t>(position);
    if (!strings[i].empty()) {
      std::memcpy(static_cast<char*>(data) + position, strings[i].data(), strings[i].size());
    }
    position += strings[i].size();
  }
  at[n] = static_cast<int32_t>(position);
  TRY(check(env, napi_create_typedarray(env, napi_uint8_array, total, buffer, 0, &bytes)));
  TRY(check(env, napi_create_typedarray(env, napi_int32_array, n + 1, offset_buffer, 0, &offsets)));
  TRY(check(env, napi_create_object(env, value)));
  TRY(set_property(env, *value, "data", bytes));
  return set_property(env, *value, "offsets", offsets);
}

Status set_property(napi_env env, napi_value object, const char* name, napi_value value) {
  const napi_property_descriptor property{name,    nullptr, nullptr, nullptr,
                                          nullptr, value,   napi_default_jsproperty, nullptr};
  return check(env, napi_define_properties(env, object, 1, &property));
}

Status set_number(napi_env env, napi_value object, const char* name, double number) {
  napi_value value;
  TRY(from_number(env, number, &value));
  return set_property(env, object, name, value);
}

}  // namespace grafo
