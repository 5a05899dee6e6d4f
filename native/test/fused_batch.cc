// Batches of tapes: the same bits as one tape a segment, for any lengths, scalars, aliases and
// threads; and what must be rejected.
#include <random>

#include "math/functors.h"
#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

constexpr DType F = DType::kFloat32;

// v' = v - g * rate * own, a' = |v'|: v in place, a anew, rate for all segments, own one of each. `apart`: v' = tanh(g * own) + rate,
// whose scalars are read where they lie.
struct Batch : Step {
  std::vector<Value> memory;  // rate, then v, g, own, a by segment

  explicit Batch(const std::vector<int64_t>& sizes, bool apart = false) {
    kernel = "FusedBatch";
    memory.reserve(1 + 4 * sizes.size());
    memory.push_back(value(F, {}));
    for (const int64_t n : sizes)
      for (int k = 0; k < 4; ++k)
        memory.push_back(k == 2 ? value(F, {1}) : value(F, {n}));
    std::mt19937 random(static_cast<unsigned>(sizes.size()));
    for (Value& v : memory)
      for (int64_t i = 0; i < v.desc.size; ++i)
        v.data<float>()[i] = static_cast<float>(random() % 2001) / 7 - 100;
    inputs = {&memory[0]};
    for (size_t s = 0; s < sizes.size(); ++s)
      for (size_t k = 1; k < 4; ++k) inputs.push_back(&memory[4 * s + k]);
    storages.assign(inputs.size(), 0);
    for (size_t i = 0; i < inputs.size(); ++i) storages[i] = static_cast<int>(i);
    for (size_t s = 0; s < sizes.size(); ++s) {
      outputs.push_back(&memory[4 * s + 1]);
      outputs.push_back(&memory[4 * s + 4]);
      storages.push_back(static_cast<int>(3 * s + 1));
      storages.push_back(static_cast<int>(inputs.size() + s));
    }
    attrs = {static_cast<int32_t>(sizes.size()), 1, 3, 0, 0, 1};
    for (const int64_t n : sizes) i64(n);
    attrs.push_back(4);
    op("Mul", 2, apart ? 3 : 0);
    apart ? op("Tanh", 4, -1) : op("Mul", 4, 3);
    apart ? op("Add", 5, 0) : op("Sub", 1, 5);
    op("Abs", 6, -1);
    attrs.push_back(6);
    attrs.push_back(7);
  }
  void op(const char* name, int32_t a, int32_t b) {
    for (int32_t word : {symbol(name), (int32_t)F, (int32_t)F, a, b, -1, 3, 0})
      attrs.push_back(word);
  }
};

void same_as_segments() {
  for (const std::vector<int64_t>& sizes :
       {std::vector<int64_t>{1}, {1, 1, 1}, {16, 8, 64, 8, 8, 1}, {511, 512, 513, 3, 1024, 1},
        {100000, 1, 70000, 513, 40000}})
    for (int threads : {1, 2, 4, -1, -2}) {
      const bool apart = threads < 0;
      Batch batch(sizes, apart);
      const std::vector<Value> before = batch.memory;
      const Status status = batch.run(std::abs(threads));
      EXPECT(status.ok(), "%s", status.text);
      for (size_t s = 0; s < sizes.size(); ++s) {
        const float rate = Value(before[0]).data<float>()[0];
        Value v = before[4 * s + 1], g = before[4 * s + 2], own = before[4 * s + 3];
        for (int64_t i = 0; i < sizes[s]; ++i) {
          const float given = g.data<float>()[i], mine = own.data<float>()[0];
          const float now = apart ? math::Tanh()(given * mine) + rate : v.data<float>()[i] - given * rate * mine;
          if (batch.memory[4 * s + 1].data<float>()[i] != now ||
              batch.memory[4 * s + 4].data<float>()[i] != std::abs(now)) {
            EXPECT(false, "segment %zu of %zu, element %lld, %d threads", s, sizes.size(),
                   (long long)i, threads);
            break;
          }
        }
      }
    }
}

