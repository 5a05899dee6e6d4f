// Text that the library holds for the compiler of run time.
#pragma once

namespace grafo::cuda {

struct SourceFile {
  const char* name;
  const char* text;
};
// What the sources of tapes include, by name; CMake makes it of the files (tape_headers.cc.in).
extern const SourceFile kTapeHeaders[];
extern const int kNumTapeHeaders;

}  // namespace grafo::cuda
