// The interpreter with every functor and dtype.
#include "cuda/tape.cuh"

namespace grafo::cuda {
namespace {

__global__ void __launch_bounds__(256, 2) any_tape_kernel(const __grid_constant__ TapeRun run) {
  GRAFO_DYNAMIC_SHARED(tape::Piece, registers);
  tape::run_tape<false>(run, registers);
}

}  // namespace

Status launch_any_tape(Device& device, dim3 grid, unsigned threads, size_t shared, const TapeRun& run) {
  return launch_shared(device, any_tape_kernel, grid, threads, shared, run);
}

}  // namespace grafo::cuda
