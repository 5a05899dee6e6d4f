// Tapes that end in reductions: what a tile leaves in a slot goes into the tree of its row or of
// its columns (math/reduce_tree.h), and never reaches memory. The tree is the one that Reduce has,
// so neither fusion nor the cuts made here change a bit.
#include <algorithm>
#include <bit>
#include <climits>

#include "cpu/fused_tile.h"
#include "math/reduce_tree.h"

namespace grafo::cpu {
namespace {

constexpr int64_t kMinChunk = 8 << 8;      // elements of a row: leaves, 2^k of them
constexpr int64_t kManyRows = 64;          // are not cut
constexpr int64_t kLevelBytes = 80 << 10;  // of a thread's stack, for the levels of a strip
constexpr int64_t kMaxPieces = 16;         // of a strip's rows
constexpr int64_t kTrees = kMaxPieces * kMaxFusedOutputs;

// Elements that are worth a thread's while.
int64_t least_piece(const FusedStep& step) { return grain_for(step.cost); }

bool fits_partials(const FusedStep& step, int64_t pieces) {
  return pieces <= kMaxPartials / static_cast<int64_t>(step.reductions.size());
}

void cut_rows(FusedStep& step) {
  ReduceCut& cut = step.cut;
  if (cut.length <= step.tile) {
    cut.rows = step.tile / cut.length;
    if (cut.rows > 16) cut.rows -= cut.rows % 16;
    step.tile = static_cast<int32_t>(cut.rows * cut.length);
    cut.units = ceil_div(cut.count, cut.rows);
    cut.grain = ceil_div(least_piece(step), step.tile);
    return;
  }
  cut.chunk = cut.length;
  if (cut.count < kManyRows && !step.in_block) {
    int64_t chunk = kMinChunk;
    while (chunk < cut.length && (chunk < least_piece(step) ||
                                  !fits_partials(step, cut.count * ceil_div(cut.length, chunk))))
      chunk *= 2;
    cut.chunk = std::min(chunk, cut.length);
  }
  cut.chunks = ceil_div(cut.length, cut.chunk);
  cut.units = cut.count * cut.chunks;
  cut.grain = ceil_div(least_piece(step), cut.chunk);
}

void cut_columns(FusedStep& step) {
  ReduceCut& cut = step.cut;
  const int64_t columns = cut.count;
  cut.chunk = cut.length;
  if (columns <= 16 * step.tile && !step.in_block) {
    int64_t chunk = kLeafRows;
    while (chunk < cut.length && (chunk * columns < least_piece(step) ||
                                  !fits_partials(step, columns * ceil_div(cut.length, chunk))))
      chunk *= 2;
    cut.chunk = std::min(chunk, cut.length);
  }
  cut.chunks = ceil_div(cut.length, cut.chunk);
  // As many columns side by side as have room for their levels: rows are read as they lie.
  cut.levels = std::bit_width(static_cast<uint64_t>(ceil_div(cut.chunk, kLeafRows)));
  int64_t bytes = 0;
  for (const FusedReduction& r : step.reductions) bytes += cut.levels * r.loops->accumulator;
  cut.strips = step.in_block ? 1 : ceil_div(columns, std::min(step.tile * kMaxPieces, kLevelBytes / bytes));
  cut.width = ceil_div(columns, cut.strips);
  cut.piece = ceil_div(cut.width, ceil_div(cut.width, step.tile));
  cut.rows = 1;
  if (columns == cut.piece) {
    cut.rows = std::min(step.tile / columns, cut.chunk);
    const int64_t leaves = whole_leaves(step) / columns, even = leaves != 0 && cut.rows >= leaves ? leaves : kLeafRows;
    if (cut.rows > even) cut.rows -= cut.rows % even;
  }
  step.tile = static_cast<int32_t>(cut.rows * cut.piece);
  cut.units = cut.strips * cut.chunks;
  cut.grain = ceil_div(least_piece(step), cut.chunk * cut.width);
}

char* bytes_at(void* memory, int64_t offset) { return static_cast<char*>(memory) + offset; }

// One run of a step: what its ranges share.
struct Job {
  const FusedStep& step;
  const RunContext& context;
  void* const* buffers;
  char* partials;  // accumulators of chunks, where outputs are made of several; by reduction
  int64_t count;   // outputs that are made
  BlockFetch* fetch = nullptr;
  std::atomic<int32_t> failed{INT_MAX};

