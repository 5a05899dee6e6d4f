// MatMul: checks the shapes, turns batches and broadcasting into plain products, and owns their scratch memory.
#include "cpu/matmul.h"

#include <algorithm>

#include "cpu/gemm_small.h"
#include "cpu/gemm_vector.h"
#include "cpu/kernels.h"

namespace grafo::cpu {
namespace {

// A BLAS is asked for products from here on: the call of a library and its threads cost more than a small one.
constexpr double kBlasOperations = 5e5;
// Rows of C between two looks at whether the run is cancelled, of integers and of small products.
constexpr int64_t kIntegerRows = 256;
constexpr int64_t kSmallRowsAtOnce = 4096;
// Of integers, from here on B's rows in registers pay.
constexpr int64_t kManyRows = 8;

// With the user's BLAS, one product after the other: it has threads of its own.
struct BlasStep : MatMulStep {
  using MatMulStep::MatMulStep;
  void (*multiply)(const BlasProduct& shape, const void* a, const void* b, void* c);
  int64_t item;
};

Status run_blas(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const BlasStep&>(base);
  const GemmShape& shape = step.shape;
  const BlasProduct product{shape.m, shape.n, shape.k, shape.transpose_a, shape.transpose_b};
  const auto at = [&](int operand, int64_t items) {
    return static_cast<char*>(buffers[operand]) + items * step.item;
  };
  for (int64_t i = 0; i < step.batch.size; ++i) {
    if (is_cancelled(context)) return cancelled();
    int64_t at_a, at_b;
    step.batch.offsets(i, &at_a, &at_b);
    step.multiply(product, at(0, at_a * step.a_items), at(1, at_b * step.b_items), at(2, i * step.c_items));
  }
  return Status();
}

template <class T>
Status run_small(const MatMulStep& step, RunContext& context, const T* a, const T* b, T* c) {
  const int64_t m = step.shape.m;
  parallel_for(context, step.batch.size * m, grain_for(step.shape.k * 2), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin, rows; at < end && !is_cancelled(context); at += rows) {
      const int64_t row = at % m;
      rows = std::min({end - at, m - row, kSmallRowsAtOnce});
      int64_t at_a, at_b;
      step.batch.offsets(at / m, &at_a, &at_b);
      multiply_small(step.shape, a + at_a * step.a_items, b + at_b * step.b_items, c + at / m * step.c_items, row, row + rows);
    }
  });
  return is_cancelled(context) ? cancelled() : Status();
}

template <class T>
Status run_real(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const RealStep<T>&>(base);
  const T* const a = static_cast<const T*>(buffers[0]);
  const T* const b = static_cast<const T*>(buffers[1]);
  T* const c = static_cast<T*>(buffers[2]);
  T* const scratch = static_cast<T*>(step.scratch);
  const int64_t batches = step.batch.size;
  if (is_small<T>(step.shape)) return run_small(step, context, a, b, c);
  if (step.slots == 0) {
    for (int64_t i = 0; i < batches; ++i) {
      int64_t at_a, at_b;
      step.batch.offsets(i, &at_a, &at_b);
      if (!step.gemm->run(&context, a + at_a * step.a_items, b + at_b * step.b_items,
                          c + i * step.c_items, scratch, nullptr, step.kept_b(b)))
        return cancelled();
    }
    return Status();
  }
  const int64_t share = batches / step.slots, extra = batches % step.slots;
  parallel_for(context, step.slots, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; ++slot) {
      const int64_t first = slot * share + std::min(slot, extra);
      const int64_t last = first + share + (slot < extra);
      for (int64_t i = first; i < last && !is_cancelled(context); ++i) {
        int64_t at_a, at_b;
        step.batch.offsets(i, &at_a, &at_b);
        step.gemm->run(nullptr, a + at_a * step.a_items, b + at_b * step.b_items,
                       c + i * step.c_items, scratch + slot * step.gemm->scratch());
      }
    }
  });
  return is_cancelled(context) ? cancelled() : Status();
}

// Integers wrap around, as the machine's do. A tile of C stays in registers over a block of k; B's part of it is copied to the
// stack, so that it is contiguous and filled up with zeros.
template <class U>
struct IntegerTile {
  static constexpr int kRows = kManyRegisters ? 8 : 4, kVectors = 2;
  static constexpr int64_t kColumns = kVectors * kLanes<U>, kDepth = 128;

