// See pinned_buffer.h.
#include "addon/pinned_buffer.h"

#include <cstring>

#include "addon/convert.h"
#include "addon/session_object.h"
#include "runtime/pinned.h"

namespace grafo {
namespace {

// Called once when the buffer is collected or its environment ends, after every synchronous run that has read it: async runs copy.
void release(napi_env, void* data, void* calls) { release_pinned(*static_cast<const DeviceCalls*>(calls), data); }

}  // namespace

Status new_pinned_buffer(napi_env env, int64_t bytes, void** memory, napi_value* buffer) {
  const Engine* engine = nullptr;
  void* data = nullptr;
  if (bytes == 0 || !own_cuda_engine(&engine).ok()) return {};
  const DeviceCalls* calls = engine->backend().calls;
  if (calls == nullptr || calls->version != kDeviceCallsVersion) return {};
  if (!allocate_pinned(*calls, static_cast<size_t>(bytes), &data).ok()) return {};
  std::memset(data, 0, static_cast<size_t>(bytes));
  const napi_status made = napi_create_external_arraybuffer(env, data, static_cast<size_t>(bytes), release,
                                                            const_cast<DeviceCalls*>(calls), buffer);
  if (made == napi_ok) {
    *memory = data;
    return {};
  }
  release_pinned(*calls, data);
  *buffer = nullptr;
  return made == napi_no_external_buffers_allowed ? Status() : check(env, made);
}

}  // namespace grafo
