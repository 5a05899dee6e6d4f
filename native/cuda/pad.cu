// MirrorPad and its gradient. Both go over their outputs: the gradient looks for what it sums, and so needs no atomics.
#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

template <class I>
struct Mirrored {
  Divisor<I> large, small;  // the dimension on either side
  I before, step;           // step: in the side that is read
};
template <class I>
struct Mirror {
  int rank;
  I symmetric;
  Mirrored<I> dims[kMaxRank];
};

template <class U, class I>
__global__ void mirror_pad_kernel(const U* x, U* y, Mirror<I> mirror, I n) {
  const I stride = static_cast<I>(gridDim.x) * blockDim.x;
  for (I at = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; at < n; at += stride) {
    I index = at, from = 0;
    for (int d = mirror.rank - 1; d >= 0; --d) {
      const Mirrored<I>& dim = mirror.dims[d];
      const I above = dim.large.quotient(index);
      const I i = index - above * static_cast<I>(dim.large.by), small = static_cast<I>(dim.small.by);
      index = above;
      const I place = i < dim.before           ? dim.before - mirror.symmetric - i
                      : i - dim.before < small ? i - dim.before
                                               : 2 * small - 2 + mirror.symmetric - (i - dim.before);
      from += place * dim.step;
    }
    y[at] = x[from];
  }
}

// An element of x is shown up to three times along a dimension: by the mirror before it, itself, by the mirror behind. They are
// added in dy's order.
template <class T, class I>
__global__ void mirror_pad_grad_kernel(const T* dy, T* dx, Mirror<I> mirror, I n) {
  const I stride = static_cast<I>(gridDim.x) * blockDim.x;
  for (I at = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; at < n; at += stride) {
    I places[kMaxRank][3];
    int counts[kMaxRank], digits[kMaxRank];
    I index = at, from = 0;
    for (int d = mirror.rank - 1; d >= 0; --d) {
      const Mirrored<I>& dim = mirror.dims[d];
      const I small = static_cast<I>(dim.small.by), large = static_cast<I>(dim.large.by);
      const I above = dim.small.quotient(index), p = index - above * small;
      index = above;
      int count = 0;
      const I low = dim.before - mirror.symmetric - p;  // below 0: huge
      if (low < dim.before) places[d][count++] = low * dim.step;
      places[d][count++] = (dim.before + p) * dim.step;
      const I high = dim.before + 2 * small - 2 + mirror.symmetric - p;
      if (high >= dim.before + small && high < large) places[d][count++] = high * dim.step;
      counts[d] = count;
      digits[d] = 0;
      from += places[d][0];
    }
    T sum = 0;
    for (;;) {
      sum = static_cast<T>(sum + dy[from]);
      int d = mirror.rank - 1;
      for (; d >= 0; --d) {
        from -= places[d][digits[d]];
        if (++digits[d] < counts[d]) break;
        digits[d] = 0;
        from += places[d][0];
      }
      if (d < 0) break;
      from += places[d][digits[d]];
    }
    dx[at] = sum;
  }
}

template <class U, class I>
struct MirrorPadStep final : PreparedStep {
  Mirror<I> mirror;
  I n;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return launch(device, mirror_pad_kernel<U, I>, blocks_for(n), kThreads, static_cast<const U*>(buffers[0]),
                  static_cast<U*>(buffers[1]), mirror, n);
  }
};

template <class T, class I>
struct MirrorPadGradStep final : PreparedStep {
  Mirror<I> mirror;
  I n;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return launch(device, mirror_pad_grad_kernel<T, I>, blocks_for(n), kThreads, static_cast<const T*>(buffers[0]),
                  static_cast<T*>(buffers[1]), mirror, n);
  }
};

struct Dim {
  int64_t large, small, before;
};
struct Padding {
  int rank = 0, symmetric;
  Dim dims[kMaxRank];

  bool padded(int d) const { return dims[d].large != dims[d].small || dims[d].before != 0; }
};

// Neighbours that are not padded become one dimension.
Padding read_padding(const StepDesc& desc, const TensorDesc& small, const TensorDesc& large) {
  Words words(desc);
  Padding padding;
  padding.symmetric = words.i32();
  (void)words.i32();
  for (int d = 0; d < small.rank; ++d) {
    padding.dims[padding.rank] = {large.dims[d], small.dims[d], words.i64()};
    if (padding.rank > 0 && !padding.padded(padding.rank) && !padding.padded(padding.rank - 1)) {
      padding.dims[padding.rank - 1].large *= large.dims[d];
      padding.dims[padding.rank - 1].small *= small.dims[d];
    } else {
      ++padding.rank;
    }
  }
  if (padding.rank == 0) padding.dims[padding.rank++] = {1, 1, 0};
  return padding;
}

template <class I>
Mirror<I> narrow(const Padding& padding, bool reads_small) {
  Mirror<I> mirror{padding.rank, static_cast<I>(padding.symmetric), {}};
  int64_t step = 1;
  for (int d = padding.rank - 1; d >= 0; --d) {
    const Dim& dim = padding.dims[d];
    mirror.dims[d] = {Divisor<I>(dim.large), Divisor<I>(dim.small), static_cast<I>(dim.before), static_cast<I>(step)};
    step *= reads_small ? dim.small : dim.large;
  }
  return mirror;
}

}  // namespace

Status prepare_mirror_pad(const StepDesc& desc, Device&, StepPointer& step) {
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  if (y.size == 0) {
    step = std::make_unique<NothingStep>();
    return {};
  }
  Padding padding = read_padding(desc, x, y);
  const int last = padding.rank - 1;
  const int64_t item = static_cast<int64_t>(item_size(y.dtype));
  Unit unit;
  if (padding.padded(last)) unit.bytes = item;
  unit.fit(padding.dims[last].large * item);
  padding.dims[last].large /= unit.bytes / item;
  if (!padding.padded(last) || unit.bytes != item) padding.dims[last].small = padding.dims[last].large;
  const int64_t n = y.size / (unit.bytes / item);
  dispatch_unit(unit.bytes, [&](auto type) {
    dispatch_index(n, [&](auto index) {
      using I = typename decltype(index)::type;
      auto mirror = std::make_unique<MirrorPadStep<typename decltype(type)::type, I>>();
      mirror->mirror = narrow<I>(padding, true);
      mirror->n = static_cast<I>(n);
      step = std::move(mirror);
    });
  });
  return {};
}

Status prepare_mirror_pad_grad(const StepDesc& desc, Device&, StepPointer& step) {
  const TensorDesc &dy = desc.inputs[0], &dx = desc.outputs[0];
  if (dx.size == 0) {
    step = std::make_unique<NothingStep>();
    return {};
  }
  if (dy.size == 0) return {};  // cannot be where dx is not empty; the CPU's kernel says what it thinks of it
  const Padding padding = read_padding(desc, dx, dy);
  dispatch_numeric(dx.dtype, [&](auto type) {
    dispatch_index(dy.size, [&](auto index) {
      using T = Wrapping<typename decltype(type)::type>;
      using I = typename decltype(index)::type;
      auto mirror = std::make_unique<MirrorPadGradStep<T, I>>();
      mirror->mirror = narrow<I>(padding, false);
      mirror->n = static_cast<I>(dx.size);
      step = std::move(mirror);
    });
  });
  return {};
}

}  // namespace grafo::cuda
