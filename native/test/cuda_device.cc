// See cuda_device.h.
#include "test/cuda_device.h"

#include <dirent.h>
#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>

namespace grafo::test::cuda {

namespace {
constexpr char kEmulated[] = GRAFO_TEST_LIBRARIES "/grafo_cuda_emulated.so";
constexpr char kCompiler[] = GRAFO_TEST_LIBRARIES "/fake_cuda/libnvrtc.so.13";
}  // namespace

bool is_built() {
#if defined(GRAFO_SANITIZED)
  std::printf("skipped: the emulated CUDA device, whose library knows no sanitizer\n");
  return false;
#endif
  if (access(kEmulated, F_OK) == 0 && access(kCompiler, F_OK) == 0) return true;
  std::printf("skipped: the emulated CUDA device is not built (cmake --build build --target grafo_cuda_emulated)\n");
  return false;
}

Environment::Environment(const char* name, const std::string& value) : name_(name) {
  const char* const before = std::getenv(name);
  was_set_ = before != nullptr;
  if (was_set_) before_ = before;
  setenv(name, value.c_str(), 1);
}
Environment::~Environment() {
  if (was_set_) setenv(name_.c_str(), before_.c_str(), 1);
  else unsetenv(name_.c_str());
}

Folder::Folder() {
  char path[] = "/tmp/grafo-test-XXXXXX";
  path_ = mkdtemp(path) != nullptr ? path : "";
}
Folder::~Folder() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}
std::vector<std::string> Folder::files(const std::string& inner) const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_ + "/" + inner, error)) names.push_back(entry.path());
  std::sort(names.begin(), names.end());
  return names;
}

EmulatedDevice::EmulatedDevice() {
  const Folder folder;
  const std::string copy = folder.path() + "/emulated.so";
  std::error_code error;
  std::filesystem::copy_file(kEmulated, copy, error);
  library_ = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto entry = library_ == nullptr ? nullptr : reinterpret_cast<BackendEntry>(dlsym(library_, "grafo_backend"));
  if (entry != nullptr) backend_ = entry();
  else std::fprintf(stderr, "%s\n", dlerror());
}
EmulatedDevice::~EmulatedDevice() = default;  // stays loaded, as in a process

Counts EmulatedDevice::counts() const {
  Counts counts{};
  const auto ask = reinterpret_cast<const char* (*)(int64_t*)>(dlsym(library_, "grafo_cuda_tapes"));
  ask(&counts.compiled);
  return counts;
}
std::string EmulatedDevice::told() const {
  int64_t counts[5];
  return reinterpret_cast<const char* (*)(int64_t*)>(dlsym(library_, "grafo_cuda_tapes"))(counts);
}
int64_t EmulatedDevice::loaded_libraries() const {
  int64_t count = -1;
  reinterpret_cast<void (*)(const char*, int64_t, bool, int64_t*)>(dlsym(library_, "grafo_emulate"))("libraries", 0, false,
                                                                                                   &count);
  return count;
}

Status EmulatedDevice::run(const tape::Step& step, int64_t shift, int times) const {
  tape::Host host;
  host.services.cpu = grafo_backend();
  void* instance = nullptr;
  PreparedStep* prepared = nullptr;
  Status status = step.prepare(host, &instance, &prepared, *backend_);
  std::vector<void*> host_memory = step.buffers(), memory;
  std::vector<std::pair<void*, size_t>> taken;
  std::vector<tape::Value*> values = step.inputs;
  values.insert(values.end(), step.outputs.begin(), step.outputs.end());
  std::vector<size_t> bytes;
  for (size_t i = 0; status.ok() && i < values.size(); ++i) {
    bytes.push_back(static_cast<size_t>(values[i]->desc.size) * item_size(values[i]->desc.dtype));
    void* at = nullptr;
    for (size_t j = 0; j < i; ++j)
      if (host_memory[j] == host_memory[i]) at = memory[j];
    if (at == nullptr) {
      const size_t shifted = static_cast<size_t>(shift) * item_size(values[i]->desc.dtype);
      status = backend_->allocate(instance, bytes[i] + shifted, &at);
      if (!status.ok()) break;
      taken.push_back({at, bytes[i] + shifted});
      at = static_cast<char*>(at) + shifted;
      status = backend_->copy_from_host(instance, at, host_memory[i], bytes[i]);
    }
    memory.push_back(at);
  }
  RunContext context{};
  context.host = &host.services;
  for (int t = 0; status.ok() && t < times; ++t) {
    status = backend_->run(instance, prepared, &context, memory.data());
    if (status.ok()) status = backend_->synchronize(instance);
  }
  if (memory.size() == values.size())
    for (size_t i = step.inputs.size(); i < values.size(); ++i) {
      const Status copied = backend_->copy_to_host(instance, host_memory[i], memory[i], bytes[i]);
      if (status.ok()) status = copied;
    }
  if (prepared != nullptr) backend_->destroy(instance, prepared);
  for (const auto& [at, size] : taken) backend_->release(instance, at, size);
  if (instance != nullptr) backend_->close(instance);
  return status;
}

}  // namespace grafo::test::cuda
