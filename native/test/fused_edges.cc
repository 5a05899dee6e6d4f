// Values at the edge of what a functor of `Fused` takes, which random ones do not meet.
#include <cmath>

#include "cpu/fused.h"
#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

template <class T>
T binary(const char* name, DType dtype, T a, T b) {
  Value x = value(dtype, {}), y = value(dtype, {}), z = value(dtype, {});
  *x.data<T>() = a, *y.data<T>() = b;
  Tape tape({});
  tape.inputs = {&x, &y}, tape.outputs = {&z};
  tape.op(name, dtype, dtype, 0, 1);
  tape.out(2);
  CHECK_EQ(std::string(tape.run().text), "");
  return *z.data<T>();
}

}  // namespace

TEST("Fused: every byte of a bool but 0 is true") {
  const DType f = DType::kFloat32;
  Value c = value(DType::kBool, {4}), x = value(f, {4}), y = value(f, {4}), cast = value(f, {4}),
        selected = value(f, {4});
  const uint8_t bytes[] = {0, 1, 2, 255};
  std::copy_n(bytes, 4, c.data<uint8_t>());
  std::fill_n(x.data<float>(), 4, 5.0f);
  Tape tape({4});
  tape.inputs = {&c, &x, &y}, tape.outputs = {&cast, &selected};
  tape.op("Cast", DType::kBool, f, 0), tape.op("Select", f, f, 0, 1, 2);
  tape.out(3), tape.out(4);
  CHECK_EQ(std::string(tape.run().text), "");
  for (int i = 0; i < 4; ++i) {
    CHECK_EQ(cast.data<float>()[i], i > 0 ? 1 : 0);
    CHECK_EQ(selected.data<float>()[i], i > 0 ? 5 : 0);
  }
}

TEST("Fused: integer quotients by -1 change the sign, and the lowest number wraps") {
  for (const char* name : {"TruncateDiv", "FloorDiv"}) {
    CHECK_EQ(binary<int32_t>(name, DType::kInt32, 7, -1), -7);
    CHECK_EQ(binary<int32_t>(name, DType::kInt32, -7, -1), 7);
    CHECK_EQ(binary<int32_t>(name, DType::kInt32, INT32_MIN, -1), INT32_MIN);
    CHECK_EQ(binary<int64_t>(name, DType::kInt64, 7, -1), -7);
    CHECK_EQ(binary<int64_t>(name, DType::kInt64, INT64_MIN, -1), INT64_MIN);
    CHECK_EQ(int{binary<int8_t>(name, DType::kInt8, -128, -1)}, -128);
  }
  CHECK_EQ(binary<int32_t>("TruncateMod", DType::kInt32, INT32_MIN, -1), 0);
}

TEST("Fused: what rounds to 0 is +0, a zero keeps its sign") {
  Value x = value(DType::kFloat32, {5}), y = value(DType::kFloat32, {5});
  const float from[] = {-0.3f, -0.5f, 0.5f, 0.0f, -0.0f};
  std::copy_n(from, 5, x.data<float>());
  Tape tape({5});
  tape.inputs = {&x}, tape.outputs = {&y};
  tape.op("Round", DType::kFloat32, DType::kFloat32, 0);
  tape.out(1);
  CHECK_EQ(std::string(tape.run().text), "");
  for (int i = 0; i < 5; ++i) {
    CHECK_EQ(y.data<float>()[i], 0);
    CHECK_EQ(std::signbit(y.data<float>()[i]), i == 4);
  }
}

TEST("Fused: results that are stored past the caches are those of small ones, to the last element") {
  constexpr int64_t kItems = (int64_t{17} << 20) + 37;  // 17 MB of bools, 68 MB of floats
  const DType f = DType::kFloat32;
  Value x = value(f, {kItems}), sum = value(f, {kItems}), larger = value(DType::kBool, {kItems});
  for (int64_t i = 0; i < kItems; ++i) x.data<float>()[i] = static_cast<float>(i % 1001);
  Tape tape({kItems});
  tape.inputs = {&x}, tape.outputs = {&sum, &larger};
  tape.op("Add", f, f, 0, 0);
  tape.op("Greater", f, DType::kBool, 1, 0);
  tape.out(1), tape.out(2);
  CHECK_EQ(std::string(tape.run().text), "");
  int64_t wrong = 0;
  for (int64_t i = 0; i < kItems; ++i) {
    const auto base = static_cast<float>(i % 1001);
    wrong += sum.data<float>()[i] != base + base;
    wrong += larger.data<uint8_t>()[i] != (base > 0);
  }
  CHECK_EQ(wrong, 0);
}

