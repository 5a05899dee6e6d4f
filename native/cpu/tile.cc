// Tile: x repeated along every dimension.
#include "cpu/columns.h"
#include "cpu/kernels.h"
#include "cpu/short_rows.h"
#include "cpu/strided.h"

namespace grafo::cpu {
namespace {

struct TileStep : PreparedStep {
  using PreparedStep::PreparedStep;
  // Repetitions and x's dimensions alternate, so that a repetition is a dimension of step 0.
  int rank = 0;
  int64_t dims[2 * kMaxRank], steps[2 * kMaxRank];
  int64_t units[2 * kMaxRank];  // items of y that one step along a dimension passes
  int split;                    // threads share what dimensions up to this one have

  void push(int64_t dim, int64_t step) {
    if (dim == 1) return;
    if (rank > 0 && steps[rank - 1] == step * dim) {
      dims[rank - 1] *= dim;
      steps[rank - 1] = step;
      return;
    }
    dims[rank] = dim;
    steps[rank++] = step;
  }
};

// Repeated rows as short as these go column by column, for so many at once as stay in the L1 cache.
constexpr int64_t kShortBytes = 64, kRowsAtOnce = 256;
// Up to here an item's run is written in whole lines from its first byte on.
constexpr int64_t kSplatBytes = 256;
// What is repeated is copied as a whole once there is so much of it.
constexpr int64_t kWholeBytes = 4096;
// Threads share pieces of at most this size.
constexpr int64_t kPieceBytes = 1 << 16;

// The first of n units is there.
template <class T>
void repeat(T* to, int64_t unit, int64_t n) {
  const int64_t bytes = unit * static_cast<int64_t>(sizeof(T));
  const int64_t whole = std::min(n, kWholeBytes / bytes + 1);
  char* const y = reinterpret_cast<char*>(to);
  copy_rows(y + bytes, bytes, y, 0, bytes, whole - 1);
  for (int64_t i = whole; i < n; i += whole)
    std::memcpy(y + i * bytes, y, static_cast<size_t>(std::min(whole, n - i) * bytes));
}

// n steps along dimension d, with all that is inside of them.
template <class T>
void fill(const TileStep& step, int d, T* to, const T* from, int64_t n) {
  const int64_t unit = step.units[d], apart = step.steps[d];
  if (d + 1 == step.rank) {
    if (apart == 0) {
      splat_run(to, *from, n);
    } else {
      std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
    }
    return;
  }
  const int64_t inner = step.dims[d + 1], item = static_cast<int64_t>(sizeof(T));
  if (apart == 0) {
    fill(step, d + 1, to, from, inner);
    repeat(to, unit, n);
  } else if (d + 2 == step.rank && step.steps[d + 1] == 0 && inner > kMaxColumns && unit * item <= kSplatBytes) {
    splat_rows(to, from, inner, n, n * inner);
  } else if (d + 3 >= step.rank && unit * item <= kShortBytes && n >= inner) {
    if (const JoinColumns join = find_join(inner, apart * item)) {
      const char* const x = reinterpret_cast<const char*>(from);
      const char* const columns[kMaxColumns] = {x, x, x, x};
      return join(reinterpret_cast<char*>(to), columns, n);
    }
    for (int64_t row = 0; row < n; row += kRowsAtOnce)
      for (int64_t i = 0; i < inner; ++i)
        copy_rows(reinterpret_cast<char*>(to + row * unit + i * apart), unit * item,
                  reinterpret_cast<const char*>(from + row * apart), apart * item, apart * item, std::min(kRowsAtOnce, n - row));
  } else {
    for (int64_t i = 0; i < n; ++i) fill(step, d + 1, to + i * unit, from + i * apart, inner);
  }
}

template <class T>
Status run_tile(const PreparedStep& base, RunContext& context, void* const* buffers) {
  const auto& step = static_cast<const TileStep&>(base);
  const T* const x = static_cast<const T*>(buffers[0]);
  T* const y = static_cast<T*>(buffers[1]);
  const int split = step.split;
  const int64_t unit = step.units[split], length = step.dims[split];
  int64_t pieces = 1;
  for (int d = 0; d <= split; ++d) pieces *= step.dims[d];
  parallel_for(context, pieces, kGrainBytes / (unit * static_cast<int64_t>(sizeof(T))) + 1,
               [&](int64_t begin, int64_t end) {
                 for (int64_t piece = begin, n; piece < end; piece += n) {
                   const int64_t first = piece % length;
                   n = std::min(length - first, end - piece);
                   int64_t index = piece / length, at = first * step.steps[split];
                   for (int d = split - 1; d >= 0; --d) {
                     at += index % step.dims[d] * step.steps[d];
                     index /= step.dims[d];
                   }
                   fill(step, split, y + piece * unit, x + at, n);
                 }
               });
  return Status();
}

}  // namespace

Status prepare_tile(const StepDesc& desc, const HostServices&, StepPointer& step) {
  TRY(check_arity(desc, 1, 1));
  TRY(check_no_alias(desc));
  TRY(AttrReader(desc).finish());
  const TensorDesc &x = desc.inputs[0], &y = desc.outputs[0];
  TRY(check_same_dtype(desc, x, y));
  if (x.rank != y.rank) return reject(desc, "ranks %d and %d", x.rank, y.rank);
  for (int d = 0; d < x.rank; ++d)
    if (x.dims[d] == 0 ? y.dims[d] != 0 : y.dims[d] % x.dims[d] != 0)
      return reject(desc, "dimension %d is no multiple", d);
  if (y.size == 0) {
    step = std::make_unique<EmptyStep>();
    return Status();
  }
  dispatch_bytes(y.dtype, [&](auto type) {
    auto tile = std::make_unique<TileStep>(run_tile<typename decltype(type)::type>);
    int64_t steps[kMaxRank];
    row_major(x, steps);
    for (int d = 0; d < x.rank; ++d) {
      tile->push(y.dims[d] / x.dims[d], 0);
      tile->push(x.dims[d], steps[d]);
    }
    if (tile->rank == 0) {
      tile->dims[0] = 1;
      tile->steps[0] = 1;
      tile->rank = 1;
    }
    int64_t unit = 1;
    for (int d = tile->rank - 1; d >= 0; --d) {
      tile->units[d] = unit;
      unit *= tile->dims[d];
    }
    tile->split = 0;
    while (tile->units[tile->split] * static_cast<int64_t>(item_size(y.dtype)) > kPieceBytes) ++tile->split;
    step = std::move(tile);
  });
  return Status();
}

}  // namespace grafo::cpu
