// Kernels of tapes, compiled at run time: which tapes get one, and where it comes from.
#pragma once
#include <memory>
#include <string>

#include "cuda/tape_source.h"

namespace grafo::cuda {

// A space of fewer elements stays with the interpreter: a kernel takes a few tenths of a second to compile.
constexpr int64_t kLeastCompiledElements = 32768;
// Longer tapes would take too long to compile.
constexpr size_t kMostCompiledInstructions = 512;

// A kernel that is loaded; unloaded with the last step that has it.
class CompiledTape {
 public:
  CompiledTape() = default;
  CompiledTape(const CompiledTape&) = delete;
  CompiledTape& operator=(const CompiledTape&) = delete;
  ~CompiledTape();
  // `cubin` is what the compiler gave.
  Status load(const std::string& cubin);
  Status launch(Device& device, dim3 grid, unsigned threads, const TapeRun& run) const;

 private:
  void* library_ = nullptr;
  void* kernel_ = nullptr;
};

// Gives a tape over `size` elements a kernel of its own, by GRAFO_NVRTC: auto (where the space is large), always or off. Leaves the
// tape to the interpreter where none is wanted or to be had.
void compile_tape(Device& device, const TapeForm& form, int64_t size, Tape& tape);

// Looks for the compiler: "NVRTC 13.0 (/where/it/lies)", or why there is none.
std::string compiler_text();

}  // namespace grafo::cuda

// For tests and tools: tapes compiled, read from the disk, found in memory, refused by the compiler, left to the interpreter; and
// which compiler there is, or why none (a text that stays).
extern "C" __attribute__((visibility("default"))) const char* grafo_cuda_tapes(int64_t* counts);