  // A's rows begin row_a items apart, a row's items step_a apart; C's are n.
  template <int R>
  static void multiply(const U* a, int64_t row_a, int64_t step_a, const U* b, int64_t depth, U* c, int64_t n, int64_t columns, bool add) {
    Vector<U> sum[R][kVectors];
    GRAFO_UNROLL for (int r = 0; r < R; ++r)
      GRAFO_UNROLL for (int v = 0; v < kVectors; ++v) sum[r][v] = Vector<U>{};
    for (int64_t k = 0; k < depth; ++k, a += step_a, b += kColumns) {
      Vector<U> row[kVectors];
      GRAFO_UNROLL for (int v = 0; v < kVectors; ++v) row[v] = load(b + v * kLanes<U>);
      GRAFO_UNROLL for (int r = 0; r < R; ++r) {
        const Vector<U> x = a[r * row_a] - Vector<U>{};
        GRAFO_UNROLL for (int v = 0; v < kVectors; ++v) sum[r][v] += x * row[v];
      }
    }
    if (columns == kColumns) {
      GRAFO_UNROLL for (int r = 0; r < R; ++r, c += n)
        GRAFO_UNROLL for (int v = 0; v < kVectors; ++v)
          store(c + v * kLanes<U>, add ? load(c + v * kLanes<U>) + sum[r][v] : sum[r][v]);
      return;
    }
    for (int r = 0; r < R; ++r) {
      U made[kColumns];
      for (int v = 0; v < kVectors; ++v) store(made + v * kLanes<U>, sum[r][v]);
      for (int64_t j = 0; j < columns; ++j) c[r * n + j] = made[j] + (add ? c[r * n + j] : 0);
    }
  }
};

// Rows [begin, end) of one product.
template <class U>
void multiply_integers(const GemmShape& shape, const U* a, const U* b, U* c, int64_t begin, int64_t end) {
  using Tile = IntegerTile<U>;
  const int64_t row_a = shape.transpose_a ? 1 : shape.k, step_a = shape.transpose_a ? shape.m : 1;
  const int64_t row_b = shape.transpose_b ? 1 : shape.n, step_b = shape.transpose_b ? shape.k : 1;
  alignas(64) U part[Tile::kDepth * Tile::kColumns];
  for (int64_t j = 0; j < shape.n; j += Tile::kColumns) {
    const int64_t columns = std::min(Tile::kColumns, shape.n - j);
    for (int64_t k = 0; k < shape.k; k += Tile::kDepth) {
      const int64_t depth = std::min(Tile::kDepth, shape.k - k);
      for (int64_t i = 0; i < depth; ++i) {
        U* const to = part + i * Tile::kColumns;
        for (int64_t l = 0; l < columns; ++l) to[l] = b[(k + i) * row_b + (j + l) * step_b];
        std::fill(to + columns, to + Tile::kColumns, U{0});
      }
      int64_t r = begin;
      for (; r + Tile::kRows <= end; r += Tile::kRows)
        Tile::template multiply<Tile::kRows>(a + r * row_a + k * step_a, row_a, step_a, part, depth, c + r * shape.n + j, shape.n,
                                             columns, k > 0);
      for (; r < end; ++r)
        Tile::template multiply<1>(a + r * row_a + k * step_a, row_a, step_a, part, depth, c + r * shape.n + j, shape.n, columns, k > 0);
    }
  }
}

