// What the CUDA backend does beside the contract of every backend.
#pragma once
#include "cuda/device.h"
#include "runtime/device_calls.h"

namespace grafo::cuda {

extern const DeviceCalls kDeviceCalls;

}  // namespace grafo::cuda
