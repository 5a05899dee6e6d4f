// Verifies a tape and prepares it: types every instruction, chooses how each input is read, gives registers to results by linear
// scan, and lets the instruction that makes an output write it where nothing reads that memory later.
#include "cpu/fused.h"

#include <algorithm>

#include "cpu/fused_node.h"
#include "cpu/kernels.h"

namespace grafo::cpu {
namespace {

class Builder {
 public:
  Builder(const StepDesc& desc, FusedStep& step) : desc_(desc), step_(step), attrs_(desc) {}

  Status build() {
    TRY(read_space());
    TRY(read_instructions());
    TRY(read_outputs());
    TRY(check_inputs());
    TRY(check_aliases());
    find_scalar_work();
    join_pairs(nodes_, inputs(), output_operands_, desc_.num_outputs);
    place_outputs();
    TRY(give_slots());
    use_points(nodes_, input_slots_, inputs(), step_);
    emit();
    cut_reductions(step_);
    return Status();
  }

 private:
  int inputs() const { return desc_.num_inputs; }
  bool is_result(int32_t operand) const { return operand >= inputs(); }
  Node& result(int32_t operand) { return nodes_[static_cast<size_t>(operand - inputs())]; }
  DType dtype_of(int32_t operand) {
    return is_result(operand) ? result(operand).result : desc_.inputs[operand].dtype;
  }

  Status read_space() {
    if (inputs() < 0 || inputs() > kMaxFusedInputs) return reject(desc_, "%d inputs", inputs());
    if (desc_.num_outputs < 1 || desc_.num_outputs > kMaxFusedOutputs)
      return reject(desc_, "%d outputs", desc_.num_outputs);
    rank_ = attrs_.count(0, kMaxRank);
    step_.size = 1;
    bool empty = false;
    for (int d = 0; d < rank_; ++d) {
      dims_[d] = attrs_.i64();
      if (dims_[d] < 0) return reject(desc_, "dimension %d is negative", d);
      empty |= dims_[d] == 0;
      if (!checked_multiply(step_.size, std::max<int64_t>(dims_[d], 1), &step_.size) ||
          step_.size > INT64_MAX / 16)
        return reject(desc_, "the space has too many elements");
    }
    if (empty) step_.size = 0;
    return Status();
  }

  Status read_instructions() {
    const int32_t n = attrs_.count(0, kMaxFusedInstructions);
    if (attrs_.left() < n * 8) return reject(desc_, "%d instructions do not fit the attributes", n);
    nodes_.resize(static_cast<size_t>(n));
    for (int32_t i = 0; i < n; ++i) TRY(read_instruction(i));
    return Status();
  }

  Status read_instruction(int32_t i) {
    Node& node = nodes_[static_cast<size_t>(i)];
    const char* name = attrs_.symbol();
    const DType type = node.type = static_cast<DType>(attrs_.i32());
    node.result = static_cast<DType>(attrs_.i32());
    for (int32_t& operand : node.operands) operand = attrs_.i32();
    node.node = attrs_.i32();
    if (attrs_.i32() != 0) return reject(desc_, "instruction %d: the last word is not 0", i);
    if (!attrs_.ok()) return attrs_.finish();

    int arity = 1;
    if (std::strcmp(name, "Cast") == 0) {
      node.loop = find_cast(type, node.result);
      node.cost = 2;
      if (!node.loop)
        return reject(desc_, "instruction %d: Cast from dtype %d to %d", i, int(type),
                      int(node.result));
    } else {
      const FunctorRow* row = find_functor(name);
      if (!row) return reject(desc_, "instruction %d: there is no functor '%s'", i, name);
      const int column = column_of(type);
      if (column < 0 || !row->loops[column])
        return reject(desc_, "instruction %d: %s is not for %s", i, name, dtype_name(type));
      if (node.result != (row->to_bool ? DType::kBool : type))
        return reject(desc_, "instruction %d: %s of %s does not give %s", i, name, dtype_name(type),
                      dtype_name(node.result));
      node.row = row;
      node.loop = row->loops[column];
      node.check = row->checks[column];
      node.refusal = row->refusal;
      node.cost = row->cost;
      arity = row->arity;
    }
    for (int o = 0; o < 3; ++o) {
      const int32_t operand = node.operands[o];
      if (o >= arity) {
        if (operand != -1)
          return reject(desc_, "instruction %d: %s takes %d operands", i, name, arity);
        continue;
      }
      if (operand < 0 || operand >= inputs() + i)
        return reject(desc_, "instruction %d: operand %d is %d", i, o, operand);
      const DType want = arity == 3 && o == 0 ? DType::kBool : type;
      if (dtype_of(operand) != want)
        return reject(desc_, "instruction %d: operand %d of %s is %s, not %s", i, o, name,
                      dtype_name(dtype_of(operand)), dtype_name(want));
    }
    return Status();
  }

