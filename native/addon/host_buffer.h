// Memory of JavaScript's that calls name by a number: a feed or a result in it needs no typed array to be taken apart.
#pragma once
#include <node_api.h>

#include <cstdint>
#include <vector>

#include "base/status.h"

namespace grafo {

struct HostMemory {
  void* data = nullptr;
  int64_t bytes = 0;
};

// Of one environment. A number is valid while its buffer is not collected; whoever uses it holds the buffer, and has seen that its memory
// was not taken away.
class HostBuffers {
 public:
  int32_t add(HostMemory memory);
  void remove(int32_t number);
  HostMemory find(int32_t number) const {
    return static_cast<size_t>(number) < list_.size() ? list_[static_cast<size_t>(number)] : HostMemory{};
  }

 private:
  std::vector<HostMemory> list_;  // by number
  std::vector<int32_t> free_;
};

// A buffer of zeros, where in it an array of so many bytes begins on a line of the cache, and the array's number. `pinned`: by the GPU,
// where there is one.
Status new_host_buffer(napi_env env, int64_t bytes, bool pinned, napi_value* buffer, int64_t* offset, int32_t* number);

}  // namespace grafo
