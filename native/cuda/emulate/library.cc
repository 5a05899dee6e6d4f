// The emulated runtime's libraries of kernels. A "cubin" is a shared library that fake_nvrtc.cc has made of the kernel's text; it is
// loaded from memory, so that what a cache holds is all there is of it.
#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "cuda/emulate/control.h"
#include "cuda_runtime.h"

namespace emulate {

using RunThread = void (*)(const uint3*, const uint3*, const dim3*, const dim3*, const void*);

struct Kernel {
  RunThread run;
  size_t parameter_bytes;
};
struct Library {
  void* handle;
  Kernel kernel;
};

namespace {

// An ELF file ends with its table of sections.
size_t bytes_of(const void* code) {
  Elf64_Ehdr header;
  std::memcpy(&header, code, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return 0;
  return header.e_shoff + size_t{header.e_shnum} * header.e_shentsize;
}

void* open_bytes(const void* code, size_t bytes) {
  char path[] = "/tmp/grafo-kernel-XXXXXX";  // the loader tells libraries apart by their names
  const int file = mkstemp(path);
  if (file < 0) return nullptr;
  const bool written = write(file, code, bytes) == static_cast<ssize_t>(bytes);
  (void)close(file);
  void* const handle = written ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  (void)unlink(path);
  return handle;
}

}  // namespace
}  // namespace emulate

using namespace emulate;

cudaError_t cudaLibraryLoadData(cudaLibrary_t* library, const void* code, cudaJitOption*, void**, unsigned,
                                cudaLibraryOption*, void**, unsigned) {
  const size_t bytes = bytes_of(code);
  void* const handle = bytes == 0 ? nullptr : open_bytes(code, bytes);
  if (handle == nullptr) return cudaErrorInvalidKernelImage;
  count_libraries(1);
  *library = new Library{handle, {}};
  return cudaSuccess;
}

cudaError_t cudaLibraryGetKernel(cudaKernel_t* kernel, cudaLibrary_t library, const char* name) {
  const std::string prefix = std::string("emulated_") + name;
  const auto run = reinterpret_cast<RunThread>(dlsym(library->handle, prefix.c_str()));
  const auto* const bytes = static_cast<const size_t*>(dlsym(library->handle, (prefix + "_bytes").c_str()));
  if (run == nullptr || bytes == nullptr) return cudaErrorInvalidValue;
  library->kernel = {run, *bytes};
  *kernel = &library->kernel;
  return cudaSuccess;
}

// What still waits in a stream would run code that is gone; as on a device, it is the caller's to have waited.
cudaError_t cudaLibraryUnload(cudaLibrary_t library) {
  dlclose(library->handle);
  count_libraries(-1);
  delete library;
  return cudaSuccess;
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel, void** arguments) {
  const Kernel* const launched = static_cast<const Kernel*>(kernel);
  const auto* const from = static_cast<const unsigned char*>(arguments[0]);
  return enqueue_launch(*config,
                        [run = launched->run, held = std::vector<unsigned char>(from, from + launched->parameter_bytes)] {
                          run(&threadIdx, &blockIdx, &blockDim, &gridDim, held.data());
                        });
}
