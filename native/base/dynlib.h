// Opens a shared library by its absolute path: a name without one would be searched for where others may write.
#pragma once
#include <string>

#include "base/status.h"

namespace grafo {

// The library stays open for the life of the process: its code may be on the stack of a thread that outlives the caller.
Status open_library(const std::string& path, void** library);
// nullptr if there is none.
void* library_symbol(void* library, const char* name);
// The folder of the library (or program) that holds this address, without a trailing slash; empty if unknown.
std::string folder_of(const void* address);

}  // namespace grafo
