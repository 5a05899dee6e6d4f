// Pinned memory of the host: what a device copies from and to by itself. Who has an address may ask whether it is pinned.
#pragma once
#include <cstddef>

#include "runtime/device_calls.h"

namespace grafo {

Status allocate_pinned(const DeviceCalls& calls, size_t bytes, void** memory);
void release_pinned(const DeviceCalls& calls, void* memory);
// Whether these bytes lie in memory of allocate_pinned.
bool is_pinned(const void* data, size_t bytes);

}  // namespace grafo
