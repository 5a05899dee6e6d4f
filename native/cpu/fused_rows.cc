// Verifies, prepares and runs tapes that go over the same rows. Each is proved by the tape's own builder over the space of a block; what
// its operands are to the step's, and that nothing is read before it is written, is proved here.
#include "cpu/fused_rows.h"

#include <algorithm>
#include <bit>

#include "cpu/fused_node.h"
#include "cpu/fused_tile.h"
#include "cpu/kernels.h"
#include "cpu/places.h"

namespace grafo::cpu {
namespace {

constexpr int64_t kLeastChunk = 64;  // rows: its columns are gathered in the end
constexpr int64_t kMostChunks = 64;  // pieces of work, or four for each thread
constexpr int64_t kLine = 64;

int64_t whole_lines(int64_t bytes) { return ceil_div(bytes, kLine) * kLine; }

// Of a chunk's accumulators of one reduction of columns.
int64_t sums_bytes(const FusedReduction& r) { return whole_lines(r.outputs * r.loops->accumulator); }

struct Local {
  DType dtype;
  int64_t row_items;
};

class RowsBuilder {
 public:
  RowsBuilder(const StepDesc& desc, FusedRowsStep& step) : desc_(desc), step_(step), attrs_(desc) {}

  Status build() {
    TRY(check_no_alias(desc_));
    TRY(read_layout());
    const int32_t parts = attrs_.count(1, kMaxParts);
    written_.assign(static_cast<size_t>(desc_.num_outputs) + locals_.size(), false);
    complete_.assign(static_cast<size_t>(desc_.num_outputs), false);
    for (int32_t p = 0; p < parts; ++p) {
      if (!attrs_.ok()) return attrs_.finish();
      TRY(read_part(p));
    }
    TRY(attrs_.finish());
    for (int o = 0; o < desc_.num_outputs; ++o)
      if (!written_[static_cast<size_t>(o)] && !complete_[static_cast<size_t>(o)])
        return reject(desc_, "no part writes output %d", o);
    if (!has_rows_) return reject(desc_, "no operand has %lld rows", (long long)step_.rows);
    cut();
    return place();
  }

 private:
  Status read_layout() {
    step_.rows = attrs_.i64();
    step_.block = attrs_.i64();
    if (step_.rows < 1 || step_.block < 1 || step_.block > step_.rows)
      return reject(desc_, "blocks of %lld of %lld rows", (long long)step_.block, (long long)step_.rows);
    step_.operands = desc_.num_inputs + desc_.num_outputs;
    for (int32_t n = attrs_.count(0, kMaxLocals); n > 0; --n) {
      const auto dtype = static_cast<DType>(attrs_.i32());
      const int64_t items = attrs_.i64();
      int64_t all;
      if (!attrs_.ok()) return attrs_.finish();
      if (item_size(dtype) == 0 || items < 1 || !checked_multiply(step_.block, items, &all) || all > INT32_MAX)
        return reject(desc_, "a local of %lld elements a row", (long long)items);
      locals_.push_back({dtype, items});
    }
    return Status();
  }

