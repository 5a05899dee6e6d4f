// See find_library.h. A name without a folder could be found in the working directory, which others may write: such a one is refused.
#include "cuda/find_library.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <cstdlib>
#include <cuda_runtime.h>
#include <vector>

namespace grafo::cuda {
namespace {

// Elements of a path like LD_LIBRARY_PATH's, where an empty one is the working directory.
std::vector<std::string> elements_of(const char* path) {
  std::vector<std::string> elements;
  if (path == nullptr || *path == '\0') return elements;
  std::string element;
  for (const char* at = path;; ++at) {
    if (*at == ':' || *at == '\0') elements.push_back(std::move(element)), element.clear();
    else element += *at;
    if (*at == '\0') return elements;
  }
}

std::string path_of(void* handle) {
  link_map* map = nullptr;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map->l_name != nullptr ? map->l_name : "";
}

void open(const std::string& name, int flags, FoundLibrary* found) {
  void* const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | flags);
  if (handle == nullptr) {
    const char* why = dlerror();
    if ((flags & RTLD_NOLOAD) == 0) found->why += (found->why.empty() ? "" : "; ") + std::string(why != nullptr ? why : name);
    return;
  }
  const std::string path = path_of(handle);
  if (path.empty() || path[0] != '/') {
    found->why += (found->why.empty() ? "" : "; ") + path + ": not an absolute path";
    return;
  }
  found->handle = handle;
  found->path = path;
}

// Whether the loader would find the name in a folder that is no absolute one.
bool lies_open(const char* soname) {
  for (const std::string& element : elements_of(std::getenv("LD_LIBRARY_PATH"))) {
    if (!element.empty() && element[0] == '/') continue;
    if (access(((element.empty() ? "." : element) + "/" + soname).c_str(), F_OK) == 0) return true;
  }
  return false;
}

}  // namespace

FoundLibrary find_library(const char* const* sonames, int count) {
  FoundLibrary found;
  const char* const given = std::getenv("GRAFO_CUDA_LIBRARIES");
  if (given != nullptr && *given != '\0') {
    for (const std::string& folder : elements_of(given)) {
      if (folder.empty() || folder[0] != '/') {
        found.why += (found.why.empty() ? "" : "; ") + std::string("GRAFO_CUDA_LIBRARIES: '") + folder + "' is no absolute folder";
        continue;
      }
      for (int i = 0; i < count && found.handle == nullptr; ++i) {
        const std::string path = folder + "/" + sonames[i];
        if (access(path.c_str(), F_OK) == 0) open(path, 0, &found);
      }
    }
    if (found.handle == nullptr && found.why.empty()) {
      found.why = std::string("there is no ") + sonames[0] + " in GRAFO_CUDA_LIBRARIES=" + given;
    }
    return found;
  }
#ifdef GRAFO_EMULATED_CUDA
  found.why = "the emulated device takes libraries from GRAFO_CUDA_LIBRARIES only";
#else
  for (int i = 0; i < count && found.handle == nullptr; ++i) open(sonames[i], RTLD_NOLOAD, &found);
  for (int i = 0; i < count && found.handle == nullptr; ++i) {
    if (lies_open(sonames[i])) found.why += std::string(sonames[i]) + " lies in a relative folder of LD_LIBRARY_PATH; ";
    else open(sonames[i], 0, &found);
  }
#endif
  return found;
}

}  // namespace grafo::cuda
