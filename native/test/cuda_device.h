// Steps on the emulated CUDA device: a copy of its library of their own, so that nothing is left of an earlier test.
#pragma once
#include <memory>

#include "test/fused_step.h"

namespace grafo::test::cuda {

// Whether the emulated device and its compiler were built.
bool is_built();

// An environment variable for a while.
class Environment {
 public:
  Environment(const char* name, const std::string& value);
  ~Environment();

 private:
  std::string name_, before_;
  bool was_set_;
};

// What the library has done with tapes.
struct Counts {
  int64_t compiled, from_disk, from_memory, refused, interpreted;
};

// An empty folder that goes away with everything in it.
class Folder {
 public:
  Folder();
  ~Folder();
  const std::string& path() const { return path_; }
  std::vector<std::string> files(const std::string& inner) const;

 private:
  std::string path_;
};

class EmulatedDevice {
 public:
  EmulatedDevice();
  ~EmulatedDevice();
  const Backend& backend() const { return *backend_; }
  Counts counts() const;
  std::string told() const;
  int64_t loaded_libraries() const;
  // Copies operands there, runs the step `times` times, and copies outputs back. Buffers begin `shift` elements after an aligned
  // address.
  Status run(const tape::Step& step, int64_t shift = 0, int times = 1) const;

 private:
  void* library_ = nullptr;
  const Backend* backend_ = nullptr;
};

}  // namespace grafo::test::cuda
