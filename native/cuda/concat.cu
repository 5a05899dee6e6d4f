// Concat: every input is a block of columns of the output seen as a matrix of [dims before the axis, the rest].
#include <algorithm>
#include <vector>

#include "cuda/strided.h"

namespace grafo::cuda {
namespace {

constexpr int kPieces = 32;  // of one launch: a kernel's parameters have 4 KB

template <class I>
struct Pieces {
  const void* x[kPieces];
  I size[kPieces];
  Divisor<I> width[kPieces];  // of a row
  I column[kPieces];          // where it begins in a row of y
};

// blockIdx.y is an input. Units of x are read in order.
template <class U, class I>
__global__ void concat_kernel(U* y, Pieces<I> pieces, I row) {
  const int piece = blockIdx.y;
  const U* const x = static_cast<const U*>(pieces.x[piece]);
  const I n = pieces.size[piece], width = static_cast<I>(pieces.width[piece].by);
  U* const to = y + pieces.column[piece];
  const I stride = static_cast<I>(gridDim.x) * blockDim.x;
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
    const I at = pieces.width[piece].quotient(i);
    to[at * row + (i - at * width)] = x[i];
  }
}

template <class U, class I>
struct ConcatStep final : PreparedStep {
  struct Launch {
    std::vector<int> inputs;
    Pieces<I> pieces{};
    int64_t largest = 0;
  };
  std::vector<Launch> launches;
  int output;
  I row;

  Status run(Device& device, RunContext&, void* const* buffers) override {
    for (Launch& one : launches) {
      for (size_t p = 0; p < one.inputs.size(); ++p) one.pieces.x[p] = buffers[one.inputs[p]];
      dim3 grid = blocks_for(one.largest);
      grid.y = static_cast<unsigned>(one.inputs.size());
      TRY(launch(device, concat_kernel<U, I>, grid, kThreads, static_cast<U*>(buffers[output]), one.pieces, row));
    }
    return {};
  }
};

template <class U, class I>
StepPointer make_concat(const StepDesc& desc, const std::vector<int64_t>& widths, int64_t rows, int64_t row) {
  auto step = std::make_unique<ConcatStep<U, I>>();
  step->output = desc.num_inputs;
  step->row = static_cast<I>(row);
  int64_t column = 0;
  for (size_t i = 0; i < widths.size(); ++i) {
    const int64_t width = widths[i];
    if (width == 0) continue;
    if (step->launches.empty() || step->launches.back().inputs.size() == kPieces) step->launches.emplace_back();
    auto& one = step->launches.back();
    const size_t p = one.inputs.size();
    one.inputs.push_back(static_cast<int>(i));
    one.pieces.size[p] = static_cast<I>(rows * width);
    one.pieces.width[p] = Divisor<I>(width);
    one.pieces.column[p] = static_cast<I>(column);
    one.largest = std::max(one.largest, rows * width);
    column += width;
  }
  return step;
}

}  // namespace

Status prepare_concat(const StepDesc& desc, Device&, StepPointer& step) {
  const TensorDesc& y = desc.outputs[0];
  if (y.size == 0) {
    step = std::make_unique<NothingStep>();
    return {};
  }
  const int axis = Words(desc).i32();
  const int64_t inner = extent(y, axis + 1, y.rank) * static_cast<int64_t>(item_size(y.dtype));
  Unit unit;
  std::vector<int64_t> widths;
  for (int i = 0; i < desc.num_inputs; ++i) {
    widths.push_back(desc.inputs[i].dims[axis] * inner);
    unit.fit(widths.back());
  }
  for (int64_t& width : widths) width /= unit.bytes;
  const int64_t rows = extent(y, 0, axis), row = y.dims[axis] * inner / unit.bytes;
  dispatch_unit(unit.bytes, [&](auto type) {
    using U = typename decltype(type)::type;
    dispatch_index(rows * row,
                   [&](auto index) { step = make_concat<U, typename decltype(index)::type>(desc, widths, rows, row); });
  });
  return {};
}

}  // namespace grafo::cuda
