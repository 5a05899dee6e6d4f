// See dynlib.h.
#include "base/dynlib.h"

#include <dlfcn.h>

#include <cstdlib>

namespace grafo {

Status open_library(const std::string& path, void** library) {
  if (path.empty() || path[0] != '/') {
    return Status::error(Code::kInvalidArgument, "%s: not an absolute path", path.c_str());
  }
  *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (*library == nullptr) {
    const char* why = dlerror();
    return Status::error(Code::kNotFound, "%s", why != nullptr ? why : path.c_str());
  }
  return {};
}

void* library_symbol(void* library, const char* name) { return dlsym(library, name); }

std::string folder_of(const void* address) {
  Dl_info info;
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  char* full = realpath(info.dli_fname, nullptr);
  if (full == nullptr) return {};
  std::string path(full);
  std::free(full);
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace grafo
