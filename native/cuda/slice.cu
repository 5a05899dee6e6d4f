// Slice reads a strided part of x; SliceGrad puts a tensor into such a part of a padded one.
#include <algorithm>

#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

// A dimension of the large side: the part has `count` places, `stride` apart from `low` on.
template <class I>
struct Range {
  Divisor<I> dim, stride;
  I low, count;
  I step;  // distance of two neighbours in the small side; negative ones wrap around
};
template <class I>
struct Part {
  int rank;
  I offset;  // of the element at all the lows
  Range<I> ranges[kMaxRank];
};

// The unit that repeats an item of 1, 2, 4 or 8 bytes.
template <class U>
__device__ U repeat(const void* item, int bytes) {
  uint32_t words[4]{};
  if (bytes == 1) words[0] = words[1] = *static_cast<const uint8_t*>(item) * 0x01010101u;
  if (bytes == 2) words[0] = words[1] = *static_cast<const uint16_t*>(item) * 0x00010001u;
  if (bytes == 4) words[0] = words[1] = *static_cast<const uint32_t*>(item);
  if (bytes == 8) {
    words[0] = static_cast<const uint32_t*>(item)[0];
    words[1] = static_cast<const uint32_t*>(item)[1];
  }
  words[2] = words[0];
  words[3] = words[1];
  U unit;
  memcpy(&unit, words, sizeof unit);
  return unit;
}

// Every unit of dx is written once: what lies outside of the part, or between its places, is padding.
template <class U, class I, bool kStrided>
__global__ void slice_grad_kernel(const U* dy, const void* pad, int item, U* dx, Part<I> part, I n) {
  U rest{};
  if (pad != nullptr) rest = repeat<U>(pad, item);
  const I stride = static_cast<I>(gridDim.x) * blockDim.x;
  for (I at = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; at < n; at += stride) {
    I index = at, from = part.offset;
    bool inside = true;
    for (int d = part.rank - 1; d >= 0; --d) {
      const Range<I>& range = part.ranges[d];
      const I above = range.dim.quotient(index);
      I place = index - above * static_cast<I>(range.dim.by) - range.low;  // below low: huge
      index = above;
      if (kStrided) {
        // The quotient of a huge number may be anything.
        inside = inside && !(place >> (8 * sizeof(I) - 1));
        const I q = range.stride.quotient(place);
        inside = inside && q * static_cast<I>(range.stride.by) == place;
        place = q;
      }
      inside = inside && place < range.count;
      from += place * range.step;
    }
    dx[at] = inside ? dy[from] : rest;
  }
}

template <class U, class I, bool kStrided>
struct SliceGradStep final : PreparedStep {
  Part<I> part;
  I n;
  bool padded;
  int item;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return launch(device, slice_grad_kernel<U, I, kStrided>, blocks_for(n), kThreads,
                  static_cast<const U*>(buffers[0]), padded ? buffers[1] : nullptr, item,
                  static_cast<U*>(buffers[padded ? 2 : 1]), part, n);
  }
};

// The same in 64 bits, before the index type is chosen.
struct Wide {
  int64_t dim, low, count, stride, step;
};
struct WidePart {
  int rank = 0;
  int64_t offset = 0;
  Wide ranges[kMaxRank];

  void push(const Wide& next) {
    if (next.dim == 1 && next.count == 1) return;
    // A dimension that is whole lengthens the one before.
    const bool whole = next.count == next.dim && next.low == 0 && next.stride == 1;
    if (rank > 0 && whole) {
      Wide& last = ranges[rank - 1];
      if (last.stride == 1 && last.step == next.step * next.dim) {
        last = {last.dim * next.dim, last.low * next.dim, last.count * next.dim, 1, next.step};
        return;
      }
    }
    ranges[rank++] = next;
  }
};

