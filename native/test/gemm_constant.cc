// A factor that is a constant of the plan is packed by the first run and then taken from there: the same bits as packed anew, in every
// run, where memory for it is refused, and as part of a product that ends in a tape.
#include <random>
#include <utility>

#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

std::mt19937 random_bits(31);

void fill(Value& v) {
  for (int64_t i = 0; i < v.desc.size; ++i) {
    const double x = (double)random_bits() / 0x1p31 - 1;
    if (v.desc.dtype == DType::kFloat32) v.data<float>()[i] = (float)x;
    if (v.desc.dtype == DType::kFloat64) v.data<double>()[i] = x;
    if (v.desc.dtype == DType::kInt32) v.data<int32_t>()[i] = (int32_t)(x * 1e9);
  }
}

std::string bytes_of(Value& v) {
  return std::string(v.data<char>(), static_cast<size_t>(v.desc.size) * item_size(v.desc.dtype));
}

struct Allocations {
  int64_t bytes = 0;
  bool refuses_first = false;
};
Allocations seen;

// Prepares a step once and runs it three times over new values of A. `b` is told to be a constant.
void check(DType dtype, int64_t m, int64_t n, int64_t k, bool ta, bool tb, int threads, bool refuse, bool ends) {
  Value a = value(dtype, ta ? std::vector{k, m} : std::vector{m, k}), c = value(dtype, {m, n}), wanted = c;
  Value b = value(dtype, tb ? std::vector{n, k} : std::vector{k, n});
  fill(b);
  Step step;
  step.kernel = ends ? "MatMulFused" : "MatMul";
  step.inputs = {&a, &b};
  step.outputs = {&c};
  step.attrs = {ta, tb};
  if (ends) {
    step.attrs.push_back(2);
    step.i64(m), step.i64(n);
    for (int32_t word : {1, step.symbol("Neg"), (int32_t)dtype, (int32_t)dtype, 0, -1, -1, 3, 0, 1})
      step.attrs.push_back(word);
  }
  Step plain = step;
  plain.outputs = {&wanted};

  Host host;
  host.count = threads;
  seen = {0, refuse};
  host.services.allocate = [](void*, size_t bytes) -> void* {
    if (std::exchange(seen.refuses_first, false)) return nullptr;
    seen.bytes += (int64_t)bytes;
    return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  };
  host.services.release = [](void*, void* memory, size_t bytes) {
    seen.bytes -= (int64_t)bytes;
    std::free(memory);
  };
  void* instance = nullptr;
  PreparedStep* prepared = nullptr;
  b.desc.constant = 1;
  const Status status = step.prepare(host, &instance, &prepared);
  b.desc.constant = 0;
  EXPECT(status.ok(), "%s", status.text);
  if (!status.ok()) return;
  RunContext context{};
  context.host = &host.services;
  const Backend& backend = *grafo_backend();
  for (int run = 0; run < 3; ++run) {
    fill(a);
    CHECK(plain.run().ok());
    CHECK(backend.run(instance, prepared, &context, step.buffers().data()).ok());
    EXPECT(bytes_of(c) == bytes_of(wanted), "[%lld,%lld,%lld] %d%d dtype %d, %d threads, run %d", (long long)m, (long long)n,
           (long long)k, ta, tb, (int)dtype, threads, run);
  }
  backend.destroy(instance, prepared);
  backend.close(instance);
  CHECK_EQ(seen.bytes, 0);
}

const int64_t kShapes[][3] = {{1, 300, 200}, {2, 513, 300}, {8, 512, 784}, {7, 130, 600}, {32, 1000, 70}, {128, 257, 1100},
                              {200, 70, 513}, {300, 256, 256}, {40, 10, 784}, {33, 2100, 530}, {3, 16, 5000}};

TEST("MatMul: a constant factor is packed once, and every run has the bits of one that is not") {
  for (const auto& [m, n, k] : kShapes)
    for (int transposes = 0; transposes < 4; ++transposes)
      for (int threads : {1, 3}) {
        const bool ta = transposes & 1, tb = transposes & 2;
        check(DType::kFloat32, m, n, k, ta, tb, threads, false, false);
        check(DType::kFloat64, m, n, k, ta, tb, threads, false, true);
      }
  check(DType::kInt32, 8, 100, 90, false, true, 1, false, false);
}

TEST("MatMul: where there is no memory for a packed copy the factor is packed in each run") {
  // The first thing that such a step asks for is the copy.
  for (bool tb : {false, true})
    for (bool ends : {false, true}) check(DType::kFloat32, 32, 520, 600, false, tb, 1, true, ends);
}

TEST("MatMul: a packed copy is memory that the session counts") {
  const auto bytes_with = [](int32_t constant, int64_t m, int64_t n, int64_t k) {
    Value a = value(DType::kFloat32, {m, k}), b = value(DType::kFloat32, {n, k}), c = value(DType::kFloat32, {m, n});
    b.desc.constant = constant;
    Step step;
    step.kernel = "MatMul";
    step.inputs = {&a, &b};
    step.outputs = {&c};
    step.attrs = {0, 1};
    Host host;
    seen = {};
    host.services.allocate = [](void*, size_t bytes) -> void* {
      seen.bytes += (int64_t)bytes;
      return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    };
    void* instance = nullptr;
    PreparedStep* prepared = nullptr;
    CHECK(step.prepare(host, &instance, &prepared).ok());
    grafo_backend()->destroy(instance, prepared);
    grafo_backend()->close(instance);
    return seen.bytes;
  };
  CHECK(bytes_with(1, 32, 512, 784) >= 4 * 512 * 784);
  CHECK(bytes_with(0, 32, 512, 784) < 4 * 512 * 784);
  // One row reads the factor as it lies.
  CHECK_EQ(bytes_with(1, 1, 512, 784), bytes_with(0, 1, 512, 784));
}

}  // namespace