  // An operand as the part sees it: of a block, or of all rows.
  Status read_operand(int32_t p, bool is_output, TensorDesc& tensor, RowsOperand& operand) {
    const auto all = step_.operands + static_cast<int32_t>(locals_.size());
    const int32_t at = operand.buffer = attrs_.count(0, all - 1);
    const bool by_rows = attrs_.flag();
    tensor = TensorDesc{};
    const int32_t rank = attrs_.count(0, kMaxRank - by_rows);
    tensor.size = 1;
    for (int d = 0; d < rank; ++d) {
      const int64_t dim = tensor.dims[d + by_rows] = attrs_.i64();
      if (dim < 1 || !checked_multiply(tensor.size, dim, &tensor.size))
        return reject(desc_, "part %d: dimension %lld", p, (long long)dim);
    }
    if (!attrs_.ok()) return attrs_.finish();
    const int64_t items = tensor.size;
    tensor.rank = rank + by_rows;
    tensor.storage = at;
    if (by_rows) {
      tensor.dims[0] = step_.block;
      if (!checked_multiply(items, step_.block, &tensor.size)) return reject(desc_, "part %d: too many elements", p);
    }
    if (at >= step_.operands) {
      const Local& local = locals_[static_cast<size_t>(at - step_.operands)];
      tensor.dtype = local.dtype;
      if (!by_rows || items != local.row_items) return reject(desc_, "part %d: another size of local %d", p, at - step_.operands);
      operand.row_bytes = 0;
    } else {
      const TensorDesc& own = at < desc_.num_inputs ? desc_.inputs[at] : desc_.outputs[at - desc_.num_inputs];
      tensor.dtype = own.dtype;
      int64_t expected;
      if (!checked_multiply(items, by_rows ? step_.rows : 1, &expected) || expected != own.size)
        return reject(desc_, "part %d: operand %d has %lld elements, not %lld", p, at, (long long)own.size, (long long)expected);
      operand.row_bytes = by_rows ? items * item_size(own.dtype) : 0;
      has_rows_ |= by_rows;
    }
    if (at < desc_.num_inputs) return is_output ? reject(desc_, "part %d writes input %d", p, at) : Status();
    const size_t result = static_cast<size_t>(at - desc_.num_inputs);
    const bool is_local = at >= step_.operands;
    if (!is_output && (!written_[result] || !by_rows)) return reject(desc_, "part %d reads %d, which is not written yet", p, at);
    if (is_output && !is_local && written_[result]) return reject(desc_, "part %d writes output %d again", p, at - desc_.num_inputs);
    return Status();
  }

  Status read_part(int32_t p) {
    step_.parts.push_back(std::make_unique<RowsPart>());
    RowsPart& part = *step_.parts.back();
    TensorDesc tensors[kMaxFusedInputs + kMaxFusedOutputs];
    StepDesc code = desc_;
    code.kernel = "Fused";
    code.node = attrs_.i32();
    code.num_inputs = attrs_.count(0, kMaxFusedInputs);
    code.num_outputs = attrs_.count(1, kMaxFusedOutputs);
    if (!attrs_.ok()) return attrs_.finish();
    part.operands.resize(static_cast<size_t>(code.num_inputs + code.num_outputs));
    for (int i = 0; i < code.num_inputs + code.num_outputs; ++i)
      TRY(read_operand(p, i >= code.num_inputs, tensors[i], part.operands[static_cast<size_t>(i)]));
    code.inputs = tensors;
    code.outputs = tensors + code.num_inputs;
    code.num_attrs = attrs_.count(0, attrs_.left());
    code.attrs = desc_.attrs + (desc_.num_attrs - attrs_.left());
    for (int32_t word = 0; word < code.num_attrs; ++word) attrs_.i32();
    if (!attrs_.ok()) return attrs_.finish();

    FusedStep& tape = part.code;
    tape.in_block = tape.even_tiles = true;
    for (int o = 0; o < code.num_outputs; ++o) {
      const int32_t at = part.operands[static_cast<size_t>(code.num_inputs + o)].buffer;
      if (at < step_.operands && is_large(desc_.outputs[at - desc_.num_inputs])) tape.far_outputs |= 1u << o;
    }
    TRY(build_tape(code, tape));
    if (tape.checks != 0) return reject(desc_, "part %d refuses elements", p);
    if (tape.size == 0 || tape.size % step_.block != 0)
      return reject(desc_, "part %d has %lld elements for %lld rows", p, (long long)tape.size, (long long)step_.block);
    part.row_items = tape.size / step_.block;
    part.by_columns = !tape.reductions.empty() && !tape.cut.by_rows;
    if (!tape.reductions.empty() && !part.by_columns) part.row_outputs = tape.cut.count / step_.block;
    TRY(check_outputs(p, part, code));
    if (part.by_columns) {
      if (tape.cut.length != step_.block) return reject(desc_, "part %d: columns of another length", p);
      for (FusedReduction& r : tape.reductions) r.divisor = step_.rows;
    }
    count_fetches(part);
    int64_t cost;
    if (!checked_multiply(tape.cost, part.row_items, &cost) || __builtin_add_overflow(cost_, cost, &cost_))
      return reject(desc_, "part %d has too many elements", p);
    return Status();
  }