template <class U>
U dot_integers(const U* x, const U* y, int64_t n) {
  U sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

// One row of C: dot products where both lie along k, else built up from rows of B.
template <class U>
void integer_row(const GemmShape& shape, const U* x, int64_t a_step, const U* matrix, U* y) {
  if (shape.transpose_b || shape.n == 1) {
    for (int64_t j = 0; j < shape.n; ++j) {
      const U* const column = matrix + j * shape.k;
      if (a_step == 1) {
        y[j] = dot_integers(x, column, shape.k);
      } else {
        y[j] = 0;
        for (int64_t k = 0; k < shape.k; ++k) y[j] += x[k * a_step] * column[k];
      }
    }
    return;
  }
  for (int64_t j = 0; j < shape.n; ++j) y[j] = 0;
  for (int64_t k = 0; k < shape.k; ++k)
    for (int64_t j = 0; j < shape.n; ++j) y[j] += x[k * a_step] * matrix[k * shape.n + j];
}

template <class T>
Status run_integer(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const MatMulStep&>(base);
  using U = std::make_unsigned_t<T>;
  const U* const a = static_cast<const U*>(buffers[0]);
  const U* const b = static_cast<const U*>(buffers[1]);
  U* const c = static_cast<U*>(buffers[2]);
  const GemmShape& shape = step.shape;
  if (shape.m >= kManyRows && is_small<U>(shape)) return run_small(step, context, a, b, c);
  const int64_t a_row = shape.transpose_a ? 1 : shape.k, a_step = shape.transpose_a ? shape.m : 1;
  // Copying B's parts pays where several tiles read them. Where it is little, so few rows at a time that C's stay near.
  const bool tiles = shape.m >= 2 * IntegerTile<U>::kRows && shape.n > 1;
  const int64_t together = shape.k > 32 ? kIntegerRows : std::clamp<int64_t>((1 << 15) / shape.n, 2 * IntegerTile<U>::kRows, kIntegerRows);
  parallel_for(context, step.batch.size * shape.m, grain_for(shape.n * shape.k / 4),
               [&](int64_t begin, int64_t end) {
                 for (int64_t at = begin, rows; at < end && !is_cancelled(context); at += rows) {
                   int64_t at_a, at_b;
                   step.batch.offsets(at / shape.m, &at_a, &at_b);
                   const U* const x = a + at_a * step.a_items;
                   const U* const matrix = b + at_b * step.b_items;
                   const int64_t row = at % shape.m;
                   if (tiles) {
                     rows = std::min({end - at, shape.m - row, together});
                     multiply_integers(shape, x, matrix, c + (at - row) * shape.n, row, row + rows);
                   } else {
                     rows = 1;
                     integer_row(shape, x + row * a_row, a_step, matrix, c + at * shape.n);
                   }
                 }
               });
  return is_cancelled(context) ? cancelled() : Status();
}

// An empty sum: all zeros, which is all bits zero in every dtype.
struct ZeroStep : PreparedStep {
  using PreparedStep::PreparedStep;
  size_t bytes;
};
Status run_zero(const PreparedStep& base, RunContext&, void* const* buffers) {
  const auto& step = static_cast<const ZeroStep&>(base);
  if (step.bytes != 0) std::memset(buffers[2], 0, step.bytes);
  return Status();
}

Status read_batch(const StepDesc& desc, Batch& batch) {
  const TensorDesc &a = desc.inputs[0], &b = desc.inputs[1], &c = desc.outputs[0];
  batch.rank = std::max(a.rank, b.rank) - 2;
  if (c.rank != batch.rank + 2) return reject(desc, "the output has rank %d", c.rank);
  // Wraps around for some empty tensors, whose steps are not used; sizes of the others are checked.
  uint64_t step_a = 1, step_b = 1, size = 1;
  for (int d = batch.rank - 1; d >= 0; --d) {
    const int in_a = d - (batch.rank + 2 - a.rank), in_b = d - (batch.rank + 2 - b.rank);
    const int64_t dim_a = in_a < 0 ? 1 : a.dims[in_a], dim_b = in_b < 0 ? 1 : b.dims[in_b];
    if (dim_a != dim_b && dim_a != 1 && dim_b != 1)
      return reject(desc, "batch dimension %d differs", d);
    const int64_t dim = dim_a == 1 ? dim_b : dim_a;
    if (c.dims[d] != dim) return reject(desc, "batch dimension %d of the output is wrong", d);
    batch.dims[d] = dim;
    batch.a[d] = dim_a == 1 ? 0 : static_cast<int64_t>(step_a);
    batch.b[d] = dim_b == 1 ? 0 : static_cast<int64_t>(step_b);
    step_a *= static_cast<uint64_t>(dim_a);
    step_b *= static_cast<uint64_t>(dim_b);
    size *= static_cast<uint64_t>(dim);
  }
  batch.size = static_cast<int64_t>(size);
  return Status();
}

// One B for all of A's matrices is one taller product.
void merge_batch(const StepDesc& desc, GemmShape& shape, Batch& batch) {
  if (shape.transpose_a || batch.size == 1) return;
  for (int d = 0; d < batch.rank; ++d)
    if (batch.b[d] != 0 || batch.dims[d] != (d < desc.inputs[0].rank - 2 ? desc.inputs[0].dims[d] : 0))
      return;
  shape.m *= batch.size;
  batch = Batch();
}

// Memory for a packed copy of B; where there is no more, each run packs anew.
template <class T>
void keep(RealStep<T>& matmul, int64_t threads) {
  const int64_t items = matmul.gemm->keep_b();
  if (items == 0) return;
  matmul.kept_bytes = static_cast<size_t>(items) * sizeof(T);
  matmul.kept = static_cast<T*>(matmul.host.allocate(matmul.host.self, matmul.kept_bytes));
  if (!matmul.kept) matmul.gemm.emplace(matmul.shape, threads);
}

template <class T>
Status prepare_real(std::unique_ptr<RealStep<T>> matmul, bool is_constant, StepPointer& step) {
  const GemmShape& shape = matmul->shape;
  const int64_t threads = matmul->host.threads(matmul->host.self);
  const double operations = 2.0 * shape.m * shape.n * shape.k;
  if (matmul->batch.size > 1 && (operations < 4e6 || matmul->batch.size >= 4 * threads)) {
    const double all = operations * matmul->batch.size;
    matmul->slots = all < 2e5 ? 1 : std::min(matmul->batch.size, std::max<int64_t>(threads, 1));
  }
  matmul->gemm.emplace(shape, matmul->slots == 0 ? threads : 1);
  if (is_constant && matmul->batch.size == 1) keep(*matmul, threads);
  const int64_t scratch = matmul->gemm->scratch() * std::max<int64_t>(matmul->slots, 1);
  if (scratch != 0) {
    matmul->scratch_bytes = static_cast<size_t>(scratch) * sizeof(T);
    matmul->scratch = matmul->host.allocate(matmul->host.self, matmul->scratch_bytes);
    if (!matmul->scratch)
      return Status::error(Code::kResourceExhausted, "out of memory allocating %zu bytes",
                           matmul->scratch_bytes);
  }
  step = std::move(matmul);
  return Status();
}

}  // namespace

