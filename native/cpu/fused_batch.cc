// Verifies, prepares and runs a batch of tapes. The code is proved once, by the tape's own builder
// over a space of two elements that stands for any; what differs by segment (lengths, dtypes,
// aliases) is proved for each.
#include "cpu/fused_batch.h"

#include <algorithm>

#include "cpu/fused_splat.h"
#include "cpu/fused_tile.h"
#include "cpu/kernels.h"

namespace grafo::cpu {
namespace {

class BatchBuilder {
 public:
  BatchBuilder(const StepDesc& desc, FusedBatchStep& step)
      : desc_(desc), step_(step), attrs_(desc) {}

  Status build() {
    TRY(read_layout());
    TRY(build_code());
    for (int g = 0; g < segments_; ++g) TRY(check_segment(g));
    TRY(check_between_segments());
    count_tiles();
    split_slots();
    return Status();
  }

 private:
  const TensorDesc& input(int g, int i) const {
    return desc_.inputs[i < shared_ ? i : i + g * own_];
  }
  const TensorDesc& output(int g, int o) const { return desc_.outputs[g * outputs_ + o]; }
  int inputs() const { return shared_ + own_; }
  bool is_scalar(int i) const { return i < shared_ || scalar_[i - shared_]; }

  Status read_layout() {
    segments_ = attrs_.count(1, kMaxSegments);
    shared_ = attrs_.count(0, kMaxFusedInputs);
    own_ = attrs_.count(0, kMaxFusedInputs);
    if (!attrs_.ok()) return attrs_.finish();
    outputs_ = desc_.num_outputs / segments_;
    if (inputs() > kMaxFusedInputs || outputs_ < 1 || outputs_ > kMaxFusedOutputs)
      return reject(desc_, "%d inputs and %d outputs a segment", inputs(), outputs_);
    TRY(check_arity(desc_, shared_ + segments_ * own_, segments_ * outputs_));
    for (int i = 0; i < own_; ++i) scalar_[i] = attrs_.flag();
    int64_t total = 0;
    for (int g = 0; g < segments_; ++g) {
      const int64_t size = attrs_.i64();
      if (size < 1 || size > INT64_MAX / 16 || __builtin_add_overflow(total, size, &total))
        return reject(desc_, "segment %d has %lld elements", g, (long long)size);
      step_.sizes.push_back(size);
    }
    return attrs_.ok() ? Status() : attrs_.finish();
  }

  // Two elements, so that a scalar is told from what has the segment's length.
  Status build_code() {
    constexpr int64_t kSpace = 2;
    TensorDesc operands[kMaxFusedInputs + kMaxFusedOutputs];
    for (int i = 0; i < inputs() + outputs_; ++i) {
      const bool is_input = i < inputs();
      operands[i] = is_input ? input(0, i) : output(0, i - inputs());
      const bool scalar = is_input && is_scalar(i);
      operands[i].rank = scalar ? 0 : 1;
      operands[i].dims[0] = kSpace;
      operands[i].size = scalar ? 1 : kSpace;
    }
    std::vector<int32_t> words = {1, kSpace, 0};
    words.insert(words.end(), desc_.attrs + (desc_.num_attrs - attrs_.left()),
                 desc_.attrs + desc_.num_attrs);
    StepDesc code = desc_;
    code.num_inputs = inputs();
    code.inputs = operands;
    code.num_outputs = outputs_;
    code.outputs = operands + inputs();
    code.num_attrs = static_cast<int32_t>(words.size());
    code.attrs = words.data();
    TRY(build_tape(code, step_.code));
    if (!step_.code.reductions.empty()) return reject(desc_, "a reduction");
    // Whom to blame would differ by segment.
    if (step_.code.checks != 0) return reject(desc_, "an instruction that refuses elements");
    return Status();
  }

  // What the code was proved for holds of this segment: dtypes and aliases are those of the first,
  // lengths its own.
  Status check_segment(int g) {
    const int64_t size = step_.sizes[static_cast<size_t>(g)];
    for (int i = 0; i < inputs(); ++i) {
      const TensorDesc& here = input(g, i);
      if (here.dtype != input(0, i).dtype)
        return reject(desc_, "segment %d: input %d has another dtype", g, i);
      if (here.size != (is_scalar(i) ? 1 : size))
        return reject(desc_, "segment %d: input %d has %lld elements", g, i, (long long)here.size);
    }
    for (int o = 0; o < outputs_; ++o) {
      const TensorDesc& here = output(g, o);
      if (here.dtype != output(0, o).dtype)
        return reject(desc_, "segment %d: output %d has another dtype", g, o);
      if (here.size != size)
        return reject(desc_, "segment %d: output %d has %lld elements", g, o,
                      (long long)here.size);
      for (int i = 0; i < inputs(); ++i)
        if ((here.storage == input(g, i).storage) != (output(0, o).storage == input(0, i).storage))
          return reject(desc_, "segment %d: output %d and input %d do not share as in the first", g,
                        o, i);
    }
    return Status();
  }

