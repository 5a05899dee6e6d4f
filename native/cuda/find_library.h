// Finds a library of CUDA's at run time, so that nothing needs it to load.
#pragma once
#include <string>

namespace grafo::cuda {

struct FoundLibrary {
  void* handle = nullptr;  // null where none was found
  std::string path;        // where it lies
  std::string why;         // why there is none
};

// The first of `sonames` that there is: in the folders of GRAFO_CUDA_LIBRARIES if it names any, else already in this process, else
// where the system's loader looks. A library stays open for the life of the process.
FoundLibrary find_library(const char* const* sonames, int count);

}  // namespace grafo::cuda
