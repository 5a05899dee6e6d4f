// Rows that go where indices say, each target row's in the order of the indices, as one thread would: no atomics, the same bits
// every time. A block owns some target rows and up to 256 columns; it reads all indices, 256 at a time, keeps those of its
// rows in their order, and its threads take one column each (narrow rows: the block's rows are dealt out as well).
#pragma once
#include <algorithm>

#include "cuda/indices.h"

namespace grafo::cuda {

struct RowOrder {
  int64_t n;            // indices
  int64_t rows, inner;  // of the target
  int64_t share;        // target rows of a block
  int width;            // threads beside each other in a row: a power of two
};

constexpr unsigned kWarps = kThreads / 32;

// body(target row, source row, column); body.begin(target row, column) comes before, for every element of the target.
template <class Index, class Body>
__global__ void row_order_kernel(const Index* indices, RowOrder order, Body body) {
  __shared__ int64_t targets[kThreads];
  __shared__ unsigned sources[kThreads], warps[kWarps];
  if (body.stop()) return;
  const int64_t first = blockIdx.x * order.share;
  const int64_t end = first + order.share < order.rows ? first + order.share : order.rows;
  const int64_t lane = threadIdx.x / static_cast<unsigned>(order.width), lanes = kThreads / order.width;
  const unsigned warp = threadIdx.x / 32, below = (1u << (threadIdx.x % 32)) - 1;
  for (int64_t left = int64_t{blockIdx.y} * order.width; left < order.inner; left += int64_t{gridDim.y} * order.width) {
    const int64_t column = left + threadIdx.x % static_cast<unsigned>(order.width);
    const bool works = column < order.inner;
    for (int64_t row = first + lane; works && row < end; row += lanes) body.begin(row, column);
    for (int64_t chunk = 0; chunk < order.n; chunk += kThreads) {
      const int64_t source = chunk + threadIdx.x;
      const int64_t target = source < order.n ? static_cast<int64_t>(indices[source]) : -1;
      const bool mine = target >= first && target < end;
      const unsigned in_warp = __ballot_sync(0xffffffffu, mine);
      if (threadIdx.x % 32 == 0) warps[warp] = static_cast<unsigned>(__popc(in_warp));
      __syncthreads();
      unsigned before = 0, all = 0;
      for (unsigned w = 0; w < kWarps; ++w) {
        before += w < warp ? warps[w] : 0;
        all += warps[w];
      }
      if (mine) {
        const unsigned at = before + static_cast<unsigned>(__popc(in_warp & below));
        targets[at] = target;
        sources[at] = threadIdx.x;
      }
      __syncthreads();
      for (unsigned i = 0; works && i < all; ++i) {
        const int64_t row = targets[i];
        if (((row - first) & (lanes - 1)) == lane) body(row, chunk + sources[i], column);
      }
      __syncthreads();
    }
  }
}

template <class Body>
Status launch_rows(Device& device, const IndexCheck& indices, const void* memory, int64_t rows, int64_t inner,
                   const Body& body) {
  if (rows == 0 || inner == 0) return {};
  RowOrder order{indices.size, rows, inner, 0, 1};
  while (order.width < static_cast<int>(kThreads) && order.width < inner) order.width *= 2;
  const int64_t columns = std::min<int64_t>((inner + order.width - 1) / order.width, 65535);
  // Enough blocks for the device, and not many more: each reads all the indices.
  const int64_t blocks = std::clamp<int64_t>(4 * device.multiprocessors / columns, 1, rows);
  order.share = (rows + blocks - 1) / blocks;
  const dim3 grid(static_cast<unsigned>((rows + order.share - 1) / order.share), static_cast<unsigned>(columns));
  if (indices.dtype == DType::kInt32) {
    return launch(device, row_order_kernel<int32_t, Body>, grid, kThreads, static_cast<const int32_t*>(memory), order,
                  body);
  }
  return launch(device, row_order_kernel<int64_t, Body>, grid, kThreads, static_cast<const int64_t*>(memory), order,
                body);
}

}  // namespace grafo::cuda
