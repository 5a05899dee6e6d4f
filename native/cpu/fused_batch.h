// Several tapes of one code over buffers of their own as one step: what an optimizer does to all its
// variables. Every input is as long as its segment or one element, so that a space is a length.
#pragma once
#include <vector>

#include "cpu/fused.h"

namespace grafo::cpu {

constexpr int kMaxSegments = 256;

// A slot that is set from a buffer: which one, for segment g, is first + g * step.
struct SegmentSlot {
  int16_t slot;
  uint8_t item;
  int32_t first;
  int32_t step;
};

struct FusedBatchStep : PreparedStep {
  using PreparedStep::PreparedStep;
  FusedStep code{nullptr};         // over any length; its own is not used
  std::vector<int64_t> sizes;      // elements, by segment
  std::vector<int64_t> tiles;      // before each segment, and at the end all
  int64_t longest = 0;             // elements of the longest tile
  std::vector<SegmentSlot> moves;  // set for each tile
  std::vector<SegmentSlot> shared; // scalars of all segments, set for each range
  std::vector<SegmentSlot> own;    // scalars of one segment
};

}  // namespace grafo::cpu