  Status read_outputs() {
    for (int o = 0; o < desc_.num_outputs; ++o) output_operands_[o] = attrs_.i32();
    TRY(read_reductions(desc_, attrs_, step_));
    TRY(attrs_.finish());
    for (const FusedReduction& reduction : step_.reductions) is_reduced_[reduction.output] = true;
    for (int o = 0; o < desc_.num_outputs; ++o) {
      const int32_t operand = output_operands_[o];
      if (operand < 0 || operand >= inputs() + static_cast<int32_t>(nodes_.size()))
        return reject(desc_, "output %d is operand %d", o, operand);
      const TensorDesc& output = desc_.outputs[o];
      if (dtype_of(operand) != output.dtype || item_size(output.dtype) == 0)
        return reject(desc_, "output %d is %s, its operand %s", o, dtype_name(output.dtype),
                      dtype_name(dtype_of(operand)));
      if (output.size != step_.size && !is_reduced_[o])
        return reject(desc_, "output %d has %lld elements, the space %lld", o,
                      (long long)output.size, (long long)step_.size);
    }
    return Status();
  }

  Status check_inputs() {
    for (int i = 0; i < inputs(); ++i) {
      const TensorDesc& input = desc_.inputs[i];
      if (item_size(input.dtype) == 0)
        return reject(desc_, "input %d has dtype %s", i, dtype_name(input.dtype));
      if (input.rank > rank_)
        return reject(desc_, "input %d has rank %d, the space %d", i, input.rank, rank_);
      int64_t size = 1;
      for (int d = 0; d < input.rank; ++d) {
        const int64_t dim = input.dims[d], space = dims_[rank_ - input.rank + d];
        if (dim != space && dim != 1)
          return reject(desc_, "input %d: dimension %lld does not broadcast to %lld", i,
                        (long long)dim, (long long)space);
        size *= dim;  // at most the space's, whose product was checked
      }
      if (size != input.size)
        return reject(desc_, "input %d: its size is not its dimensions' product", i);
    }
    return Status();
  }

  // An output may lie over inputs that are walked as it is: the same element at the same place at
  // the same time.
  Status check_aliases() {
    for (int o = 0; o < desc_.num_outputs; ++o) {
      const TensorDesc& output = desc_.outputs[o];
      for (int p = 0; p < o; ++p)
        if (output.storage == desc_.outputs[p].storage)
          return reject(desc_, "outputs %d and %d share storage", p, o);
      for (int i = 0; i < inputs(); ++i) {
        const TensorDesc& input = desc_.inputs[i];
        if (input.storage != output.storage) continue;
        if (is_reduced_[o])
          return reject(desc_, "reduction %d shares storage with input %d", o, i);
        if (input.size != step_.size || item_size(input.dtype) != item_size(output.dtype))
          return reject(
              desc_,
              "output %d shares storage with input %d, which is broadcast or of another size", o,
              i);
      }
    }
    return Status();
  }

  // Instructions over scalars alone whose results the tape only reads: they need not run for each tile.
  void find_scalar_work() {
    for (Node& node : nodes_) {
      node.once = !node.check;
      for (const int32_t operand : node.operands)
        if (operand >= 0)
          node.once &= is_result(operand)
                           ? result(operand).once
                           : desc_.inputs[operand].size == 1 && step_.size != 1;
    }
    for (int o = 0; o < desc_.num_outputs; ++o)
      if (is_result(output_operands_[o])) keep_for_tiles(output_operands_[o]);
  }
  // An output is made tile by tile, and so is what is made of it.
  void keep_for_tiles(int32_t operand) {
    result(operand).once = false;
    for (Node& node : nodes_)
      for (const int32_t read : node.operands)
        if (read >= 0 && is_result(read)) node.once &= result(read).once;
  }

