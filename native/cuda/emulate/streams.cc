// The emulated device's memory, streams, events and graphs, and failures on demand. See cuda_runtime.h.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cuda/emulate/control.h"
#include "cuda_runtime.h"

namespace emulate {

// How often it was recorded, and how far the device has come.
struct Progress {
  int64_t recorded = 0, reached = 0;
};
struct Event {
  std::shared_ptr<Progress> progress = std::make_shared<Progress>();
};
using Function = std::function<void()>;
struct Work {
  Function run;                                  // or, where it is empty:
  std::shared_ptr<Progress> records, waits_for;  // one of them
  int64_t number = 0;                            // that the event then has, or must have
};
struct Stream {
  std::deque<Work> queue;
  Graph* capture = nullptr;
};
struct Graph {
  std::vector<Function> nodes;
};

namespace {

// Everything below is behind it, and work is done under it.
std::mutex g_mutex;
using Blocks = std::map<uintptr_t, size_t>;
Blocks& device_memory() {
  static auto* memory = new Blocks();
  return *memory;
}
Blocks& pinned_memory() {
  static auto* memory = new Blocks();
  return *memory;
}
std::vector<Stream*>& streams() {
  static auto* all = new std::vector<Stream*>();
  return *all;
}
Counts g_counts;
struct Failure {
  int64_t nth = 0;
  bool forever = false, came = false;
} g_failures[static_cast<size_t>(Call::kCount)];
int64_t g_lose = 0;
Deaf g_deaf = Deaf::kNobody;
cudaError_t g_lost = cudaSuccess;
Presence g_presence = Presence::kPresent;
uint64_t g_lots = 1;
Stream* g_favourite = nullptr;

constexpr size_t kMemory = size_t{4} << 30;

bool fails(Call call) {
  Failure& failure = g_failures[static_cast<size_t>(call)];
  if (failure.nth == 0 || --failure.nth > 0) return false;
  if (failure.forever) failure.nth = 1;
  failure.came = true;
  return true;
}

uint64_t draw_lot() {
  g_lots ^= g_lots << 13;
  g_lots ^= g_lots >> 7;
  g_lots ^= g_lots << 17;
  return g_lots;
}

bool lies_in(const Blocks& memory, const void* address, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  auto found = memory.upper_bound(at);
  if (found == memory.begin()) return false;
  --found;
  return at + bytes <= found->first + found->second;
}

bool can_go_on(const Stream& stream) {
  if (stream.queue.empty()) return false;
  const Work& work = stream.queue.front();
  return work.waits_for == nullptr || work.waits_for->reached >= work.number;
}

// One piece of work of one stream; false where every stream waits for another. A stream is likely to go on for a while, so that
// others fall behind.
bool go_on() {
  std::vector<Stream*> able;
  for (Stream* stream : streams()) {
    if (can_go_on(*stream)) able.push_back(stream);
  }
  if (able.empty()) return false;
  Stream* stream = able[draw_lot() % able.size()];
  if (draw_lot() % 4 != 0 && std::find(able.begin(), able.end(), g_favourite) != able.end()) stream = g_favourite;
  g_favourite = stream;
  const Work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (g_lose > 0 && --g_lose == 0) g_lost = cudaErrorIllegalAddress;
  if (g_lost != cudaSuccess) return true;
  if (work.run) work.run();
  if (work.records != nullptr && work.records->reached < work.number) work.records->reached = work.number;
  return true;
}

cudaError_t finish(const Stream* stream) {
  while (!stream->queue.empty() && g_lost == cudaSuccess) {
    if (!go_on()) return cudaErrorUnknown;  // a deadlock
  }
  return g_lost;
}
cudaError_t finish_all() {
  for (Stream* stream : streams()) {
    if (const cudaError_t error = finish(stream); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

void add(Stream* stream, Function run) {
  if (stream->capture != nullptr) stream->capture->nodes.push_back(std::move(run));
  else stream->queue.push_back({std::move(run), nullptr, nullptr, 0});
}

cudaError_t take(Blocks& memory, void** at, size_t bytes) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  if (fails(Call::kAllocation) || posix_memalign(at, 256, bytes == 0 ? 1 : bytes) != 0) return cudaErrorMemoryAllocation;
  std::memset(*at, 0xa5, bytes);  // what nobody wrote is no number that looks right
  memory[reinterpret_cast<uintptr_t>(*at)] = bytes;
  return cudaSuccess;
}
cudaError_t give(Blocks& memory, void* at, bool waits) {
  if (at == nullptr) return cudaSuccess;
  const std::lock_guard<std::mutex> lock(g_mutex);
  const cudaError_t error = waits ? finish_all() : g_lost;
  if (memory.erase(reinterpret_cast<uintptr_t>(at)) != 1) return cudaErrorInvalidValue;
  std::free(at);
  return error;
}

}  // namespace

cudaError_t enqueue_launch(const cudaLaunchConfig_t& config, std::function<void()> thread) {
  const dim3 grid = config.gridDim, block = config.blockDim;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || threads == 0 || threads > 1024 ||
      config.dynamicSmemBytes > kDynamicShared || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
    return cudaErrorInvalidValue;
  }
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  ++g_counts.launches;
  if (fails(Call::kLaunch)) return cudaErrorLaunchOutOfResources;
  add(config.stream, [grid, block, thread = std::move(thread)] { run_grid(grid, block, thread); });
  return cudaSuccess;
}

Counts counts() {
  const std::lock_guard<std::mutex> lock(g_mutex);
  Counts now = g_counts;
  now.device_blocks = static_cast<int64_t>(device_memory().size());
  for (const auto& [at, bytes] : device_memory()) now.device_bytes += static_cast<int64_t>(bytes);
  now.pinned_blocks = static_cast<int64_t>(pinned_memory().size());
  now.streams = static_cast<int64_t>(streams().size());
  return now;
}
void count_libraries(int64_t more) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  g_counts.libraries += more;
}
bool fail(Call call, int64_t nth, bool forever) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  return std::exchange(g_failures[static_cast<size_t>(call)], {nth, forever, false}).came;
}
void lose(int64_t nth) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  g_lose = nth;
  if (nth == 0) g_lost = cudaSuccess;
}
void seed(uint64_t value) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  g_lots = value * 0x9e3779b97f4a7c15u | 1;
}
void set_deaf(Deaf deaf) { g_deaf = deaf; }
void set_presence(Presence presence) { g_presence = presence; }

}  // namespace emulate