  // Where the accumulators of chunk `c` begin.
  char* partial(size_t reduction, int64_t c) const {
    const int64_t all = static_cast<int64_t>(reduction) * step.cut.count * step.cut.chunks;
    return partials + all * kAccumulatorBytes + c * step.reductions[reduction].loops->accumulator;
  }
  char* output(const FusedReduction& r, int64_t i) const {
    return bytes_at(buffers[r.buffer], i * r.loops->item);
  }
  // Runs a tile and hands what each reduction is of to `reduce`. False where the run is cancelled.
  template <class Reduce>
  bool tile(int64_t start, int64_t n, Range& range, Reduce&& reduce) {
    if (is_cancelled(context)) return false;
    if (run_tile(step, buffers, start, n, range, failed))
      for (size_t r = 0; r < step.reductions.size(); ++r)
        reduce(r, step.reductions[r], range.at[step.reductions[r].slot]);
    return true;
  }

  // Tiles of whole rows.
  GRAFO_OUT_OF_LINE void short_rows(int64_t begin, int64_t end) {
    Range range;
    begin_range(step, buffers, (end - begin) * step.tile, range);
    range.fetch = fetch;
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t row = unit * step.cut.rows;
      const int64_t rows = std::min(step.cut.rows, count - row);
      const bool goes_on = tile(row * step.cut.length, rows * step.cut.length, range,
                                [&](size_t, const FusedReduction& r, const void* x) {
                                  r.loops->rows(r, x, output(r, row), 0, rows);
                                });
      if (!goes_on) return;
    }
  }

  // Chunks of rows, tile by tile.
  GRAFO_OUT_OF_LINE void long_rows(int64_t begin, int64_t end) {
    const ReduceCut& cut = step.cut;
    Range range;
    begin_range(step, buffers, cut.chunk, range);
    range.fetch = fetch;
    alignas(64) char streams[kMaxFusedOutputs * kStreamBytes];
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t row = unit / cut.chunks * cut.length;
      const int64_t first = row + unit % cut.chunks * cut.chunk;
      const int64_t last = std::min(first + cut.chunk, row + cut.length);
      for (size_t r = 0; r < step.reductions.size(); ++r)
        step.reductions[r].loops->open(streams + r * kStreamBytes);
      for (int64_t start = first; start < last; start += step.tile) {
        const int64_t n = std::min<int64_t>(step.tile, last - start);
        const bool goes_on =
            tile(start, n, range, [&](size_t i, const FusedReduction& r, const void* x) {
              r.loops->push(streams + i * kStreamBytes, x, n);
            });
        if (!goes_on) return;
      }
      for (size_t i = 0; i < step.reductions.size(); ++i) {
        const FusedReduction& r = step.reductions[i];
        alignas(kAccumulatorBytes) char sum[kAccumulatorBytes];
        const bool whole = cut.chunks == 1;
        r.loops->close(streams + i * kStreamBytes,
                       whole ? sum : partial(i, unit));
        if (whole) r.loops->finish(r, sum, output(r, unit), 1);
      }
    }
  }