  int32_t append_copy(int32_t operand) {
    Node node;
    node.result = dtype_of(operand);
    node.loop = find_cast(node.result, node.result);
    node.operands[0] = operand;
    nodes_.push_back(node);
    return inputs() + static_cast<int32_t>(nodes_.size()) - 1;
  }

  // Whether an instruction after `position` reads memory that output `o` would have overwritten.
  bool is_read_later(int o, int32_t position) {
    for (int32_t j = position + 1; j < static_cast<int32_t>(nodes_.size()); ++j)
      for (int32_t operand : nodes_[static_cast<size_t>(j)].operands)
        if (operand >= 0 && !is_result(operand) &&
            desc_.inputs[operand].storage == desc_.outputs[o].storage)
          return true;
    return false;
  }

  // An input that is as long as the space and that no output lies over.
  bool is_kept_whole(int32_t operand) const {
    const TensorDesc& input = desc_.inputs[operand];
    return input.size == step_.size && std::none_of(desc_.outputs, desc_.outputs + desc_.num_outputs, [&](const TensorDesc& output) {
             return output.storage == input.storage;
           });
  }

  bool is_far(int o) const { return step_.in_block ? (step_.far_outputs >> o & 1) != 0 : is_apart_and_large(desc_, o); }

  // More than one output, or reduced beside: then the tile is the place to read it again.
  bool is_for_several(int32_t operand) const { return std::count(output_operands_, output_operands_ + desc_.num_outputs, operand) > 1; }

  void stream(Node& node, Loop loop) {
    if (loop == nullptr) return;
    node.loop = loop;
    node.streams = step_.streams = true;
  }

  void place_outputs() {
    // What is reduced is read when the whole tape has run over a tile: an input may be overwritten
    // by then.
    for (const FusedReduction& reduction : step_.reductions) {
      int32_t& operand = output_operands_[reduction.output];
      if (!is_result(operand) && !is_kept_whole(operand)) operand = append_copy(operand);
    }
    // An output that is an input: nothing to do where it is the same memory, else a copy.
    int32_t makers[kMaxFusedOutputs];
    for (int o = 0; o < desc_.num_outputs; ++o) {
      const int32_t operand = output_operands_[o];
      makers[o] = -1;
      if (is_reduced_[o]) continue;
      if (is_result(operand))
        makers[o] = operand - inputs();
      else if (desc_.inputs[operand].storage != desc_.outputs[o].storage)
        makers[o] = append_copy(operand) - inputs();
    }
    // The maker writes the output itself unless it already writes another or the memory is still read; then a copy at the end does.
    int32_t late[kMaxFusedOutputs];
    int lates = 0;
    step_.cheap = is_cheap(nodes_);
    for (int o = 0; o < desc_.num_outputs; ++o) {
      if (makers[o] < 0) continue;
      Node& maker = nodes_[static_cast<size_t>(makers[o])];
      const bool large = is_far(o), several = is_for_several(inputs() + makers[o]);
      const Loop streaming = large && !several ? find_streaming(desc_, nodes_, maker, step_.size) : nullptr;
      if (maker.output >= 0 || is_read_later(o, makers[o]) || (large && step_.cheap && streaming == nullptr)) {
        late[lates++] = o;
        continue;
      }
      maker.output = o;
      stream(maker, streaming);
    }
    for (int l = 0; l < lates; ++l) {
      Node& copy = result(append_copy(inputs() + makers[late[l]]));
      copy.output = late[l];
      if (step_.cheap && is_far(late[l])) stream(copy, find_stream(item_size(copy.result)));
    }
    for (int32_t i = 0; i < static_cast<int32_t>(nodes_.size()); ++i)
      for (int32_t operand : nodes_[static_cast<size_t>(i)].operands)
        if (operand >= 0 && is_result(operand)) result(operand).last_use = i;
    for (const FusedReduction& reduction : step_.reductions)
      if (const int32_t operand = output_operands_[reduction.output]; is_result(operand)) result(operand).last_use = INT32_MAX;
  }

  int16_t add_slot(const Slot& slot) {
    step_.slots.push_back(slot);
    return static_cast<int16_t>(step_.slots.size() - 1);
  }