WidePart read_part(const StepDesc& desc, const TensorDesc& large, const TensorDesc& small) {
  Words words(desc);
  (void)words.i32();
  int64_t begin[kMaxRank], steps[kMaxRank];
  for (int d = 0; d < large.rank; ++d) begin[d] = words.i64();
  row_major(small, steps);
  WidePart part;
  for (int d = 0; d < large.rank; ++d) {
    int64_t stride = words.i64(), low = begin[d], step = steps[d];
    const int64_t count = small.dims[d];
    if (count == 1) stride = 1;  // over one element it may be anything
    if (stride < 0) {
      low += (count - 1) * stride;
      part.offset += (count - 1) * step;
      stride = -stride;
      step = -step;
    }
    part.push({large.dims[d], low, count, stride, step});
  }
  if (part.rank == 0) part.ranges[part.rank++] = {1, 0, 1, 1, 1};
  return part;
}

template <class U, class I>
StepPointer make_slice_grad(const WidePart& wide, int64_t n, bool padded, int64_t item) {
  Part<I> part{wide.rank, static_cast<I>(wide.offset), {}};
  bool strided = false;
  for (int d = 0; d < wide.rank; ++d) {
    const Wide& range = wide.ranges[d];
    part.ranges[d] = {Divisor<I>(range.dim), Divisor<I>(range.stride), static_cast<I>(range.low),
                      static_cast<I>(range.count), static_cast<I>(range.step)};
    strided = strided || range.stride != 1;
  }
  const auto fill = [&](auto step) -> StepPointer {
    step->part = part;
    step->n = static_cast<I>(n);
    step->padded = padded;
    step->item = static_cast<int>(item);
    return step;
  };
  if (strided) return fill(std::make_unique<SliceGradStep<U, I, true>>());
  return fill(std::make_unique<SliceGradStep<U, I, false>>());
}

}  // namespace

Status prepare_slice(const StepDesc& desc, Device&, StepPointer& step) {
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  if (y.size == 0) {
    step = std::make_unique<NothingStep>();
    return {};
  }
  Words words(desc);
  (void)words.i32();
  int64_t begin[kMaxRank], steps[kMaxRank];
  for (int d = 0; d < x.rank; ++d) begin[d] = words.i64();
  row_major(x, steps);
  Walk walk;
  for (int d = 0; d < x.rank; ++d) {
    const int64_t stride = words.i64();
    walk.offset += begin[d] * steps[d];
    walk.push(y.dims[d], y.dims[d] == 1 ? 0 : stride * steps[d]);
  }
  walk.close();
  step = strided_copy(walk, static_cast<int64_t>(item_size(y.dtype)), x.size);
  return {};
}

Status prepare_slice_grad(const StepDesc& desc, Device&, StepPointer& step) {
  const TensorDesc &dy = desc.inputs[0], &dx = desc.outputs[0];
  if (dx.size == 0) {
    step = std::make_unique<NothingStep>();
    return {};
  }
  const int64_t item = static_cast<int64_t>(item_size(dx.dtype));
  WidePart part;
  Unit unit;
  if (dy.size == 0) {
    part.rank = 1;
    part.ranges[0] = {dx.size, 0, 0, 1, 1};
    unit.fit(dx.size * item);
  } else {
    part = read_part(desc, dx, dy);
    const Wide& last = part.ranges[part.rank - 1];
    if (last.stride != 1 || last.step != 1) unit.bytes = item;
    for (const int64_t items : {last.dim, last.low, last.count, part.offset}) unit.fit(items * item);
    for (int d = 0; d + 1 < part.rank; ++d) unit.fit(part.ranges[d].step * item);
  }
  const int64_t items = unit.bytes / item;
  Wide& last = part.ranges[part.rank - 1];
  last.dim /= items;
  last.low /= items;
  last.count /= items;
  part.offset /= items;
  for (int d = 0; d + 1 < part.rank; ++d) part.ranges[d].step /= items;
  const int64_t n = dx.size / items;
  dispatch_unit(unit.bytes, [&](auto type) {
    using U = typename decltype(type)::type;
    dispatch_index(n, [&](auto index) {
      step = make_slice_grad<U, typename decltype(index)::type>(part, n, desc.num_inputs == 2, item);
    });
  });
  return {};
}

}  // namespace grafo::cuda