  // What a part stores goes by rows: its own, or what each of them is reduced to. Its columns are for all rows.
  Status check_outputs(int32_t p, const RowsPart& part, const StepDesc& code) {
    const FusedStep& tape = part.code;
    for (int o = 0; o < code.num_outputs; ++o) {
      const RowsOperand& operand = part.operands[static_cast<size_t>(code.num_inputs + o)];
      const bool is_reduced = std::any_of(tape.reductions.begin(), tape.reductions.end(),
                                          [o](const FusedReduction& r) { return r.output == o; });
      const bool is_column = is_reduced && part.by_columns;
      const int64_t expected = is_column ? part.row_items : is_reduced ? tape.cut.count : tape.size;
      const bool by_rows = operand.buffer >= step_.operands || operand.row_bytes != 0;
      if (code.outputs[o].size != expected || by_rows == is_column || (!is_column && expected % step_.block != 0))
        return reject(desc_, "part %d: output %d is not what its rows give", p, o);
      const auto result = static_cast<size_t>(operand.buffer - desc_.num_inputs);
      if (is_column && complete_[result]) return reject(desc_, "part %d writes output %d again", p, int(result));
      (is_column ? complete_ : written_)[result] = true;
    }
    return Status();
  }

  // What the step's memory has by rows comes a block ahead, but for results that go past the caches.
  void count_fetches(const RowsPart& part) {
    const FusedStep& tape = part.code;
    fetches_ += ceil_div(tape.size, tape.tile) * (static_cast<int64_t>(tape.instructions.size()) + 1);
    for (const RowsOperand& operand : part.operands) {
      if (operand.row_bytes == 0 || step_.fetched.size() == kMaxBlockRuns) continue;
      if (operand.buffer >= desc_.num_inputs && is_large(desc_.outputs[operand.buffer - desc_.num_inputs])) continue;
      const bool is_known = std::any_of(step_.fetched.begin(), step_.fetched.end(),
                                        [&](const RowsOperand& other) { return other.buffer == operand.buffer; });
      if (!is_known) step_.fetched.push_back(operand);
    }
  }

  void cut() {
    step_.threads = std::clamp<int64_t>(step_.host.threads(step_.host.self), 1, Places::kMost);
    const int64_t most = std::max(kMostChunks, 4 * step_.threads);
    step_.chunk = kLeastChunk;
    while (step_.chunk < step_.block || ceil_div(step_.rows, step_.chunk) > most) step_.chunk *= 2;
    step_.chunks = ceil_div(step_.rows, step_.chunk);
    int64_t lines = 0;
    for (const RowsOperand& operand : step_.fetched) lines += operand.row_bytes * step_.block / kLine + 1;
    step_.fetched_lines = ceil_div(lines, fetches_);
    int64_t cost;
    step_.grain = checked_multiply(cost_, step_.chunk, &cost) ? grain_for(cost) : 1;
  }

  // Where everything lies in the scratch.
  Status place() {
    int64_t bytes = 0;
    for (const Local& local : locals_) {
      step_.locals.push_back(bytes);
      bytes += whole_lines(local.row_items * step_.block * item_size(local.dtype));
    }
    for (const auto& part : step_.parts) {
      if (!part->by_columns) continue;
      FusedStep& code = part->code;
      code.cut.levels = std::bit_width(static_cast<uint64_t>(ceil_div(step_.chunk, kLeafRows)));
      part->levels = bytes;
      bytes += whole_lines(column_bytes(code));
      part->trees = step_.trees;
      step_.trees += column_trees(code);
      part->partials = step_.chunk_bytes;
      for (const FusedReduction& r : code.reductions) step_.chunk_bytes += sums_bytes(r);
    }
    step_.trees_at = bytes;
    step_.thread_bytes = whole_lines(bytes + step_.trees * static_cast<int64_t>(sizeof(ColumnTree)));
    int64_t partials;
    if (!checked_multiply(step_.chunk_bytes, step_.chunks, &partials) ||
        __builtin_add_overflow(step_.thread_bytes * step_.threads, partials, &step_.scratch_bytes))
      return reject(desc_, "too many columns");
    if (step_.scratch_bytes == 0) return Status();
    step_.scratch = static_cast<char*>(step_.host.allocate(step_.host.self, static_cast<size_t>(step_.scratch_bytes)));
    if (step_.scratch) return Status();
    return Status::error(Code::kResourceExhausted, "out of memory for %lld bytes of blocks of rows", (long long)step_.scratch_bytes);
  }

