// Reductions, as one translation unit.
#include "cpu/reduce.cc"
#include "cpu/reduce_arg.cc"
#include "cpu/reduce_order.cc"
#include "cpu/reduce_run.cc"
#include "cpu/reduce_sum.cc"
