// ArrayBuffers over pinned memory: the only external ones.
#pragma once
#include <node_api.h>

#include <cstdint>

#include "base/status.h"

namespace grafo {

// Zeros that a GPU copies from by itself, and the buffer over them. Both stay null where there is no GPU, no such memory left, or a host that allows no
// external memory: ordinary memory does as well.
Status new_pinned_buffer(napi_env env, int64_t bytes, void** memory, napi_value* buffer);

}  // namespace grafo
