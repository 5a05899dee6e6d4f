// What tests ask of the emulated device.
#pragma once
#include <cstdint>

namespace emulate {

struct Counts {
  int64_t launches = 0, graph_launches = 0, copies = 0;
  int64_t syncs = 0;  // how often the host has waited
  int64_t device_blocks = 0, device_bytes = 0, pinned_blocks = 0, streams = 0, events = 0, graphs = 0,
          libraries = 0;  // that are not freed
};
Counts counts();
void count_libraries(int64_t more);

// What may fail on demand.
enum class Call { kAllocation, kLaunch, kCopy, kCapture, kInstantiate, kGraphLaunch, kEvent, kStream, kCount };
// The nth such call from now on fails, and all later ones if `forever`; 0 switches it off. Whether what was asked for before came.
bool fail(Call call, int64_t nth, bool forever);
// The nth piece of work that is done from now on makes the device unusable, as a wrong address does: every call then answers the
// same error. 0 brings it back.
void lose(int64_t nth);
// The streams' lots are drawn from here on.
void seed(uint64_t value);

// Who does not wait for events: tests show so that they would find a wait that is missing.
enum class Deaf { kNobody, kStreams, kHost };
void set_deaf(Deaf deaf);

enum class Presence { kNoDevice, kPresent, kOldDriver, kNoDriver };
void set_presence(Presence presence);

}  // namespace emulate
