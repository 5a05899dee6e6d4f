// The device's queues beside the one that computes, marks between them, and pinned memory.
#include "cuda/queues.h"

#include <new>

namespace grafo::cuda {
namespace {

Device& as_device(void* instance) { return *static_cast<Device*>(instance); }
cudaEvent_t as_event(Mark* mark) { return reinterpret_cast<cudaEvent_t>(mark); }

Status stream_of(Device& device, Queue queue, cudaStream_t* stream) {
  if (queue == Queue::kCompute) {
    *stream = device.stream;
    return {};
  }
  cudaStream_t& own = queue == Queue::kUpload ? device.upload : device.download;
  if (own == nullptr) TRY(check(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking), "a stream"));
  *stream = own;
  return {};
}

// Sessions come and go; every context of this process may read it.
Status allocate_pinned(size_t bytes, void** memory) {
  return check(cudaHostAlloc(memory, bytes == 0 ? 1 : bytes, cudaHostAllocPortable), "pinned memory");
}

void release_pinned(void* memory) { (void)cudaFreeHost(memory); }

Status copy(void* instance, Queue queue, Way way, void* to, const void* from, size_t bytes) {
  if (bytes == 0) return {};
  cudaStream_t stream;
  TRY(stream_of(as_device(instance), queue, &stream));
  switch (way) {
    case Way::kToDevice:
      return check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream), "a copy to the device");
    case Way::kToHost:
      return check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "a copy to the host");
    case Way::kWithin:
      return check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream), "a copy on the device");
  }
  return Status::error(Code::kInternal, "No such way to copy");
}

Status make_mark(void*, Mark** mark) {
  cudaEvent_t event = nullptr;
  TRY(check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event"));
  *mark = reinterpret_cast<Mark*>(event);
  return {};
}

void destroy_mark(void*, Mark* mark) { (void)cudaEventDestroy(as_event(mark)); }

Status set_mark(void* instance, Queue queue, Mark* mark) {
  cudaStream_t stream;
  TRY(stream_of(as_device(instance), queue, &stream));
  return check(cudaEventRecord(as_event(mark), stream), "an event");
}

Status follow(void* instance, Queue queue, Mark* mark) {
  cudaStream_t stream;
  TRY(stream_of(as_device(instance), queue, &stream));
  return check(cudaStreamWaitEvent(stream, as_event(mark), 0), "a wait of the device");
}

Status reach(void*, Mark* mark) { return check(cudaEventSynchronize(as_event(mark)), "a run"); }

Status note_faults(void* instance, int32_t place) {
  Device& device = as_device(instance);
  TRY(device.note(place, true));
  device.faulty.clear();
  return {};
}

Status verdict(void* instance, int32_t place) { return as_device(instance).verdict(place); }
Status drain(void* instance) { return as_device(instance).drain(); }
int64_t used_bytes(void* instance) { return as_device(instance).memory_used; }

}  // namespace

const DeviceCalls kDeviceCalls = {
    .version = kDeviceCallsVersion,
    .allocate_pinned = allocate_pinned,
    .release_pinned = release_pinned,
    .copy = copy,
    .make_mark = make_mark,
    .destroy_mark = destroy_mark,
    .set_mark = set_mark,
    .follow = follow,
    .reach = reach,
    .note_faults = note_faults,
    .verdict = verdict,
    .drain = drain,
    .used_bytes = used_bytes,
};

}  // namespace grafo::cuda
