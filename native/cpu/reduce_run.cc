// How a Reduce is divided among threads: by outputs where there are many, else the reduced dims are cut in chunks of 2^k leaves,
// which are nodes of the same tree. Where it is cut depends on the shape only.
#include <algorithm>

#include "cpu/reduce.h"

namespace grafo::cpu {
namespace {

constexpr int64_t kChunk = 1 << 15;  // elements of a row that one thread takes: 2^k leaves, so a node of the tree

void run_rows(const ReduceShape& step, const RunContext& context, const char* x, void* y) {
  const ReduceLoops& loops = *step.loops;
  const int64_t count = step.kept.count;
  // Few long rows are cut in chunks.
  int64_t chunk = kChunk;
  while (count * ((step.inner + chunk - 1) / chunk) > kMaxPartials && chunk < step.inner) chunk *= 2;
  const int64_t chunks = (step.inner + chunk - 1) / chunk;
  if (step.reduced.count == 1 && count < 64 && chunks > 1 && count * chunks <= kMaxPartials) {
    alignas(kAccumulatorBytes) char partials[kMaxPartials * kAccumulatorBytes];
    parallel_for(context, count * chunks, std::max<int64_t>(1, kGrainOperations / chunk),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t p = begin; p < end; ++p) {
                     const int64_t start = p % chunks * chunk;
                     loops.run(x + (step.kept.offset(p / chunks) + start) * loops.item,
                               std::min(chunk, step.inner - start), partials + p * loops.accumulator);
                   }
                 });
    loops.gather(step, partials, chunks, 1, chunks, y, count);
    return;
  }
  parallel_for(context, count, grain_for(step.inner * step.reduced.count),
               [&](int64_t begin, int64_t end) { loops.rows(step, x, y, begin, end); });
}

void run_columns(const ReduceShape& step, const RunContext& context, const char* x, char* y) {
  const ReduceLoops& loops = *step.loops;
  const int64_t strip = strip_of(step.reduced.count);
  const int64_t strips = (step.inner + strip - 1) / strip;
  const int64_t items = step.kept.count * strips;
  const int64_t all_rows = step.reduced.count;
  const int64_t width_all = step.kept.count * step.inner;
  // Calls body(first element, output, width) of a strip.
  auto each = [&](int64_t item, auto&& body) {
    const int64_t outer = item / strips, start = item % strips * strip;
    body(x + (step.kept.offset(outer) + start) * loops.item, outer * step.inner + start,
         std::min(strip, step.inner - start));
  };
  // Few columns of many rows are cut in chunks.
  const int64_t least = std::max(kLeafRows, kChunk / std::max<int64_t>(step.inner, 1));
  int64_t rows = kLeafRows;
  while (rows < least || (rows < all_rows && width_all * ((all_rows + rows - 1) / rows) > kMaxPartials))
    rows *= 2;
  const int64_t chunks = (all_rows + rows - 1) / rows;
  if (chunks > 1 && items < 16 && width_all * chunks <= kMaxPartials) {
    alignas(kAccumulatorBytes) char partials[kMaxPartials * kAccumulatorBytes];
    parallel_for(context, items * chunks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        each(p / chunks, [&](const char* from, int64_t at, int64_t width) {
          const int64_t first = p % chunks * rows;
          loops.strip(step, from, first, std::min(first + rows, all_rows), width,
                      partials + (p % chunks * width_all + at) * loops.accumulator);
        });
    });
    loops.gather(step, partials, 1, width_all, chunks, y, width_all);
    return;
  }
  parallel_for(context, items, grain_for(all_rows * std::min(strip, step.inner)),
               [&](int64_t begin, int64_t end) {
                 alignas(kAccumulatorBytes) char sums[kMaxStrip * kAccumulatorBytes];
                 for (int64_t item = begin; item < end; ++item)
                   each(item, [&](const char* from, int64_t at, int64_t width) {
                     loops.strip(step, from, 0, all_rows, width, sums);
                     loops.finish(step, sums, y + at * loops.item, width);
                   });
               });
}

}  // namespace

void run_reduction(const ReduceShape& step, const RunContext& context, const void* x, void* y) {
  if (step.inputs == 0)
    step.loops->nothing(step, y);
  else if (step.rows)
    run_rows(step, context, static_cast<const char*>(x), y);
  else
    run_columns(step, context, static_cast<const char*>(x), static_cast<char*>(y));
}

}  // namespace grafo::cpu
