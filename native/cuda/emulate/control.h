// What tests ask of the emulated device.
#pragma once
#include <cstdint>
#include <string>

namespace emulate {

struct Counts {
  int64_t launches = 0, graph_launches = 0;
  int64_t device_blocks = 0, pinned_blocks = 0;  // allocations that are not freed
};
Counts counts();
// The nth allocation (launch) from now on fails; 0 switches it off.
void fail_allocation(int64_t nth);
void fail_launch(int64_t nth);
void set_device(bool present);

}  // namespace emulate