// One element for each row, in rows that tiles end with, against the same values of full size; `also` is a second instruction that reads
// the element but has no loop for one.
template <class T>
void columns_beside(const char* name, bool first, bool also, int64_t c) {
  constexpr int64_t kRows = 7;
  const DType type = sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64;
  Value x = value(type, {kRows, c}), column = value(type, {kRows, 1}), full = value(type, {kRows, c});
  Value y = value(type, {kRows, c}), z = value(type, {kRows, c}), want = value(type, {kRows, c}), want_z = value(type, {kRows, c});
  for (int64_t i = 0; i < kRows * c; ++i) {
    x.data<T>()[i] = static_cast<T>(i % 1013) / 7 - 50;
    full.data<T>()[i] = column.data<T>()[i / c] = static_cast<T>(i / c) + static_cast<T>(1.25);
  }
  const auto run = [&](Value* other, Value* result, Value* result_z, int32_t threads) {
    Tape tape({kRows, c});
    tape.inputs = {&x, other}, tape.outputs = {result};
    tape.op(name, type, type, first ? 1 : 0, first ? 0 : 1);
    if (also) tape.outputs.push_back(result_z), tape.op("Maximum", type, type, 0, 1);
    tape.out(2);
    if (also) tape.out(3);
    CHECK_EQ(std::string(tape.run(threads).text), "");
  };
  run(&full, &want, &want_z, 1);
  for (const int32_t threads : {1, 3}) {
    run(&column, &y, &z, threads);
    EXPECT(std::memcmp(y.data<T>(), want.data<T>(), static_cast<size_t>(kRows * c) * sizeof(T)) == 0, "%s %d %d %lld", name, first, also,
           static_cast<long long>(c));
    if (also) CHECK(std::memcmp(z.data<T>(), want_z.data<T>(), static_cast<size_t>(kRows * c) * sizeof(T)) == 0);
  }
}

TEST("Fused: an element beside each row is that element over the whole row") {
  for (const char* name : {"AddV2", "Sub", "Mul", "RealDiv", "Minimum"})
    for (const bool first : {false, true})
      for (const bool also : {false, true})
        for (const int64_t c : {3, 1000, 2048, 4096, 5000}) {
          columns_beside<float>(name, first, also, c);
          columns_beside<double>(name, first, also, c);
        }
}

// How many elements a tile of x + other has.
int32_t tile_beside(Value& x, Value& other) {
  Value y = value(DType::kFloat32, {x.desc.dims[0], x.desc.dims[1]});
  Tape tape({x.desc.dims[0], x.desc.dims[1]});
  tape.inputs = {&x, &other}, tape.outputs = {&y};
  tape.op("AddV2", DType::kFloat32, DType::kFloat32, 0, 1);
  tape.out(2);
  Host host;
  void* instance = nullptr;
  PreparedStep* step = nullptr;
  CHECK_EQ(std::string(tape.prepare(host, &instance, &step).text), "");
  const int32_t tile = static_cast<const cpu::FusedStep*>(step)->tile;
  grafo_backend()->destroy(instance, step);
  grafo_backend()->close(instance);
  return tile;
}

TEST("Fused: long tiles of one operation end with the rows of what is broadcast") {
  const DType f = DType::kFloat32;
  for (const auto& [columns, tile] : {std::pair{100, 2048}, {1000, 1000}, {3000, 3000}, {10000, 5000}, {10007, 512}, {10747, 977}}) {
    Value x = value(f, {300, columns}), row = value(f, {1, columns}), column = value(f, {300, 1});
    CHECK_EQ(tile_beside(x, row), tile);
    CHECK_EQ(tile_beside(x, column), tile);
    CHECK_EQ(tile_beside(x, x), columns < 3000 ? 2048 : 8192);
  }
}

TEST("Fused: an element beside each row that is both arguments") {
  constexpr int64_t kColumns = 2048;
  const DType f = DType::kFloat32;
  Value x = value(f, {3, kColumns}), column = value(f, {3, 1}), y = value(f, {3, kColumns});
  for (int64_t i = 0; i < 3 * kColumns; ++i) x.data<float>()[i] = static_cast<float>(i);
  for (int r = 0; r < 3; ++r) column.data<float>()[r] = static_cast<float>(r + 2);
  Tape tape({3, kColumns});
  tape.inputs = {&x, &column}, tape.outputs = {&y};
  tape.op("Mul", f, f, 1, 1);
  tape.op("Sub", f, f, 0, 2);
  tape.out(3);
  CHECK_EQ(std::string(tape.run().text), "");
  int64_t wrong = 0;
  for (int64_t i = 0; i < 3 * kColumns; ++i) {
    const auto beside = static_cast<float>(i / kColumns + 2);
    wrong += y.data<float>()[i] != static_cast<float>(i) - beside * beside;
  }
  CHECK_EQ(wrong, 0);
}