  const StepDesc& desc_;
  FusedRowsStep& step_;
  AttrReader attrs_;
  std::vector<Local> locals_;
  std::vector<bool> written_;   // outputs, then locals: a block of it may be read
  std::vector<bool> complete_;  // outputs that are columns
  bool has_rows_ = false;       // memory has as many rows as are run
  int64_t cost_ = 0;            // of a row
  int64_t fetches_ = 0;         // times that a block's tiles ask for something of the next
};

// One run of a step: what its threads share.
struct RowsJob {
  const FusedRowsStep& step;
  const RunContext& context;
  void* const* buffers;

  char* partials(int64_t chunk) const {
    return step.scratch + step.thread_bytes * step.threads + step.chunk_bytes * chunk;
  }
  ColumnTree* trees_of(const RowsPart& part, char* own) const {
    return reinterpret_cast<ColumnTree*>(own + step.trees_at) + part.trees;
  }

  void chunks(int64_t begin, int64_t end, char* own) const {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      for (const auto& part : step.parts)
        if (part->by_columns) plant_columns(part->code, own + part->levels, trees_of(*part, own));
      const int64_t last = std::min((chunk + 1) * step.chunk, step.rows);
      for (int64_t row = chunk * step.chunk; row < last; row += step.block) {
        if (is_cancelled(context)) return;
        block(row, std::min(step.block, last - row), own);
      }
      for (const auto& part : step.parts) {
        if (!part->by_columns) continue;
        char* sums = partials(chunk) + part->partials;
        for (size_t r = 0; r < part->code.reductions.size(); ++r) {
          end_columns(part->code, r, trees_of(*part, own), sums);
          sums += sums_bytes(part->code.reductions[r]);
        }
      }
    }
  }

  // The block after this one: where it is another thread's, or there is none, nothing is lost.
  BlockFetch next_of(int64_t row) const {
    BlockFetch fetch;
    fetch.lines = step.fetched_lines;
    for (const RowsOperand& operand : step.fetched) {
      const auto from = reinterpret_cast<uintptr_t>(buffers[operand.buffer]) + static_cast<uintptr_t>((row + step.block) * operand.row_bytes);
      const auto* at = reinterpret_cast<const char*>(from);
      fetch.runs[fetch.count++] = {at, reinterpret_cast<const char*>(from + static_cast<uintptr_t>(step.block * operand.row_bytes))};
    }
    return fetch;
  }

  void block(int64_t row, int64_t rows, char* own) const {
    BlockFetch fetch = next_of(row);
    for (const auto& part : step.parts) {
      void* at[kMaxFusedInputs + kMaxFusedOutputs];
      for (size_t i = 0; i < part->operands.size(); ++i) {
        const RowsOperand& operand = part->operands[i];
        at[i] = operand.buffer < step.operands ? static_cast<char*>(buffers[operand.buffer]) + row * operand.row_bytes
                                               : own + step.locals[static_cast<size_t>(operand.buffer - step.operands)];
      }
      if (part->by_columns) add_to_columns(part->code, context, at, rows, trees_of(*part, own), fetch);
      else if (part->row_outputs != 0) run_outputs(part->code, context, at, rows * part->row_outputs, fetch);
      else run_elements(part->code, context, at, rows * part->row_items, fetch);
    }
  }

  void gather() const {
    for (const auto& part : step.parts) {
      if (!part->by_columns) continue;
      int64_t at = part->partials;
      for (const FusedReduction& r : part->code.reductions) {
        r.loops->gather(r, partials(0) + at, 1, step.chunk_bytes / r.loops->accumulator, step.chunks,
                        buffers[part->operands[static_cast<size_t>(r.buffer)].buffer], r.outputs);
        at += sums_bytes(r);
      }
    }
  }
};

Status run_fused_rows(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const FusedRowsStep&>(base);
  const RowsJob job{step, context, buffers};
  Places places(step.threads);
  parallel_for(context, step.chunks, step.grain, [&](int64_t begin, int64_t end) {
    const int64_t place = places.take();
    job.chunks(begin, end, step.scratch + place * step.thread_bytes);
    places.give_back(place);
  });
  if (is_cancelled(context)) return cancelled();
  job.gather();
  return Status();
}

}  // namespace

Status prepare_fused_rows(const StepDesc& desc, const HostServices& host, StepPointer& step) {
  auto rows = std::make_unique<FusedRowsStep>(run_fused_rows, host);
  TRY(RowsBuilder(desc, *rows).build());
  step = std::move(rows);
  return Status();
}

}  // namespace grafo::cpu
