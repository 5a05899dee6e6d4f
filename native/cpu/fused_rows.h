// Tapes that go over the same rows as one step: all of them for a block of rows, then for the next. What only they read lies in a
// thread's scratch and never reaches memory, and what several of them read comes from there once.
#pragma once
#include <memory>
#include <vector>

#include "cpu/fused.h"

namespace grafo::cpu {

constexpr int kMaxParts = 32;
constexpr int kMaxLocals = 64;

// What a part reads or writes. Of what goes by rows a block's begins `row_bytes` times its first row further on.
struct RowsOperand {
  int32_t buffer;     // of the step: inputs, outputs, then locals
  int64_t row_bytes;  // 0 where all rows see the same, and for locals, which hold a block
};

struct RowsPart {
  FusedStep code{nullptr};
  std::vector<RowsOperand> operands;  // inputs, then outputs
  int64_t row_items = 0;              // elements of its space for each row
  int64_t row_outputs = 0;            // outputs of a reduction of rows for each row; 0 where it has none of rows
  bool by_columns = false;            // it ends in sums of columns, which are complete with the last row
  int64_t levels = 0;                 // bytes from the scratch's begin, where its columns grow
  int64_t trees = 0;                  // position of the first in a thread's trees
  int64_t partials = 0;               // bytes from the begin of a chunk's
};

struct FusedRowsStep : PreparedStep {
  FusedRowsStep(Run run_function, const HostServices& services) : PreparedStep(run_function), host(services) {}
  ~FusedRowsStep() override {
    if (scratch) host.release(host.self, scratch, static_cast<size_t>(scratch_bytes));
  }

  const HostServices& host;
  int64_t rows = 0;
  int64_t block = 0;   // rows
  int64_t chunk = 0;   // rows of a piece of work: leaves of the columns' trees, 2^k of them
  int64_t chunks = 0;
  int64_t grain = 1;   // chunks
  int64_t threads = 1;
  int32_t operands = 0;  // of the step itself
  std::vector<std::unique_ptr<RowsPart>> parts;
  std::vector<RowsOperand> fetched;  // what goes by rows in memory, each once
  int64_t fetched_lines = 0;         // for each instruction of each tile
  std::vector<int64_t> locals;  // bytes from the scratch's begin
  int64_t trees = 0;            // of a thread
  // A thread's locals, levels and trees, for each of them; then the accumulators of the chunks.
  char* scratch = nullptr;
  int64_t thread_bytes = 0;
  int64_t trees_at = 0;  // bytes from a thread's begin
  int64_t chunk_bytes = 0;
  int64_t scratch_bytes = 0;
};

}  // namespace grafo::cpu
