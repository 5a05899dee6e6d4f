// The interpreter for tapes of float32 and what goes with it: few registers, so that many threads hide the memory's latency.
#include "cuda/tape.cuh"

namespace grafo::cuda {
namespace {

__global__ void __launch_bounds__(256, 4) light_tape_kernel(const __grid_constant__ TapeRun run) {
  GRAFO_DYNAMIC_SHARED(tape::Piece, registers);
  tape::run_tape<true>(run, registers);
}

}  // namespace

Status launch_light_tape(Device& device, dim3 grid, unsigned threads, size_t shared, const TapeRun& run) {
  return launch_shared(device, light_tape_kernel, grid, threads, shared, run);
}

}  // namespace grafo::cuda
