// See host_buffer.h.
#include "addon/host_buffer.h"

#include <memory>

#include "addon/convert.h"
#include "addon/environment.h"
#include "addon/pinned_buffer.h"

namespace grafo {
namespace {

struct Numbered {
  std::shared_ptr<HostBuffers> buffers;  // the environment may be gone before the buffer
  int32_t number;
};

void forget(napi_env, void* data, void*) {
  const std::unique_ptr<Numbered> numbered(static_cast<Numbered*>(data));
  numbered->buffers->remove(numbered->number);
}

}  // namespace

int32_t HostBuffers::add(HostMemory memory) {
  if (free_.empty()) {
    list_.push_back(memory);
    free_.reserve(list_.size());  // remove() must not fail
    return static_cast<int32_t>(list_.size()) - 1;
  }
  const int32_t number = free_.back();
  free_.pop_back();
  list_[static_cast<size_t>(number)] = memory;
  return number;
}

void HostBuffers::remove(int32_t number) {
  list_[static_cast<size_t>(number)] = {};
  free_.push_back(number);
}

// V8's own memory is aligned to 16, and a vector in two lines costs a second load. A buffer and where in it, no typed array: one over it
// could be too long for V8, which is no error there but the end of the process.
Status new_host_buffer(napi_env env, int64_t bytes, bool pinned, napi_value* buffer, int64_t* offset, int32_t* number) {
  const Environment* const environment = Environment::get(env);
  if (environment == nullptr) return Status::error(Code::kInternal, "No environment");
  void* data = nullptr;
  *offset = 0;
  if (pinned) TRY(new_pinned_buffer(env, bytes, &data, buffer));
  if (*buffer == nullptr) {
    TRY(new_buffer(env, bytes + static_cast<int64_t>(kAlignment), &data, buffer));
    *offset = static_cast<int64_t>(-reinterpret_cast<uintptr_t>(data) % kAlignment);
  }
  const std::shared_ptr<HostBuffers>& buffers = environment->host_buffers();
  auto numbered = std::make_unique<Numbered>(Numbered{buffers, buffers->add({static_cast<char*>(data) + *offset, bytes})});
  *number = numbered->number;
  if (const Status status = check(env, napi_add_finalizer(env, *buffer, numbered.get(), forget, nullptr, nullptr)); !status.ok()) {
    buffers->remove(*number);
    return status;
  }
  (void)numbered.release();
  return {};
}

}  // namespace grafo
