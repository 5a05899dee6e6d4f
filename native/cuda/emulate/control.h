// What tests ask of the emulated device.
#pragma once
#include <cstdint>
#include <string>

namespace emulate {

struct Counts {
  int64_t launches = 0, graph_launches = 0;
  int64_t device_blocks = 0, pinned_blocks = 0;  // allocations that are not freed
  int64_t libraries = 0;                         // that are not unloaded
};
Counts counts();
void count_libraries(int64_t more);
// The nth allocation (launch) from now on fails; 0 switches it off.
void fail_allocation(int64_t nth);
void fail_launch(int64_t nth);
void set_device(bool present);

}  // namespace emulate