using namespace emulate;

// For tests that know the library only by its file.
extern "C" __attribute__((visibility("default"))) void grafo_emulate(const char* what, int64_t nth, bool forever,
                                                                     int64_t* result) {
  const std::string word = what;
  constexpr const char* kCalls[] = {"allocation", "launch", "copy", "capture", "instantiate", "graph launch", "event", "stream"};
  for (size_t call = 0; call < static_cast<size_t>(Call::kCount); ++call) {
    if (word == std::string("fail ") + kCalls[call]) *result = fail(static_cast<Call>(call), nth, forever);
  }
  if (word == "lose") lose(nth);
  if (word == "seed") seed(static_cast<uint64_t>(nth));
  if (word == "deaf") set_deaf(static_cast<Deaf>(nth));
  if (word == "presence") set_presence(static_cast<Presence>(nth));
  const Counts now = counts();
  const std::pair<const char*, int64_t> all[] = {
      {"launches", now.launches},         {"graph launches", now.graph_launches}, {"copies", now.copies},
      {"syncs", now.syncs},               {"device blocks", now.device_blocks},   {"device bytes", now.device_bytes},
      {"pinned blocks", now.pinned_blocks}, {"streams", now.streams},             {"events", now.events},
      {"graphs", now.graphs},             {"libraries", now.libraries}};
  for (const auto& [name, count] : all) {
    if (word == name) *result = count;
  }
}

// For libraries that are written for the emulated device: work of theirs in a stream, and whether addresses are the device's.
extern "C" __attribute__((visibility("default"))) void grafo_emulate_enqueue(void* stream, void (*run)(void*),
                                                                             void (*release)(void*), void* data) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  add(static_cast<Stream*>(stream), [run, held = std::shared_ptr<void>(data, release)] { run(held.get()); });
}
extern "C" __attribute__((visibility("default"))) int32_t grafo_emulate_memory(const void* address, size_t bytes) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  return lies_in(device_memory(), address, bytes) ? 1 : 0;
}