  // Merges the space's dims into alternating kept and repeated groups of an input.
  Walk walk_of(const TensorDesc& input) const {
    Walk walk;
    int64_t stride = 1;
    int64_t extents[kMaxRank], strides[kMaxRank];
    int groups = 0;
    for (int d = rank_ - 1; d >= 0; --d) {
      if (dims_[d] == 1) continue;
      const int own = d - (rank_ - input.rank);
      const bool kept = own >= 0 && input.dims[own] != 1;
      if (groups > 0 && (strides[groups - 1] != 0) == kept) {
        extents[groups - 1] *= dims_[d];
      } else {
        extents[groups] = dims_[d];
        strides[groups++] = kept ? stride : 0;
      }
      if (kept) stride *= dims_[d];
    }
    walk.groups = groups;
    for (int g = 0; g < groups; ++g) {
      walk.extent[g] = extents[groups - 1 - g];
      walk.stride[g] = strides[groups - 1 - g];
    }
    return walk;
  }

  // Registers all have one size, that of the widest type in them.
  int take_register() {
    if (!free_.empty()) {
      const int taken = free_.back();
      free_.pop_back();
      return taken;
    }
    return registers_++;
  }

  Status give_slots() {
    if (step_.size == 0) {  // nothing will run: no walks over extents of 0
      nodes_.clear();
      return Status();
    }
    give_input_slots();
    const auto count = static_cast<int32_t>(nodes_.size());
    std::vector<int> register_of(nodes_.size(), -1);
    for (int32_t i = 0; i < count; ++i) {
      Node& node = nodes_[static_cast<size_t>(i)];
      int released[3];
      int releases = 0;
      for (int o = 0; o < 3; ++o) {
        const int32_t operand = node.operands[o];
        if (operand < 0 || !is_result(operand) || result(operand).last_use != i) continue;
        if (result(operand).once) continue;  // its register is its own
        int& held = register_of[static_cast<size_t>(operand - inputs())];
        if (held < 0) continue;
        // The result may take the place of an operand that dies here, element by element, if they
        // are as wide.
        if (item_size(result(operand).result) == item_size(node.result))
          free_.push_back(held);
        else
          released[releases++] = held;
        held = -1;
      }
      if (node.output >= 0) {
        node.slot = add_slot({SlotKind::kBuffer, static_cast<uint8_t>(item_size(node.result)),
                              static_cast<int16_t>(inputs() + node.output), 0});
        step_.slots.back().streams = node.streams;
        step_.slots.back().in_place = std::any_of(desc_.inputs, desc_.inputs + inputs(), [&](const TensorDesc& input) {
          return input.storage == desc_.outputs[node.output].storage;
        });
      } else {
        const int taken = node.once ? registers_++ : take_register();
        widest_ = std::max(widest_, static_cast<int>(item_size(node.result)));
        if (taken >= static_cast<int>(register_slots_.size())) {
          register_slots_.resize(static_cast<size_t>(taken) + 1, -1);
        }
        int16_t& slot = register_slots_[static_cast<size_t>(taken)];
        if (slot < 0) slot = add_slot({SlotKind::kRegister, 0, -1, taken});
        node.slot = slot;
        if (node.once)
          register_of[static_cast<size_t>(i)] = -1;
        else if (node.last_use < 0)
          released[releases++] = taken;
        else
          register_of[static_cast<size_t>(i)] = taken;
      }
      for (int r = 0; r < releases; ++r) free_.push_back(released[r]);
    }
    if (registers_ > kMaxRegisters)
      return reject(desc_, "%d registers are live at once", registers_);
    choose_tile();
    return Status();
  }

