// What every level takes from the lowest one (kernels that move bytes, loops of rare dtypes), as one translation unit.
#include "cpu/concat.cc"
#include "cpu/gather.cc"
#include "cpu/pad.cc"
#include "cpu/reduce_narrow.cc"
#include "cpu/slice.cc"
#include "cpu/tile.cc"
#include "cpu/unique.cc"
#include "cpu/where.cc"
