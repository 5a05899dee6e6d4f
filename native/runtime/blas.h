// What the CPU's backend may multiply with instead of its own kernels.
#pragma once
#include "base/status.h"
#include "runtime/backend.h"

namespace grafo {

// The library that GRAFO_BLAS names, found once a process; nullptr where it names none.
Status find_blas(const Blas** blas);

}  // namespace grafo
