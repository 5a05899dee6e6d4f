// The scan of one float functor over all of its arguments, for `--ulp`.
#pragma once
#include "test/check.h"

namespace grafo::test {

// Prints its worst error; gives the number of failures.
int scan_all_floats(const char* functor);

}  // namespace grafo::test
