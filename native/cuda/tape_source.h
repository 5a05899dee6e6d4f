// A tape as CUDA C++: what NVRTC compiles where the interpreter would decode instructions.
#pragma once
#include <string>

#include "cuda/tape.h"

namespace grafo::cuda {

// Where operands lie, as Tape::upload is told.
struct TapeForm {
  int inputs = 0, outputs = 0;
  const uint16_t* word = nullptr;
  const uint16_t* step = nullptr;  // all 0 without segments
  int first_segment_word = 0;
  int words = 0;        // of a launch at most
  bool batch = false;   // of segments
  bool narrow = true;   // the space has less than 2^31 elements
};

constexpr char kTapeKernelName[] = "grafo_tape";

// How many elements a thread takes at a time, and how many of them are neighbours: by the tape alone.
struct TapeElements {
  int all, group;
};
TapeElements tape_elements(const Tape& tape);
// The source, which includes "cuda/tape_kernel.h" (source_file.h). It says neither the space's size nor its outermost extent.
std::string tape_source(const Tape& tape, const TapeForm& form, TapeElements elements);

}  // namespace grafo::cuda