  void give_input_slots() {
    bool used[kMaxFusedInputs] = {};
    for (const Node& node : nodes_)
      for (int32_t operand : node.operands)
        if (operand >= 0 && !is_result(operand)) used[operand] = true;
    for (const FusedReduction& reduction : step_.reductions)
      if (const int32_t operand = output_operands_[reduction.output]; !is_result(operand)) used[operand] = true;
    for (int i = 0; i < inputs(); ++i) {
      input_slots_[i] = -1;
      if (!used[i]) continue;
      const TensorDesc& input = desc_.inputs[i];
      Slot slot{SlotKind::kBuffer, static_cast<uint8_t>(item_size(input.dtype)),
                static_cast<int16_t>(i), 0};
      if (input.size != step_.size) {
        widest_ = std::max(widest_, static_cast<int>(slot.item));
        slot.scratch = registers_++;
        if (input.size == 1) {
          slot.kind = SlotKind::kScalar;
        } else {
          const Walk walk = walk_of(input);
          if (walk.groups == 2 && walk.stride[1] != 0 && walk.extent[1] <= (registers_ < kFewRegisters ? kMaxPeriod : kMinTile)) {
            slot.kind = SlotKind::kPeriodic;
            slot.period = walk.extent[1];
            registers_ += static_cast<int>((slot.period + kMinTile - 1) / kMinTile);  // a tile and a period
          } else {
            slot.kind = SlotKind::kBroadcast;
            slot.walk = static_cast<int32_t>(step_.walks.size());
            step_.walks.push_back(walk);
          }
        }
      }
      input_slots_[i] = add_slot(slot);
    }
    register_slots_.assign(static_cast<size_t>(registers_), -1);
  }

  void choose_tile() {
    const int tile = tile_of(step_, int64_t{std::max(registers_, 1)} * widest_, nodes_.size() == 1);
    step_.tile = tile;
    if (step_.even_tiles) step_.tile_run = run_of_tiles(step_);
    for (Slot& slot : step_.slots)
      if (slot.kind != SlotKind::kBuffer) slot.scratch *= (tile * widest_ + 63) / 64 * 64;
  }

  void emit() {
    for (const Node& node : nodes_) {
      int16_t slots[3] = {0, 0, 0};
      for (int o = 0; o < 3; ++o) {
        const int32_t operand = node.operands[o];
        if (operand >= 0)
          slots[o] = is_result(operand) ? result(operand).slot : input_slots_[operand];
      }
      (node.once ? step_.first : step_.instructions)
          .push_back({node.loop, node.check, node.slot, slots[0], slots[1], slots[2],
                      node.node < 0 ? desc_.node : node.node, node.refusal});
      if (node.once) continue;
      if (node.check) step_.checks = static_cast<int32_t>(step_.instructions.size());
      step_.cost += node.cost;
    }
    step_.grain = grain_for(step_.cost * step_.tile);
    if (step_.size != 0)
      for (FusedReduction& reduction : step_.reductions) {
        const int32_t operand = output_operands_[reduction.output];
        reduction.slot = is_result(operand) ? result(operand).slot : input_slots_[operand];
      }
    for (size_t s = 0; s < step_.slots.size(); ++s) {
      const SlotKind kind = step_.slots[s].kind;
      const bool moves =
          kind == SlotKind::kBuffer || kind == SlotKind::kPeriodic || kind == SlotKind::kBroadcast;
      if (moves) step_.each.push_back(static_cast<int16_t>(s));
      if (kind != SlotKind::kBuffer && kind != SlotKind::kBroadcast)
        step_.once.push_back(static_cast<int16_t>(s));
    }
  }

  static constexpr int64_t kMaxPeriod = kMaxTile / 4 - 1;  // tiles are made to end with longer rows (fused_tile.cc)
  static constexpr int kFewRegisters = kMaxRegisters / 4;  // so that inputs leave enough of them to results

  const StepDesc& desc_;
  FusedStep& step_;
  AttrReader attrs_;
  int rank_ = 0;
  int64_t dims_[kMaxRank] = {};
  std::vector<Node> nodes_;
  int32_t output_operands_[kMaxFusedOutputs] = {};
  bool is_reduced_[kMaxFusedOutputs] = {};
  int16_t input_slots_[kMaxFusedInputs] = {};
  std::vector<int> free_;
  std::vector<int16_t> register_slots_;
  int registers_ = 0;
  int widest_ = 1;
};

}  // namespace

Status build_tape(const StepDesc& desc, FusedStep& step) { return Builder(desc, step).build(); }

Status prepare_fused(const StepDesc& desc, const HostServices&, StepPointer& step) {
  auto fused = std::make_unique<FusedStep>(run_fused);
  fused->even_tiles = true;
  TRY(build_tape(desc, *fused));
  if (fused->size != 0 && fused->cut.by_rows) fetch_next_tiles(*fused);  // by columns tiles do not follow each other
  step = std::move(fused);
  return Status();
}

}  // namespace grafo::cpu