template <class T>
RealStep<T>* as_plain_product(PreparedStep& step) {
  if (step.run != run_real<T>) return nullptr;
  auto& real = static_cast<RealStep<T>&>(step);
  return real.batch.size == 1 && real.slots == 0 ? &real : nullptr;
}
template RealStep<float>* as_plain_product(PreparedStep&);
template RealStep<double>* as_plain_product(PreparedStep&);

Status prepare_matmul(const StepDesc& desc, const HostServices& host, StepPointer& step) {
  TRY(check_arity(desc, 2, 1));
  TRY(check_no_alias(desc));
  AttrReader attrs(desc);
  GemmShape shape;
  shape.transpose_a = attrs.flag();
  shape.transpose_b = attrs.flag();
  TRY(attrs.finish());
  const TensorDesc &a = desc.inputs[0], &b = desc.inputs[1], &c = desc.outputs[0];
  if (a.dtype != b.dtype || a.dtype != c.dtype || !(is_float(a.dtype) || is_index(a.dtype)))
    return reject(desc, "no kernel for %s", dtype_name(a.dtype));
  if (a.rank < 2 || b.rank < 2 || c.rank < 2) return reject(desc, "an operand is no matrix");
  shape.m = a.dims[a.rank - 2 + shape.transpose_a];
  shape.k = a.dims[a.rank - 1 - shape.transpose_a];
  shape.n = b.dims[b.rank - 1 - shape.transpose_b];
  if (b.dims[b.rank - 2 + shape.transpose_b] != shape.k)
    return reject(desc, "inner dimensions differ");
  if (c.dims[c.rank - 2] != shape.m || c.dims[c.rank - 1] != shape.n)
    return reject(desc, "the output's shape is wrong");

  Batch batch;
  TRY(read_batch(desc, batch));
  if (c.size == 0 || shape.k == 0) {
    auto zero = std::make_unique<ZeroStep>(run_zero);
    zero->bytes = static_cast<size_t>(c.size) * item_size(c.dtype);
    step = std::move(zero);
    return Status();
  }
  merge_batch(desc, shape, batch);
  const auto fill = [&](auto matmul) {
    matmul->shape = shape;
    matmul->batch = batch;
    matmul->a_items = shape.m * shape.k;
    matmul->b_items = shape.k * shape.n;
    matmul->c_items = shape.m * shape.n;
    return matmul;
  };
  const Blas* const blas = host.blas;
  if (blas != nullptr && is_float(a.dtype) && std::max({shape.m, shape.n, shape.k}) <= blas->most &&
      2.0 * shape.m * shape.n * shape.k >= kBlasOperations) {
    auto matmul = fill(std::make_unique<BlasStep>(run_blas, host));
    const bool is_single = a.dtype == DType::kFloat32;
    matmul->multiply = is_single ? blas->multiply_float : blas->multiply_double;
    matmul->item = is_single ? 4 : 8;
    step = std::move(matmul);
    return Status();
  }
  if (a.dtype == DType::kFloat32)
    return prepare_real<float>(fill(std::make_unique<RealStep<float>>(run_real<float>, host)), b.constant != 0,
                               step);
  if (a.dtype == DType::kFloat64)
    return prepare_real<double>(fill(std::make_unique<RealStep<double>>(run_real<double>, host)), b.constant != 0,
                                step);
  step = fill(std::make_unique<MatMulStep>(
      a.dtype == DType::kInt32 ? run_integer<int32_t> : run_integer<int64_t>, host));
  return Status();
}

}  // namespace grafo::cpu
