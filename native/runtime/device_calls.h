// What only a device with memory of its own can do, beside the contract of every backend: pinned memory of the host, three queues of
// work with marks between them, and runs that are queued without waiting for the ones before.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace grafo {

constexpr int32_t kDeviceCallsVersion = 1;

// Where work waits: each queue does its work in turn, and none waits for another but by a mark. Steps are queued in kCompute.
enum class Queue : int32_t { kCompute, kUpload, kDownload };
enum class Way : int32_t { kToDevice, kToHost, kWithin };
// A place in a queue, once work has come to it.
struct Mark;

// Runs that may be queued at a time, and so the places of what they find wrong.
constexpr int32_t kMostQueued = 16;

struct DeviceCalls {
  int32_t version;  // kDeviceCallsVersion

  // Memory of the host that the device copies from and to by itself. Nothing that is queued may still use what is released.
  Status (*allocate_pinned)(size_t bytes, void** memory);
  void (*release_pinned)(void* memory);

  // Returns at once; the host's side must be pinned.
  Status (*copy)(void* instance, Queue queue, Way way, void* to, const void* from, size_t bytes);
  Status (*make_mark)(void* instance, Mark** mark);
  void (*destroy_mark)(void* instance, Mark* mark);
  Status (*set_mark)(void* instance, Queue queue, Mark* mark);  // behind what is in the queue now
  Status (*follow)(void* instance, Queue queue, Mark* mark);    // what comes into the queue from now on waits for the mark
  Status (*reach)(void* instance, Mark* mark);                  // the host waits

  // Notes behind a queued run what its steps found wrong, at one of kMostQueued places. When the host knows that this was done, `verdict`
  // tells the first of it. From a fault on no queued run writes a variable, until `drain`.
  Status (*note_faults)(void* instance, int32_t place);
  Status (*verdict)(void* instance, int32_t place);
  // Waits for all queues, and forgets faults.
  Status (*drain)(void* instance);

  // Of the device's memory, by this instance.
  int64_t (*used_bytes)(void* instance);
};

}  // namespace grafo
