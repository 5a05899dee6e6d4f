// What kernels found wrong: read when a run is over, or noted behind each of several queued runs.
#include "cuda/device.h"

namespace grafo::cuda {
namespace {

// At a place lies first whether anything failed, then the fault of each step that was asked.
size_t stride(size_t most) { return most + 1; }

}  // namespace

Status Device::make_room(size_t faults) {
  if (told != nullptr && faults <= most_told) return {};
  TRY(wait());  // what is queued may write where the old ones lie
  if (told != nullptr) (void)cudaFreeHost(told);
  told = nullptr;
  const size_t most = faults < 8 ? 8 : 2 * faults;
  void* memory = nullptr;
  TRY(check(cudaHostAlloc(&memory, (kMostQueued + 1) * stride(most) * sizeof(Fault), cudaHostAllocDefault),
            "pinned memory"));
  told = static_cast<Fault*>(memory);
  most_told = most;
  return {};
}

Status Device::note(int32_t place, bool details) {
  std::vector<PreparedStep*>& list = asked[static_cast<size_t>(place)];
  list.assign(faulty.begin(), faulty.end());
  if (list.empty()) return {};
  TRY(make_room(list.size()));  // more than prepared steps only where some ran more than once
  Fault* at = told + static_cast<size_t>(place) * stride(most_told);
  TRY(check(cudaMemcpyAsync(at, failed, sizeof *failed, cudaMemcpyDeviceToHost, stream), "a copy to the host"));
  for (size_t i = 0; details && i < list.size(); ++i) {
    TRY(check(cudaMemcpyAsync(at + 1 + i, list[i]->fault, sizeof(Fault), cudaMemcpyDeviceToHost, stream),
              "a copy to the host"));
  }
  return {};
}

Status Device::verdict(int32_t place) {
  const std::vector<PreparedStep*>& list = asked[static_cast<size_t>(place)];
  if (list.empty()) return {};
  const Fault* at = told + static_cast<size_t>(place) * stride(most_told);
  unsigned any = 0;
  std::memcpy(&any, at, sizeof any);
  for (size_t i = 0; any != 0 && i < list.size(); ++i) {
    if (at[1 + i].first == kNoFault) continue;
    const Status status = list[i]->explain(at[1 + i]);
    return status.at(list[i]->node);
  }
  return any == 0 ? Status() : Status::error(Code::kInternal, "A kernel failed and does not say why");
}

Status Device::settle() {
  constexpr int32_t kPlace = kMostQueued;  // the one beside the queued runs'
  TRY(note(kPlace, false));
  faulty.clear();
  TRY(check(cudaStreamSynchronize(stream), "a run"));
  if (asked[kPlace].empty()) return {};
  unsigned any = 0;
  std::memcpy(&any, told + static_cast<size_t>(kPlace) * stride(most_told), sizeof any);
  if (any == 0) return {};
  faulty = asked[kPlace];
  const Status noted = note(kPlace, true);
  faulty.clear();
  TRY(noted);
  TRY(check(cudaMemsetAsync(failed, 0, sizeof *failed, stream), "a memset"));
  TRY(check(cudaStreamSynchronize(stream), "a run"));
  return verdict(kPlace);
}

Status Device::wait() {
  Status status;
  for (const cudaStream_t queue : {stream, upload, download}) {
    if (queue == nullptr) continue;
    const Status waited = check(cudaStreamSynchronize(queue), "a run");
    if (status.ok()) status = waited;
  }
  return status;
}

Status Device::drain() {
  faulty.clear();
  TRY(wait());
  TRY(check(cudaMemsetAsync(failed, 0, sizeof *failed, stream), "a memset"));
  return check(cudaStreamSynchronize(stream), "a run");
}

}  // namespace grafo::cuda