void rejected() {
  const std::vector<int64_t> sizes = {6, 5, 1};
  EXPECT(Batch(sizes).run().ok());
  const auto refuses = [&](const char* what, auto&& change) {
    Batch batch(sizes);
    change(batch);
    EXPECT(batch.run().code == Code::kInternal, "%s", what);
  };
  // Inputs: rate 0; v g own 1-3, 4-6, 7-9. Outputs: v a 10 11, 12 13, 14 15.
  refuses("an output is another segment's input", [](Batch& b) { b.storages[13] = 2; });
  refuses("an output is another segment's input, later", [](Batch& b) { b.storages[11] = 5; });
  refuses("an output is the shared scalar", [](Batch& b) { b.storages[15] = 0; });
  refuses("an output is a scalar of its own segment", [](Batch& b) { b.storages[15] = 9; });
  refuses("two segments write one storage", [](Batch& b) { b.storages[13] = b.storages[11]; });
  refuses("a segment writes one storage twice", [](Batch& b) { b.storages[15] = b.storages[14]; });
  refuses("one segment in place, another not", [](Batch& b) { b.storages[12] = 99; });
  refuses("the first not in place", [](Batch& b) { b.storages[10] = 99; });
  refuses("a length of another segment", [](Batch& b) { b.attrs[8] = 6; });
  refuses("a length of nothing", [](Batch& b) { b.attrs[8] = 0; });
  refuses("a length below nothing", [](Batch& b) { b.attrs[9] = -1; });
  refuses("a dtype of another segment", [](Batch& b) { b.inputs[5]->desc.dtype = DType::kInt32; });
  refuses("an output of another dtype",
          [](Batch& b) { b.outputs[3]->desc.dtype = DType::kInt32; });
  refuses("a longer output", [](Batch& b) { b.outputs[3]->desc.size = 6; });
  refuses("a shorter input", [](Batch& b) { b.inputs[5]->desc.size = 4; });
  refuses("a scalar of two elements", [](Batch& b) { b.inputs[9]->desc.size = 2; });
  refuses("a shared input of two elements", [](Batch& b) { b.inputs[0]->desc.size = 2; });
  refuses("a missing output", [](Batch& b) { b.outputs.pop_back(), b.storages.pop_back(); });
  refuses("a reduction", [](Batch& b) {
    for (const int32_t word : {1, 0, 0, 1, 0}) b.attrs.push_back(word);
  });
  refuses("no segments", [](Batch& b) { b.attrs[0] = 0; });
  Batch checked(sizes);
  for (Value& v : checked.memory) v.desc.dtype = DType::kInt32;
  for (size_t w = 0; w < 4; ++w)
    checked.attrs[14 + 8 * w] = checked.attrs[15 + 8 * w] = (int32_t)DType::kInt32;
  EXPECT(checked.run().ok());
  checked.symbols[2] = "FloorDiv";
  EXPECT(checked.run().code == Code::kInternal, "an instruction that refuses elements");
  // Every word, cut and changed: refused or run.
  const size_t words = Batch(sizes).attrs.size();
  for (size_t w = 0; w < words; ++w) {
    Batch cut(sizes);
    cut.attrs.resize(w);
    EXPECT(cut.run().code == Code::kInternal, "%zu words", w);
    for (int32_t word : {-1, 0, 1, 2, 3, 7, 255, 257, INT32_MAX, INT32_MIN}) {
      Batch changed(sizes);
      changed.attrs[w] = word;
      const Status status = changed.run();
      EXPECT(status.ok() || status.code == Code::kInternal, "%s", status.text);
    }
  }
}

}  // namespace

TEST("FusedBatch: the bits of one tape a segment, for any lengths and threads") {
  same_as_segments();
}
TEST("FusedBatch: batches that break the contract are rejected") { rejected(); }