  // Chunks of rows of strips of columns.
  GRAFO_OUT_OF_LINE void columns(int64_t begin, int64_t end) {
    const ReduceCut& cut = step.cut;
    Range range;
    begin_range(step, buffers, step.tile, range);
    alignas(64) char levels[kLevelBytes + kTrees * kAccumulatorBytes];
    alignas(64) char sums[kMaxTile * kAccumulatorBytes];
    ColumnTree trees[kTrees];  // by piece, then by reduction
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t first = unit / cut.chunks * cut.width, chunk = unit % cut.chunks;
      const int64_t end_column = std::min(first + cut.width, cut.count);
      const int64_t last = std::min((chunk + 1) * cut.chunk, cut.length);
      plant(first, end_column, levels, trees);
      if (!add_rows(chunk * cut.chunk, last, first, end_column, range, trees)) return;
      ColumnTree* tree = trees;
      for (int64_t column = first; column < end_column; column += cut.piece)
        for (size_t i = 0; i < step.reductions.size(); ++i, ++tree) {
          const FusedReduction& r = step.reductions[i];
          const bool whole = cut.chunks == 1;
          r.loops->end_rows(*tree, whole ? sums : partial(i, chunk * cut.count + column));
          if (whole) r.loops->finish(r, sums, output(r, column), tree->width);
        }
    }
  }
  // Rows [begin, end) of the strip's columns go into its trees. False where the run is cancelled.
  bool add_rows(int64_t begin, int64_t end, int64_t first, int64_t end_column, Range& range, ColumnTree* trees) {
    const ReduceCut& cut = step.cut;
    for (int64_t row = begin; row < end; row += cut.rows) {
      const int64_t rows = std::min(cut.rows, end - row);
      ColumnTree* tree = trees;
      for (int64_t column = first; column < end_column; column += cut.piece) {
        const int64_t n = rows * std::min(cut.piece, end_column - column);
        const bool goes_on = tile(row * cut.count + column, n, range,
                                  [&](size_t i, const FusedReduction& r, const void* x) {
                                    r.loops->add_rows(tree[i], x, rows);
                                  });
        if (!goes_on) return false;
        tree += step.reductions.size();
      }
    }
    return true;
  }
  void plant(int64_t first, int64_t end_column, char* levels, ColumnTree* tree) const {
    for (int64_t column = first; column < end_column; column += step.cut.piece)
      for (const FusedReduction& r : step.reductions) {
        const int64_t width = std::min(step.cut.piece, end_column - column);
        *tree++ = {levels, width};
        levels += ceil_div(step.cut.levels * width * r.loops->accumulator, kAccumulatorBytes) *
                  kAccumulatorBytes;
      }
  }

  void run(int64_t begin, int64_t end) {
    if (!step.cut.by_rows)
      columns(begin, end);
    else if (step.cut.rows != 0)
      short_rows(begin, end);
    else
      long_rows(begin, end);
  }
  void gather() {
    const ReduceCut& cut = step.cut;
    for (size_t i = 0; i < step.reductions.size(); ++i) {
      const FusedReduction& r = step.reductions[i];
      r.loops->gather(r, partial(i, 0), cut.by_rows ? cut.chunks : 1,
                      cut.by_rows ? 1 : cut.count, cut.chunks, buffers[r.buffer], cut.count);
    }
  }
};

Status run_job(const FusedStep& step, const RunContext& context, void* const* buffers,
               char* partials) {
  Job job{step, context, buffers, partials, step.cut.count};
  parallel_for(context, step.cut.units, step.cut.grain,
               [&](int64_t begin, int64_t end) {
                 job.run(begin, end);
                 if (step.streams) end_stream();
               });
  TRY(refusal(step, job.failed));
  if (is_cancelled(context)) return cancelled();
  if (partials) job.gather();
  return Status();
}

// Apart, so that the others do without so much stack.
GRAFO_OUT_OF_LINE Status run_chunks(const FusedStep& step, const RunContext& context,
                                    void* const* buffers) {
  alignas(64) char partials[kMaxPartials * kAccumulatorBytes];
  return run_job(step, context, buffers, partials);
}

}  // namespace

// After the operands of the outputs: for each output that is reduced its number, the operation, 0
// for rows or 1 for columns, and the number of elements of a row or a column.
Status read_reductions(const StepDesc& desc, AttrReader& attrs, FusedStep& step) {
  constexpr int32_t kWords = 5;
  int32_t before = -1;
  for (int32_t n = attrs.left() / kWords; n > 0; --n) {
    FusedReduction r;
    r.output = attrs.count(before + 1, desc.num_outputs - 1);
    const auto op = static_cast<ReduceOp>(attrs.count(0, kReduceOps - 1));
    const bool is_column = attrs.flag();
    const int64_t length = attrs.i64();
    if (!attrs.ok()) return attrs.finish();
    before = r.output;
    const TensorDesc& y = desc.outputs[r.output];
    const bool by_rows = !is_column || y.size == 1;  // a single column is a row
    r.loops = find_reduce_loops(op, y.dtype);
    if (!r.loops) return reject(desc, "op %d is not for %s", int(op), dtype_name(y.dtype));
    int64_t elements;
    if (length < 0 || !checked_multiply(y.size, length, &elements) || elements != step.size)
      return reject(desc, "reduction %d of %lld elements to each of %lld, the space has %lld",
                    r.output, (long long)length, (long long)y.size, (long long)step.size);
    if (!step.reductions.empty() && (by_rows != step.cut.by_rows || length != step.cut.length))
      return reject(desc, "reduction %d is of another form", r.output);
    r.buffer = desc.num_inputs + r.output;
    r.divisor = length;
    r.outputs = y.size;
    r.rows = by_rows;
    r.inner = by_rows ? length : y.size;
    if (by_rows) add_group(r.kept, y.size, length);
    step.cut.by_rows = by_rows;
    step.cut.length = length;
    step.cut.count = y.size;
    step.reductions.push_back(r);
  }
  return Status();
}