// y = (x + a) * b against a walk, for inputs of which tiles take elements, rows or parts of several dims.
void beside(const std::vector<int64_t>& dims, const std::vector<int64_t>& a_dims, const std::vector<int64_t>& b_dims) {
  const DType f = DType::kFloat32;
  Value x = value(f, dims), a = value(f, a_dims), b = value(f, b_dims), y = value(f, dims);
  for (Value* v : {&x, &a, &b})
    for (int64_t i = 0; i < v->desc.size; ++i) v->data<float>()[i] = static_cast<float>((i * 7 + v->desc.rank) % 31) - 9;
  const auto at = [&](const Value& v, const std::vector<int64_t>& shape, int64_t i) {
    int64_t offset = 0, stride = 1;
    for (int d = static_cast<int>(dims.size()) - 1; d >= 0; --d) {
      const auto own = static_cast<size_t>(d);
      if (shape[own] != 1) offset += i % dims[own] * stride;
      stride *= shape[own];
      i /= dims[own];
    }
    return const_cast<Value&>(v).data<float>()[offset];
  };
  Tape tape(dims);
  tape.inputs = {&x, &a, &b}, tape.outputs = {&y};
  tape.op("AddV2", f, f, 0, 1);
  tape.op("Mul", f, f, 3, 2);
  tape.out(4);
  for (const int32_t threads : {1, 3}) {
    CHECK_EQ(std::string(tape.run(threads).text), "");
    int64_t wrong = 0;
    for (int64_t i = 0; i < x.desc.size; ++i)
      wrong += y.data<float>()[i] != (x.data<float>()[i] + at(a, a_dims, i)) * at(b, b_dims, i);
    CHECK_EQ(wrong, 0);
  }
}

TEST("Fused: elements beside rows of several dims, and two of them") {
  beside({5, 3, 2048}, {5, 3, 1}, {1, 3, 1});
  beside({5, 3, 2048}, {5, 1, 1}, {5, 3, 1});
  beside({5, 3, 512}, {1, 3, 1}, {5, 1, 512});
  beside({4, 600, 3}, {4, 1, 1}, {1, 600, 1});
  beside({3, 2, 700}, {3, 2, 700}, {3, 1, 1});
}

// a + b of short rows, where a repeats rows and b elements: both are filled in for each tile, one beside the other.
template <class T>
void short_rows_of_both(DType dtype) {
  constexpr int64_t kOuter = 13, kRows = 11;
  for (int64_t length = 1; length <= 140; ++length) {
    Value a = value(dtype, {kOuter, 1, length}), b = value(dtype, {kRows, 1}), y = value(dtype, {kOuter, kRows, length});
    for (int64_t i = 0; i < kOuter * length; ++i) a.data<T>()[i] = static_cast<T>(i % 50 - 25);
    for (int64_t i = 0; i < kRows; ++i) b.data<T>()[i] = static_cast<T>(5 * i);
    Tape tape({kOuter, kRows, length});
    tape.inputs = {&a, &b}, tape.outputs = {&y};
    tape.op("AddV2", dtype, dtype, 0, 1);
    tape.out(2);
    for (const int32_t threads : {1, 3}) {
      std::fill_n(y.data<T>(), y.desc.size, T(0));
      CHECK_EQ(std::string(tape.run(threads).text), "");
      int64_t wrong = 0;
      for (int64_t i = 0; i < y.desc.size; ++i) {
        const int64_t row = i / length, at = row / kRows * length + i % length;
        wrong += y.data<T>()[i] != static_cast<T>(at % 50 - 25 + 5 * (row % kRows));
      }
      EXPECT(wrong == 0, "%s, rows of %lld: %lld wrong", dtype_name(dtype), (long long)length, (long long)wrong);
    }
  }
}

TEST("Fused: short rows of every length, repeated beside elements that are") {
  short_rows_of_both<int8_t>(DType::kInt8);
  short_rows_of_both<int16_t>(DType::kInt16);
  short_rows_of_both<float>(DType::kFloat32);
  short_rows_of_both<double>(DType::kFloat64);
}

