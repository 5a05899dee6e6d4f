// Large transposes: whole lines, which go past the caches where memory is aligned to them, and what
// is left at the edges.
#include <cstdlib>
#include <memory>

#include "test/fused_step.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<uint8_t, Free>;

Memory aligned(int64_t bytes) {
  return Memory(static_cast<uint8_t*>(
      std::aligned_alloc(64, (static_cast<size_t>(bytes) + 127) / 64 * 64)));
}

// [outer, rows, columns] -> [outer, columns, rows], with y `offset` bytes past a line's begin.
template <class T>
void turn(DType type, int64_t outer, int64_t rows, int64_t columns, int64_t offset, int threads) {
  Value x = value(type, {0}), y = x;
  x.desc = value(type, {1}).desc;
  x.desc.rank = y.desc.rank = 3;
  const int64_t dims[] = {outer, rows, columns};
  for (int d = 0; d < 3; ++d) x.desc.dims[d] = dims[d];
  y.desc.dims[0] = outer, y.desc.dims[1] = columns, y.desc.dims[2] = rows;
  x.desc.size = y.desc.size = outer * rows * columns;
  const int64_t bytes = x.desc.size * static_cast<int64_t>(sizeof(T));
  const Memory from = aligned(bytes), to = aligned(bytes);
  T* const in = reinterpret_cast<T*>(from.get());
  T* const out = reinterpret_cast<T*>(to.get() + offset);
  for (int64_t i = 0; i < x.desc.size; ++i) in[i] = static_cast<T>(i % 1000003);

  Step step;
  step.kernel = "Transpose";
  step.inputs = {&x};
  step.outputs = {&y};
  step.attrs = {0, 2, 1};
  Host host;
  host.count = threads;
  void* instance = nullptr;
  PreparedStep* prepared = nullptr;
  const Backend& backend = *grafo_backend();
  CHECK(step.prepare(host, &instance, &prepared).ok());
  RunContext context{};
  context.host = &host.services;
  void* buffers[] = {in, out};
  CHECK(backend.run(instance, prepared, &context, buffers).ok());
  backend.destroy(instance, prepared);
  backend.close(instance);
  int64_t wrong = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        wrong += out[(o * columns + c) * rows + r] != in[(o * rows + r) * columns + c];
  EXPECT(wrong == 0, "%lld of [%lld, %lld, %lld] past %lld", (long long)wrong, (long long)outer,
         (long long)rows, (long long)columns, (long long)offset);
}

}  // namespace

TEST("Transpose: large matrices, lines that are whole and that are not") {
  for (int64_t offset : {0, 8}) {
    turn<float>(DType::kFloat32, 1, 2048, 1056, offset, 2);   // past the caches
    turn<float>(DType::kFloat32, 1, 2050, 1053, offset, 1);   // rows of y begin within lines
    turn<float>(DType::kFloat32, 1, 2064, 1033, offset, 2);   // tiles that are cut at both ends
    turn<uint8_t>(DType::kUint8, 1, 4160, 2017, offset, 2);
    turn<float>(DType::kFloat32, 3, 1040, 41, offset, 2);
    turn<double>(DType::kFloat64, 2, 1032, 523, offset, 2);
    turn<double>(DType::kFloat64, 1, 17, 9, offset, 1);
    turn<float>(DType::kFloat32, 2, 1024, 157, offset, 2);    // smaller, and rows of y pages apart
    turn<double>(DType::kFloat64, 1, 512, 261, offset, 1);
  }
}
