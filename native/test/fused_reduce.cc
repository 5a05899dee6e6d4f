// Tapes that end in reductions against the same tape without and a Reduce after it: any dtype, form and number of threads, tiles
// of every size; and words that must be rejected.
#include <cmath>
#include <random>

#include "cpu/fused_table.h"
#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

std::mt19937_64 random_bits(17);

void fill(Value& v) {
  const DType dtype = v.desc.dtype;
  for (int64_t i = 0; i < v.desc.size; ++i) {
    const double x = std::ldexp((double)(int64_t)random_bits() / 0x1p63, (int)(random_bits() % 20) - 10);
    if (dtype == DType::kFloat32) {
      v.data<float>()[i] = (float)x;
    } else if (dtype == DType::kFloat64) {
      v.data<double>()[i] = x;
    } else if (dtype == DType::kBool) {
      v.data<uint8_t>()[i] = random_bits() % 1000 != 0;
    } else {
      const uint64_t bits = random_bits();
      std::memcpy(v.data<char>() + i * item_size(dtype), &bits, item_size(dtype));
    }
  }
}

struct Form {
  int64_t outputs, length;
  bool columns;
  std::vector<int64_t> dims() const {
    return columns ? std::vector<int64_t>{length, outputs} : std::vector<int64_t>{outputs, length};
  }
};

const Form kForms[] = {
    {1, 2, false},      {1, 255, false},   {1, 256, false},     {1, 1000, false},   {1, 300001, false},
    {3, 70000, false},  {100, 700, false}, {2000, 3, false},    {171, 3, false},    {5, 512, false},
    {5, 513, false},    {1, 7, true},      {1, 100000, true},   {10, 4096, true},   {600, 9, true},
    {513, 40, true},    {512, 4097, true}, {64, 8, true},       {3, 2, true},       {20000, 30, true},
    {2, 1, false},      {9000, 1, true},   {130, 3000, true},   {0, 5, false},      {5, 0, false},
    {5, 0, true},       {0, 5, true}};

// x + x as it is, one Reduce of it for each op, and both by one tape.
void check(const Form& form, DType dtype, const std::vector<int>& ops, int registers) {
  const auto dims = form.dims();
  Value x = value(dtype, dims), whole = value(dtype, dims), stored = value(dtype, dims);
  fill(x);
  const bool logical = dtype == DType::kBool;
  // Many results that all live to the end make the tile small.
  auto write = [&](Tape& tape) {
    tape.inputs = {&x};
    const char* name = logical ? "LogicalOr" : "Add";
    for (int i = 0; i <= registers; ++i) tape.op(name, dtype, dtype, i, 0);
    int32_t sum = registers + 1;
    for (int i = registers; i > 0; --i, ++sum) tape.op(name, dtype, dtype, sum, i);
    return sum;
  };
  Tape plain(dims);
  plain.out(write(plain));
  plain.outputs = {&whole};
  CHECK(plain.run().ok());
  std::vector<Value> alone, fused;
  for (int op : ops) {
    alone.push_back(value(dtype, {form.outputs})), fused.push_back(value(dtype, {form.outputs}));
    test::tape::Step reduce;
    reduce.kernel = "Reduce";
    reduce.inputs = {&whole};
    reduce.outputs = {&alone.back()};
    reduce.attrs = {op, 1, form.columns ? 0 : 1};
    CHECK(reduce.run().ok());
  }
  for (int threads : {1, 3})
    for (bool stores : {false, true}) {
      Tape tape(dims);
      const int32_t result = write(tape);
      for (Value& y : fused) {
        std::fill(y.memory.begin(), y.memory.end(), ~0ull);
        tape.outputs.push_back(&y);
        tape.out(result);
      }
      if (stores) tape.outputs.push_back(&stored), tape.out(result);
      for (size_t i = 0; i < ops.size(); ++i) tape.reduce((int32_t)i, ops[i], form.columns, form.length);
      const Status status = tape.run(threads);
      EXPECT(status.ok(), "%s", status.text);
      const size_t item = item_size(dtype);
      for (size_t i = 0; i < ops.size(); ++i)
        for (int64_t o = 0; o < form.outputs; ++o) {
          const char *got = fused[i].data<char>() + o * item, *want = alone[i].data<char>() + o * item;
          const bool nan = dtype == DType::kFloat32 ? std::isnan(alone[i].data<float>()[o])
                                                    : dtype == DType::kFloat64 && std::isnan(alone[i].data<double>()[o]);
          if (!nan && std::memcmp(got, want, item)) {
            EXPECT(false, "%s of %s, %lld of %lld %s, %d threads, %d registers: output %lld", "op",
                   dtype_name(dtype), (long long)form.outputs, (long long)form.length,
                   form.columns ? "columns" : "rows", threads, registers, (long long)o);
            break;
          }
        }
      if (stores) CHECK(!std::memcmp(stored.data<char>(), whole.data<char>(), (size_t)whole.desc.size * item));
    }
}

