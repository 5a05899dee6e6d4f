// Loops of which one argument is the same element for a whole tile: a column next to a matrix, say. It is read where it lies, instead
// of being written over a tile for every row.
#include "cpu/fused.h"
#include "cpu/fused_loops.h"

namespace grafo::cpu {
namespace {

template <class Functor, class T, int kPoint>
void point_loop(void* dst, const void* a, const void* b, const void*, int64_t n) {
  auto* to = static_cast<T*>(dst);
  auto* x = static_cast<const T*>(a);
  auto* y = static_cast<const T*>(b);
  const T point = kPoint == 0 ? *x : *y;
#pragma GCC ivdep
#pragma GCC unroll 4
  for (int64_t i = 0; i < n; ++i) to[i] = kPoint == 0 ? Functor()(point, y[i]) : Functor()(x[i], point);
}

struct PointRow {
  Loop loop, points[2];  // by which argument is one element
};

#define GRAFO_POINT(name, type) \
  {binary_loop<math::name, type>, {point_loop<math::name, type, 0>, point_loop<math::name, type, 1>}}
#define GRAFO_POINTS(name) GRAFO_POINT(name, float), GRAFO_POINT(name, double)
constexpr PointRow kPoints[] = {GRAFO_POINTS(Add), GRAFO_POINTS(AddV2), GRAFO_POINTS(Sub), GRAFO_POINTS(Mul), GRAFO_POINTS(RealDiv)};
#undef GRAFO_POINTS
#undef GRAFO_POINT

const PointRow* row_of(Loop loop) {
  for (const PointRow& row : kPoints)
    if (row.loop == loop) return &row;
  return nullptr;
}

// Whether every tile lies in a run of one element of the slot's input.
bool is_point(const FusedStep& step, const Slot& slot) {
  if (slot.kind != SlotKind::kBroadcast) return false;
  const Walk& walk = step.walks[static_cast<size_t>(slot.walk)];
  return walk.stride[walk.groups - 1] == 0 && walk.extent[walk.groups - 1] % step.tile == 0;
}

}  // namespace

void use_points(FusedStep& step) {
  for (size_t s = 0; s < step.slots.size(); ++s) {
    if (!is_point(step, step.slots[s])) continue;
    // What a loop has no argument for is slot 0, so some are passed over that could be points.
    const auto reads = [s](int16_t slot) { return static_cast<size_t>(slot) == s; };
    bool all = true;
    for (const Instruction& i : step.instructions)
      all &= row_of(i.loop) != nullptr ? !(reads(i.a) && reads(i.b)) : !(reads(i.a) || reads(i.b) || reads(i.c));
    if (!all) continue;
    step.slots[s].point = true;
    for (Instruction& i : step.instructions)
      if (reads(i.a) || reads(i.b)) i.loop = row_of(i.loop)->points[reads(i.a) ? 0 : 1];
  }
}

}  // namespace grafo::cpu