int64_t whole_row(const FusedStep& step) {
  const ReduceCut& cut = step.cut;
  return !step.reductions.empty() && cut.by_rows && cut.length <= kMinChunk ? cut.length : 0;
}

int64_t whole_leaves(const FusedStep& step) {
  if (step.reductions.empty() || step.cut.by_rows) return 0;
  const int64_t lanes = math::kLaneBytes / step.reductions[0].loops->item, rows = lanes * kLeafRows;
  return step.cut.count < lanes && step.cut.length >= rows ? rows * step.cut.count : 0;
}

int64_t run_of_tiles(const FusedStep& step) {
  if (step.reductions.empty()) return step.tile;
  // Where no tile has more than a row.
  const int64_t row = step.cut.by_rows ? step.cut.length : step.cut.count;
  return row > step.tile / 2 && (!step.cut.by_rows || row <= step.tile) ? row : 0;
}

void cut_reductions(FusedStep& step) {
  if (step.reductions.empty() || step.size == 0) return;
  if (step.cut.by_rows)
    cut_rows(step);
  else
    cut_columns(step);
}

Status run_fused_reductions(const FusedStep& step, const RunContext& context,
                            void* const* buffers) {
  if (step.size == 0) {
    for (const FusedReduction& r : step.reductions) r.loops->nothing(r, buffers[r.buffer]);
    return Status();
  }
  if (step.cut.chunks > 1) return run_chunks(step, context, buffers);
  return run_job(step, context, buffers, nullptr);
}

void run_outputs(const FusedStep& step, const RunContext& context, void* const* buffers, int64_t outputs, BlockFetch& fetch) {
  Job job{step, context, buffers, nullptr, outputs, &fetch};
  job.run(0, step.cut.rows != 0 ? ceil_div(outputs, step.cut.rows) : outputs);
}

int64_t column_trees(const FusedStep& step) {
  return ceil_div(step.cut.count, step.cut.piece) * static_cast<int64_t>(step.reductions.size());
}

int64_t column_bytes(const FusedStep& step) {
  int64_t bytes = column_trees(step) * kAccumulatorBytes;
  for (const FusedReduction& r : step.reductions) bytes += step.cut.levels * step.cut.count * r.loops->accumulator;
  return bytes;
}

void plant_columns(const FusedStep& step, char* levels, ColumnTree* trees) {
  const RunContext none{};
  Job{step, none, nullptr, nullptr, 0}.plant(0, step.cut.count, levels, trees);
}

void add_to_columns(const FusedStep& step, const RunContext& context, void* const* buffers, int64_t rows, ColumnTree* trees,
                    BlockFetch& fetch) {
  Range range;
  begin_range(step, buffers, step.tile, range);
  range.fetch = &fetch;
  Job{step, context, buffers, nullptr, 0}.add_rows(0, rows, 0, step.cut.count, range, trees);
}

void end_columns(const FusedStep& step, size_t r, ColumnTree* trees, char* sums) {
  const ReduceLoops& loops = *step.reductions[r].loops;
  for (ColumnTree* tree = trees + r; tree < trees + column_trees(step); tree += step.reductions.size()) {
    loops.end_rows(*tree, sums);
    sums += tree->width * loops.accumulator;
  }
}

}  // namespace grafo::cpu