constexpr DType kNumbers[] = {DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kUint8,  DType::kInt16,
                              DType::kInt8,    DType::kInt64,   DType::kUint16, DType::kUint32, DType::kUint64};

}  // namespace

TEST("Fused: reductions have the bits of Reduce, for every dtype and operation") {
  for (const Form& form : kForms) {
    for (DType dtype : kNumbers) check(form, dtype, {0, 1, 2, 3, 4}, 0);
    check(form, DType::kBool, {5, 6}, 0);
  }
}

TEST("Fused: reductions have the bits of Reduce with small tiles and one operation") {
  for (const Form& form : kForms)
    for (int registers : {20, 60, 100})
      for (DType dtype : {DType::kFloat32, DType::kFloat64}) check(form, dtype, {0}, registers);
}

TEST("Fused: an input is reduced as it was, though the tape overwrites it") {
  Value x = value(DType::kFloat32, {1000}), sum = value(DType::kFloat32, {});
  for (int i = 0; i < 1000; ++i) x.data<float>()[i] = 1;
  Tape tape({1000});
  tape.inputs = {&x}, tape.outputs = {&x, &sum};
  tape.storages = {0, 0, 1};
  tape.op("Neg", DType::kFloat32, DType::kFloat32, 0);
  tape.out(1), tape.out(0);
  tape.reduce(1, 0, false, 1000);
  CHECK(tape.run().ok());
  CHECK(sum.data<float>()[0] == 1000 && x.data<float>()[999] == -1);
}

TEST("Fused: reductions that break the contract are rejected") {
  Value x = value(DType::kFloat32, {6, 4}), y = value(DType::kFloat32, {6}), z = value(DType::kFloat32, {6}),
        same = value(DType::kFloat32, {6, 4}), four = value(DType::kFloat32, {4});
  auto base = [&] {
    Tape tape({6, 4});
    tape.inputs = {&x}, tape.outputs = {&y, &z};
    tape.op("Exp", DType::kFloat32, DType::kFloat32, 0);
    tape.out(1), tape.out(1);
    return tape;
  };
  auto code = [](const Tape& tape) { return tape.run().code; };
  Tape good = base();
  good.reduce(0, 0, false, 4), good.reduce(1, 3, false, 4);
  CHECK(code(good) == Code::kOk);
  const struct {
    int32_t output, op;
    bool columns;
    int64_t length;
  } bad[] = {{0, 0, false, 4}, {-1, 0, false, 4}, {2, 0, false, 4},  {1, 7, false, 4},  {1, -1, false, 4},
             {1, 5, false, 4}, {1, 0, true, 4},   {1, 0, false, 6},  {1, 0, false, 0},  {1, 0, false, -4},
             {1, 0, false, 1}, {1, 0, false, 24}, {1, 0, false, INT64_MAX / 3 + 2}};
  for (const auto& one : bad) {
    Tape tape = base();
    tape.reduce(0, 0, false, 4), tape.reduce(one.output, one.op, one.columns, one.length);
    EXPECT(code(tape) == Code::kInternal, "output %d op %d length %lld", one.output, one.op, (long long)one.length);
  }
  Tape unsorted = base();
  unsorted.reduce(1, 0, false, 4), unsorted.reduce(0, 0, false, 4);
  CHECK(code(unsorted) == Code::kInternal);
  Tape half = base();
  half.reduce(0, 0, false, 4);  // output 1 has too few elements to be stored
  CHECK(code(half) == Code::kInternal);
  Tape flag = good;
  flag.attrs[flag.attrs.size() - 3] = 2;
  CHECK(code(flag) == Code::kInternal);
  Tape longer = good;
  longer.attrs.push_back(0);
  CHECK(code(longer) == Code::kInternal);
  Tape two({6, 4});  // rows and columns
  two.inputs = {&x}, two.outputs = {&y, &four};
  two.out(0), two.out(0);
  two.reduce(0, 0, false, 4), two.reduce(1, 0, true, 6);
  CHECK(code(two) == Code::kInternal);
  Value all = value(DType::kFloat32, {}), eight = value(DType::kFloat32, {8});
  for (Value* other : {&all, &eight}) {  // rows of two lengths
    Tape lengths({6, 4});
    lengths.inputs = {&x}, lengths.outputs = {&y, other};
    lengths.out(0), lengths.out(0);
    lengths.reduce(0, 0, false, 4), lengths.reduce(1, 0, false, 24 / other->desc.size);
    CHECK(code(lengths) == Code::kInternal);
  }
  Tape over({6, 4});  // an output over what is read
  over.inputs = {&x}, over.outputs = {&same};
  over.storages = {0, 0};
  over.out(0);
  over.reduce(0, 0, false, 1);
  CHECK(code(over) == Code::kInternal);
  // Rejected or run, never more.
  for (size_t w = 0; w < good.attrs.size(); ++w)
    for (int32_t word : {-1, 0, 1, 2, 3, 4, 5, 6, 24, 4096, INT32_MAX, INT32_MIN}) {
      Tape tape = good;
      tape.attrs[w] = word;
      (void)tape.run();
    }
}