  // Segments run in any order and at the same time: none writes what another reads or writes.
  Status check_between_segments() {
    struct Written {
      int32_t storage;
      int segment;
    };
    std::vector<Written> written;
    for (int g = 0; g < segments_; ++g)
      for (int o = 0; o < outputs_; ++o) written.push_back({output(g, o).storage, g});
    std::sort(written.begin(), written.end(),
              [](const Written& a, const Written& b) { return a.storage < b.storage; });
    for (size_t w = 1; w < written.size(); ++w)
      if (written[w].storage == written[w - 1].storage)
        return reject(desc_, "segments %d and %d write one storage", written[w - 1].segment,
                      written[w].segment);
    for (int g = 0; g < segments_; ++g)
      for (int i = 0; i < inputs(); ++i) {
        const auto found = std::lower_bound(
            written.begin(), written.end(), input(g, i).storage,
            [](const Written& entry, int32_t storage) { return entry.storage < storage; });
        if (found == written.end() || found->storage != input(g, i).storage) continue;
        if (i < shared_ || found->segment != g)
          return reject(desc_, "segment %d writes input %d of segment %d", found->segment, i, g);
      }
    return Status();
  }

  void count_tiles() {
    const int64_t tile = step_.code.tile;
    step_.tiles.push_back(0);
    for (const int64_t size : step_.sizes) {
      step_.tiles.push_back(step_.tiles.back() + (size + tile - 1) / tile);
      step_.longest = std::max(step_.longest, std::min(size, tile));
    }
  }

  // Where slot `s` finds its buffer: the step's are all shared inputs, then each segment's own, then
  // each segment's outputs.
  SegmentSlot place(int16_t s) const {
    const Slot& slot = step_.code.slots[static_cast<size_t>(s)];
    if (slot.buffer < shared_) return {s, slot.item, slot.buffer, 0};
    if (slot.buffer < inputs()) return {s, slot.item, slot.buffer, own_};
    return {s, slot.item, shared_ + segments_ * own_ + slot.buffer - inputs(), outputs_};
  }

  void split_slots() {
    for (size_t s = 0; s < step_.code.slots.size(); ++s) {
      const Slot& slot = step_.code.slots[s];
      if (slot.kind == SlotKind::kRegister) continue;
      const SegmentSlot placed = place(static_cast<int16_t>(s));
      if (slot.kind == SlotKind::kBuffer)
        step_.moves.push_back(placed);
      else
        (placed.step == 0 ? step_.shared : step_.own).push_back(placed);
    }
  }

  const StepDesc& desc_;
  FusedBatchStep& step_;
  AttrReader attrs_;
  int segments_ = 1;
  int shared_ = 0;
  int own_ = 0;
  int outputs_ = 0;
  bool scalar_[kMaxFusedInputs] = {};
};

// One range's pointers: as in fused_run.cc, of a code that has no other slots than these.
struct BatchRange {
  void* at[kMaxSlots];
  alignas(64) uint8_t scratch[kScratchBytes];
};

void fill_scalars(const FusedBatchStep& step, const std::vector<SegmentSlot>& scalars, int64_t g,
                  void* const* buffers, int64_t n, BatchRange& range) {
  for (const SegmentSlot& scalar : scalars) {
    const Slot& slot = step.code.slots[static_cast<size_t>(scalar.slot)];
    void* const from = buffers[scalar.first + g * scalar.step];
    if (slot.point)
      range.at[scalar.slot] = from;
    else
      splat_item(scalar.item, range.scratch + slot.scratch, from, n);
  }
}

void run_segment_tile(const FusedBatchStep& step, int64_t g, void* const* buffers, int64_t start,
                      int64_t n, BatchRange& range) {
  for (const SegmentSlot& move : step.moves)
    range.at[move.slot] =
        static_cast<uint8_t*>(buffers[move.first + g * move.step]) + start * move.item;
  for (const Instruction& instruction : step.code.instructions)
    instruction.loop(range.at[instruction.dst], range.at[instruction.a], range.at[instruction.b],
                     range.at[instruction.c], n);
}

// Runs tiles [first, last) of all the segments' tiles in a row.
void run_segments(const FusedBatchStep& step, const RunContext& context, void* const* buffers,
               int64_t first, int64_t last) {
  BatchRange range;
  for (const int16_t s : step.code.once)
    range.at[s] = range.scratch + step.code.slots[static_cast<size_t>(s)].scratch;
  fill_scalars(step, step.shared, 0, buffers, step.longest, range);
  const int64_t tile = step.code.tile;
  auto g = std::upper_bound(step.tiles.begin(), step.tiles.end(), first) - step.tiles.begin() - 1;
  for (int64_t at = first; at < last; ++g) {
    const int64_t size = step.sizes[static_cast<size_t>(g)];
    const int64_t end = std::min(last, step.tiles[static_cast<size_t>(g) + 1]);
    fill_scalars(step, step.own, g, buffers, std::min(size, tile), range);
    run_first(step.code, range.at, std::min(size, tile));
    for (; at < end; ++at) {
      if (at != first && is_cancelled(context)) return;
      const int64_t start = (at - step.tiles[static_cast<size_t>(g)]) * tile;
      run_segment_tile(step, g, buffers, start, std::min(tile, size - start), range);
    }
  }
}

Status run_batch(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const FusedBatchStep&>(base);
  const int64_t tiles = step.tiles.back();
  parallel_for(context, tiles, step.code.grain, [&](int64_t begin, int64_t end) {
    run_segments(step, context, buffers, begin, end);
  });
  if (tiles > 1 && is_cancelled(context)) return cancelled();
  return Status();
}

}  // namespace

Status prepare_fused_batch(const StepDesc& desc, const HostServices&, StepPointer& step) {
  auto batch = std::make_unique<FusedBatchStep>(run_batch);
  TRY(BatchBuilder(desc, *batch).build());
  step = std::move(batch);
  return Status();
}

}  // namespace grafo::cpu
