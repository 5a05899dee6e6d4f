// Values at the edge of what a functor of `Fused` takes, which random ones do not meet.
#include <cmath>

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