namespace {

cudaError_t presence() {
  if (g_presence == Presence::kPresent) return g_lost;
  return g_presence == Presence::kNoDevice ? cudaErrorNoDevice : cudaErrorInsufficientDriver;
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  *count = g_presence == Presence::kPresent ? 1 : 0;
  return presence();
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? presence() : cudaErrorInvalidDevice; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (const cudaError_t error = presence(); error != cudaSuccess) return error;
  if (device != 0) return cudaErrorInvalidDevice;
  *properties = {};
  std::strcpy(properties->name, "emulated on the host");
  properties->totalGlobalMem = kMemory;
  properties->multiProcessorCount = 2;
  properties->major = 9;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = g_presence == Presence::kNoDriver ? 0 : g_presence == Presence::kOldDriver ? 11040 : 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = kMemory - static_cast<size_t>(counts().device_bytes);
  *total = kMemory;
  return g_lost;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) { return take(device_memory(), memory, bytes); }
// Waits for all that may use it; cudaFreeHost promises nothing.
cudaError_t cudaFree(void* memory) { return give(device_memory(), memory, true); }
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) { return take(pinned_memory(), memory, bytes); }
cudaError_t cudaFreeHost(void* memory) { return give(pinned_memory(), memory, false); }

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  ++g_counts.copies;
  if (fails(Call::kCopy)) return cudaErrorInvalidValue;
  const bool to_device = lies_in(device_memory(), to, bytes), from_device = lies_in(device_memory(), from, bytes);
  const bool pinned = lies_in(pinned_memory(), to_device ? from : to, bytes);
  const bool wants_to = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool wants_from = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (bytes > 0 && kind != cudaMemcpyDefault && (to_device != wants_to || from_device != wants_from)) {
    return cudaErrorInvalidValue;
  }
  const bool pageable = to_device != from_device && !pinned;
  if (pageable && stream->capture != nullptr) return cudaErrorStreamCaptureUnsupported;
  if (pageable && to_device) {
    const auto* bytes_from = static_cast<const unsigned char*>(from);
    add(stream, [to, held = std::vector<unsigned char>(bytes_from, bytes_from + bytes)] {
      std::memcpy(to, held.data(), held.size());
    });
    return cudaSuccess;
  }
  add(stream, [to, from, bytes] { std::memmove(to, from, bytes); });
  if (!pageable) return cudaSuccess;
  ++g_counts.syncs;
  return finish(stream);
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  if (!lies_in(device_memory(), memory, bytes)) return cudaErrorInvalidValue;
  add(stream, [memory, value, bytes] { std::memset(memory, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  if (fails(Call::kStream)) return cudaErrorMemoryAllocation;
  *stream = new Stream();
  streams().push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  const cudaError_t error = finish(stream);
  std::erase(streams(), stream);
  if (g_favourite == stream) g_favourite = nullptr;
  delete stream->capture;
  delete stream;
  return error;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (stream->capture != nullptr) return cudaErrorStreamCaptureUnsupported;
  ++g_counts.syncs;
  return finish(stream);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  if (stream->capture != nullptr) return cudaErrorStreamCaptureUnsupported;
  if (g_deaf != Deaf::kStreams) stream->queue.push_back({{}, nullptr, event->progress, event->progress->recorded});
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  if (fails(Call::kEvent)) return cudaErrorMemoryAllocation;
  *event = new Event();
  ++g_counts.events;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  --g_counts.events;
  delete event;
  return g_lost;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  if (stream->capture != nullptr) return cudaErrorStreamCaptureUnsupported;
  stream->queue.push_back({{}, event->progress, nullptr, ++event->progress->recorded});
  return cudaSuccess;
}
// Work that the event does not stand for may well be done before it.
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  ++g_counts.syncs;
  if (g_deaf == Deaf::kHost) return g_lost;
  while (event->progress->reached < event->progress->recorded && g_lost == cudaSuccess) {
    if (!go_on()) return cudaErrorUnknown;
  }
  return g_lost;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  if (stream->capture != nullptr || fails(Call::kCapture)) return cudaErrorStreamCaptureUnsupported;
  stream->capture = new Graph();
  ++g_counts.graphs;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  *graph = stream->capture;
  stream->capture = nullptr;
  if (g_lost != cudaSuccess || fails(Call::kCapture)) {  // a capture that was spoilt leaves no graph
    if (*graph != nullptr) --g_counts.graphs;
    delete *graph;
    *graph = nullptr;
    return g_lost != cudaSuccess ? g_lost : cudaErrorStreamCaptureUnsupported;
  }
  return *graph == nullptr ? cudaErrorInvalidValue : cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  if (fails(Call::kInstantiate)) return cudaErrorMemoryAllocation;
  *exec = new Graph(*graph);
  ++g_counts.graphs;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (g_lost != cudaSuccess) return g_lost;
  ++g_counts.graph_launches;
  if (fails(Call::kGraphLaunch)) return cudaErrorLaunchOutOfResources;
  for (const auto& node : exec->nodes) add(stream, node);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  --g_counts.graphs;
  delete graph;
  return g_lost;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return cudaGraphDestroy(exec); }

cudaError_t cudaGetLastError() { return g_lost; }
const char* cudaGetErrorName(cudaError_t error) {
#define GRAFO_NAME(name) \
  case name:             \
    return #name;
  switch (error) {
    GRAFO_NAME(cudaSuccess)
    GRAFO_NAME(cudaErrorInvalidValue)
    GRAFO_NAME(cudaErrorMemoryAllocation)
    GRAFO_NAME(cudaErrorInsufficientDriver)
    GRAFO_NAME(cudaErrorNoDevice)
    GRAFO_NAME(cudaErrorInvalidDevice)
    GRAFO_NAME(cudaErrorInvalidKernelImage)
    GRAFO_NAME(cudaErrorIllegalAddress)
    GRAFO_NAME(cudaErrorLaunchOutOfResources)
    GRAFO_NAME(cudaErrorLaunchFailure)
    GRAFO_NAME(cudaErrorStreamCaptureUnsupported)
    default:
      return "cudaErrorUnknown";
  }
#undef GRAFO_NAME
}
const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }
