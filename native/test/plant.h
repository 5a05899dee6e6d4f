// Faults planted on purpose: a sanitizer that does not report them watches nothing.
#pragma once

namespace grafo::test {

// overflow, free, leak, shift, race. Returns where nothing stopped it.
int plant(const char* fault);

}  // namespace grafo::test
