// An argument that is the same element for a whole tile, a scalar or a column next to a matrix, is read where it lies by loops made for
// that, instead of being written over a tile.
#include <algorithm>

#include "cpu/fused.h"
#include "cpu/fused_node.h"

namespace grafo::cpu {
namespace {

// Whether every tile lies in a run of one element of the slot's input.
bool is_point(const FusedStep& step, const Slot& slot) {
  if (slot.kind == SlotKind::kScalar) return true;
  if (slot.kind != SlotKind::kBroadcast || step.tile_run == 0) return false;
  const Walk& walk = step.walks[static_cast<size_t>(slot.walk)];
  return walk.stride[walk.groups - 1] == 0 && walk.extent[walk.groups - 1] % step.tile_run == 0;
}

// The loop of an instruction whose argument at `position` is a point; nullptr where there is none.
Loop find_point_loop(const Node& node, int64_t position) {
  if (node.row == nullptr || node.reads_point) return nullptr;
  const auto& points = node.row->points[position];
  return (node.streams ? points.streaming : points.loops).of(node.type);
}

}  // namespace

void use_points(std::vector<Node>& nodes, const int16_t* input_slots, int inputs, FusedStep& step) {
  if (step.size == 0) return;
  for (int32_t input = 0; input < inputs; ++input) {
    if (input_slots[input] < 0) continue;
    Slot& slot = step.slots[static_cast<size_t>(input_slots[input])];
    if (!is_point(step, slot)) continue;
    const auto position = [input](const Node& node) { return std::find(node.operands, node.operands + 3, input) - node.operands; };
    const bool all = std::all_of(nodes.begin(), nodes.end(), [&](const Node& node) {
      const auto reads = std::count(node.operands, node.operands + 3, input);
      return reads == 0 || (reads == 1 && find_point_loop(node, position(node)) != nullptr);
    });
    if (!all) continue;
    slot.point = true;
    for (Node& node : nodes) {
      if (position(node) == 3) continue;
      node.loop = find_point_loop(node, position(node));
      node.reads_point = true;
    }
  }
}

}  // namespace grafo::cpu