// x + row for rows of every length that is repeated in a register, and beyond; then so many of them that registers run short.
TEST("Fused: rows of every length are repeated, one of them or twenty") {
  const DType f = DType::kFloat32;
  constexpr int64_t kRows = 41;
  for (const int32_t many : {1, 20})
    for (int64_t length = 1; length <= (many == 1 ? 300 : 130); ++length) {
      Value x = value(f, {kRows, length}), y = value(f, {kRows, length});
      std::vector<Value> rows;
      for (int32_t r = 0; r < many; ++r) rows.push_back(value(f, {length}));
      for (int64_t i = 0; i < kRows * length; ++i) x.data<float>()[i] = static_cast<float>(i % 1000);
      for (int32_t r = 0; r < many; ++r)
        for (int64_t i = 0; i < length; ++i) rows[static_cast<size_t>(r)].data<float>()[i] = static_cast<float>((i + r) % 300);
      Tape tape({kRows, length});
      tape.inputs = {&x}, tape.outputs = {&y};
      for (Value& row : rows) tape.inputs.push_back(&row);
      for (int32_t r = 0; r < many; ++r) tape.op("AddV2", f, f, r == 0 ? 0 : many + r, 1 + r);
      tape.out(2 * many);
      for (const int32_t threads : {1, 3}) {
        std::fill_n(y.data<float>(), y.desc.size, 0.0f);
        CHECK_EQ(std::string(tape.run(threads).text), "");
        int64_t wrong = 0;
        for (int64_t i = 0; i < kRows * length; ++i) {
          int64_t sum = i % 1000;
          for (int32_t r = 0; r < many; ++r) sum += (i % length + r) % 300;
          wrong += y.data<float>()[i] != static_cast<float>(sum);
        }
        EXPECT(wrong == 0, "%d rows of %lld: %lld wrong", many, (long long)length, (long long)wrong);
      }
    }
}

TEST("Fused: repeated rows longer than the shortest tile, which many live results ask for") {
  const DType d = DType::kFloat64;
  constexpr int64_t kRows = 41, kLength = 100;
  constexpr int32_t kMany = 23;
  Value x = value(d, {kRows, kLength}), y = value(d, {kRows, kLength});
  std::vector<Value> rows;
  for (int32_t r = 0; r < kMany; ++r) rows.push_back(value(d, {kLength}));
  for (int64_t i = 0; i < kRows * kLength; ++i) x.data<double>()[i] = static_cast<double>(i % 97);
  for (int32_t r = 0; r < kMany; ++r)
    for (int64_t i = 0; i < kLength; ++i) rows[static_cast<size_t>(r)].data<double>()[i] = static_cast<double>(i * (r + 1));
  Tape tape({kRows, kLength});
  tape.inputs = {&x}, tape.outputs = {&y};
  for (Value& row : rows) tape.inputs.push_back(&row);
  // Sums and products with each row, all of them live; then the largest.
  const int32_t first = kMany + 1, made = 2 * kMany;
  for (int32_t r = 0; r < kMany; ++r) tape.op("AddV2", d, d, 0, 1 + r), tape.op("Mul", d, d, 0, 1 + r);
  for (int32_t i = 1; i < made; ++i) tape.op("Maximum", d, d, i == 1 ? first : first + made + i - 2, first + i);
  tape.out(first + made + made - 2);
  CHECK_EQ(std::string(tape.run().text), "");
  int64_t wrong = 0;
  for (int64_t i = 0; i < kRows * kLength; ++i) {
    const int64_t own = i % 97, most = i % kLength * kMany;
    wrong += y.data<double>()[i] != static_cast<double>(std::max(own + most, own * most));
  }
  CHECK_EQ(wrong, 0);
}

TEST("Fused: a repeated input longer than the rows beside which elements stand, with many registers") {
  constexpr int64_t kRows = 50, kSums = 70;
  const DType d = DType::kFloat64;
  Value x = value(d, {kRows, 4, 16}), repeated = value(d, {4, 16}), column = value(d, {kRows, 4, 1}), y = value(d, {kRows, 4, 16});
  for (int64_t i = 0; i < kRows * 64; ++i) x.data<double>()[i] = static_cast<double>(i % 97);
  for (int64_t i = 0; i < 64; ++i) repeated.data<double>()[i] = static_cast<double>(i + 1);
  for (int64_t i = 0; i < kRows * 4; ++i) column.data<double>()[i] = static_cast<double>(i % 5);
  Tape tape({kRows, 4, 16});
  tape.inputs = {&x, &repeated, &column}, tape.outputs = {&y};
  // All of the first results are live until the last of them is made.
  for (int32_t i = 0; i < kSums; ++i) tape.op("Add", d, d, i == 0 ? 0 : 2 + i, i % 2 == 0 ? 1 : 2);
  for (int32_t i = 0; i < kSums - 1; ++i) tape.op("Maximum", d, d, i == 0 ? 3 : 2 + kSums + i, 4 + i);
  tape.out(2 + 2 * kSums - 1);
  CHECK_EQ(std::string(tape.run().text), "");
  int64_t wrong = 0;
  for (int64_t i = 0; i < kRows * 64; ++i)
    wrong += y.data<double>()[i] != static_cast<double>(i % 97) + kSums / 2 * (static_cast<double>(i % 64 + 1) + static_cast<double>(i / 16 % 5));
  CHECK_EQ(wrong, 0);
}
