// Matrix products cut for the caches: B in panels as wide as the register tile, packed where its
// rows are not contiguous or are read often; A in place unless it is transposed. Goto and van de
// Geijn's scheme with rows and columns swapped, because C is row-major.
#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/gemm_kernel.h"
#include "cpu/gemm_pack.h"

namespace grafo::cpu {
namespace {

constexpr bool kSmallCaches = !kManyRegisters;  // 32 KB and 512 KB, as AVX2's machines have them
// Of a row of A in a block: a tile's rows stay in L1, and C is read again for every block.
constexpr int64_t kDepthBytes = kSmallCaches ? 4096 : 2048;
// A B of this size stays near without packing, unless each of its rows is on a page of its own.
constexpr int64_t kInPlaceBytes = kSmallCaches ? 128 << 10 : 2 << 20;
constexpr int64_t kInPlaceRow = 4096;
constexpr int64_t kNearBytes = 1 << 16;
// Rows of a transposed A so far apart, or a multiple of it, fall into few places of the caches.
constexpr int64_t kCollidingRow = 8192;
constexpr int64_t kNearestBytes = 40 << 10;
constexpr int64_t kRowsAtOnce = 4096;       // bound the scratch
constexpr int64_t kColumnsAtOnce = 2048;
constexpr int64_t kNearC = kSmallCaches ? 256 << 10 : 1 << 20;
constexpr int64_t kGroupRows = 96;  // a piece of work
constexpr int64_t kGroupColumns = kSmallCaches ? 128 : 256;
constexpr int64_t kHalfCache = 256 << 10;   // of 512 KB
constexpr int64_t kPieceColumns = 128;      // of a thread among several
constexpr int64_t kRowsOfBAhead = 4;           // of B, fetched while packing
constexpr int64_t kKeptRows = 128;          // of A, after which packing a constant B once saves little
constexpr int64_t kKeptBytes = 1 << 18;     // of B, below which its rows are read as fast where they lie
constexpr int64_t kKeptTurnedBytes = 1 << 12;  // the same where B is transposed: packing is most of a run
constexpr int64_t kPartBytes = 1 << 14;        // of C between a product and its epilogue: it stays in L1

// More pieces, so that each thread gets as many: the pool deals out at most four ranges a thread.
int64_t even_pieces(int64_t pieces, int64_t threads, int64_t most) {
  const int64_t unit = pieces > 4 * threads ? 4 * threads : threads;
  return std::min(most, ceil_div(pieces, unit) * unit);
}

}  // namespace

// What is worked on at a time: k in [k0, k0 + depth) and the panels from a0 and b0 on.
template <class T>
struct Gemm<T>::Block {
  const T* a;
  const T* b;
  T* c;
  T* a_scratch;
  T* b_scratch;
  int64_t k0, depth, a0, a_panels, b0, b_panels;
  const Epilogue* epilogue;  // of the last block of k
  T* kept;  // all of B packed, or nullptr
};

template <class T>
T* Gemm<T>::packed_b(const Block& block, int64_t q) const {
  if (block.kept) return block.kept + (block.k0 * panels_b_ + q * depth_) * width_;
  return block.b_scratch + (q - std::max(block.b0, first_packed_b_)) * pitch_b_;
}

template <class T>
Gemm<T>::Gemm(const GemmShape& shape, int64_t threads)
    : shape_(shape), threads_(std::clamp<int64_t>(threads, 1, Places::kMost)) {
  const int64_t in_vectors = ceil_div(shape.n, kLanes<T>);
  vectors_ = choose_vectors(shape.m, in_vectors);
  // Wide and flat: half as many rows of A and C to find. For a B that stays in the first cache.
  const int64_t near_columns = kNearestBytes / static_cast<int64_t>(sizeof(T)) / shape.k;
  if (kManyRegisters && in_vectors % 4 == 0 && shape.n <= near_columns) vectors_ = 4;
  width_ = vectors_ * kLanes<T>;
  panels_b_ = ceil_div(shape.n, width_);
  panels_a_ = ceil_div(shape.m, tile_rows(vectors_));
  rows_low_ = shape.m / panels_a_;
  rows_extra_ = shape.m % panels_a_;
  const int64_t most = kDepthBytes / static_cast<int64_t>(sizeof(T));
  blocks_k_ = ceil_div(shape.k, most);
  depth_ = ceil_div(shape.k, blocks_k_);
  blocks_k_ = ceil_div(shape.k, depth_);

  const int64_t item = sizeof(T);
  const bool small_b = shape.n < kInPlaceRow / item &&
                       shape.n <= kInPlaceBytes / item / std::min(shape.k, kInPlaceBytes);
  const bool all_b = shape.transpose_b || (panels_a_ > 2 && !small_b);
  first_packed_b_ = all_b ? 0 : shape.n / width_;
  pack_on_the_way_ = !kSmallCaches && all_b && vectors_ == kTileVectors && panels_a_ > 2;
  const bool small_a = shape.m <= kNearBytes / item / std::min(shape.k, kNearBytes);
  const bool collides = kSmallCaches || shape.m * item % kCollidingRow == 0;
  pack_a_ = shape.transpose_a && panels_b_ > 1 && !small_a && collides;

  step_a_ = std::min(panels_a_, kRowsAtOnce / tile_rows(vectors_));
  step_b_ = std::min(panels_b_, std::max<int64_t>(1, kColumnsAtOnce / width_));
  group_a_ = std::max<int64_t>(1, kGroupRows / tile_rows(vectors_));
  group_b_ = std::max<int64_t>(1, kGroupColumns / width_);
  // Half of a small second cache for B where A has the other half.
  if (kSmallCaches && shape.m <= (kHalfCache / item) / depth_) group_b_ = ceil_div(group_b_, 2);
  by_columns_ = !pack_a_;
  if (threads_ > 1 && !pack_a_) {
    // At least two pieces a thread, of 64 columns or more, and as many for each.
    const int64_t most = std::max<int64_t>(1, kPieceColumns / width_);
    const int64_t least = std::max<int64_t>(1, kPieceColumns / 2 / width_);
    const int64_t wanted = std::max(ceil_div(panels_b_, most), 2 * threads_);
    group_b_ = std::max(least, ceil_div(panels_b_, even_pieces(wanted, threads_, panels_b_)));
    by_columns_ = ceil_div(panels_b_, group_b_) >= 2 * threads_;
    if (!by_columns_) group_b_ = most;
  }
  groups_b_ = ceil_div(panels_b_, group_b_);
  far_c_ = shape.m > kNearC / item / shape.n;
  a_items_ = pack_a_ ? ceil_div(step_a_ * tile_rows(vectors_) * depth_, 16) * 16 : 0;
  // Not a power of two apart: several panels are written at a time.
  pitch_b_ = ceil_div(width_ * depth_, 16) * 16 + 16;
  const int64_t together = by_columns_ ? std::min(group_b_, panels_b_) : step_b_;
  b_items_ = (all_b ? together : panels_b_ - first_packed_b_) * pitch_b_;
  if (by_columns_) b_items_ *= threads_;
  const bool small = shape.m * width_ * shape.k / 16 <= kGrainOperations;
  bare_ = (threads_ == 1 || small) && shape.n == width_ && blocks_k_ == 1 && !all_b && !pack_a_;
  thin_ = choose_thin<T>(shape);
  if (thin_ != Thin::kNot) {
    a_items_ = 0;
    b_items_ = thin_scratch<T>(shape, thin_);
  }
}

// Panels of A: [depth][rows of p] each. A few at a time, so that whole lines of A's stored rows
// are read.
template <class T>
void Gemm<T>::pack_a(const Block& block, int64_t begin, int64_t end) const {
  constexpr int64_t kTogether = kMasks ? 1 : 8;
  for (int64_t first = block.a0 + begin, last; first < block.a0 + end; first = last) {
    last = std::min(first + kTogether, block.a0 + end);
    const T* from = block.a + block.k0 * shape_.m;
    for (int64_t k = 0; k < block.depth; ++k, from += shape_.m) {
      // Lanes too many are overwritten by the next k, so there must be some.
      const bool whole = kMasks || k + kLanes<T> < block.depth;
      for (int64_t p = first; p < last; ++p) {
        const int64_t row = row_of(p), rows = row_of(p + 1) - row;
        T* const to = block.a_scratch + (row - row_of(block.a0)) * block.depth + k * rows;
        int64_t r = 0;
        for (; r + kLanes<T> <= rows; r += kLanes<T>) store(to + r, load(from + row + r));
        if (r == rows) continue;
        if (kMasks || !whole)
          store_some(to + r, load_some(from + row + r, rows - r), rows - r);
        else
          store(to + r, load(from + row + r));
      }
    }
  }
}

// Panel q of B: [depth][width], zeros past the last column.
template <class T>
void Gemm<T>::pack_b(const Block& block, int64_t q) const {
  const int64_t column = q * width_;
  const int64_t columns = std::min(width_, shape_.n - column);
  const int64_t width = ceil_div(columns, kLanes<T>) * kLanes<T>;
  T* const to = packed_b(block, q);
  if (shape_.transpose_b) {
    const T* from = block.b + column * shape_.k + block.k0;
    transpose_into(from, shape_.k, to, width, columns, block.depth);
    return;
  }
  const T* from = block.b + block.k0 * shape_.n + column;
  for (int64_t k = 0; k < block.depth; ++k, from += shape_.n) {
    T* row = to + k * width;
    if (columns == width_) {
      for (int v = 0; v < vectors_; ++v) store(row + v * kLanes<T>, load(from + v * kLanes<T>));
    } else {
      for (int64_t j = 0; j < columns; ++j) row[j] = from[j];
      for (int64_t j = columns; j < width; ++j) row[j] = T(0);
    }
  }
}

// Whole panels [begin, end) of a B that is not transposed, row by row: along a row the machine
// fetches by itself, and each row's page is looked up once for all panels.
template <class T>
void Gemm<T>::pack_rows_of_b(const Block& block, int64_t begin, int64_t end) const {
  const int64_t n = shape_.n;
  const T* from = block.b + block.k0 * n + begin * width_;
  T* to = packed_b(block, begin);
  const T* const last_row = from + (block.depth - 1) * n;
  for (int64_t k = 0; k < block.depth; ++k, from += n, to += width_) {
    const T* const ahead = k + kRowsOfBAhead < block.depth ? from + kRowsOfBAhead * n : last_row;
    for (int64_t q = 0; q < end - begin; ++q) {
      __builtin_prefetch(ahead + q * width_);
      for (int v = 0; v < vectors_; ++v)
        store(to + q * pitch_b_ + v * kLanes<T>, load(from + q * width_ + v * kLanes<T>));
    }
  }
}

// Panels [a_begin, a_end) of A by panels [begin, end) of B. With kPack B is read where it lies and packed on the way.
template <class T>
template <bool kPack>
void Gemm<T>::multiply_panels(const Block& block, int64_t a_begin, int64_t a_end, int64_t begin, int64_t end) const {
  const int64_t n = shape_.n;
  const T* const b = block.b + block.k0 * n;
  TileArgs<T> args;
  args.depth = block.depth;
  args.c_row = n;
  args.add = block.k0 > 0;
  args.far = far_c_;
  for (int64_t p = a_begin; p < a_end; ++p) {
    const int64_t row = row_of(p);
    const int rows = static_cast<int>(row_of(p + 1) - row);
    if (pack_a_) {
      args.a = block.a_scratch + (row - row_of(block.a0)) * block.depth;
      args.a_row = 1;
      args.a_step = rows;
    } else if (shape_.transpose_a) {
      args.a = block.a + block.k0 * shape_.m + row;
      args.a_row = 1;
      args.a_step = shape_.m;
    } else {
      args.a = block.a + row * shape_.k + block.k0;
      args.a_row = shape_.k;
      args.a_step = 1;
    }
    T* const c = block.c + row * n;
    const Tile<T> full = tile_for<T>(vectors_, rows);
    for (int64_t q = begin; q < end; ++q) {
      const int64_t column = q * width_;
      args.c = c + column;
      args.b = b + column;
      args.b_step = n;
      if constexpr (kPack) {
        args.pack = packed_b(block, q);
        tiles<T, kTileVectors, true>[rows - 1](args);
        continue;
      }
      const int64_t columns = n - column;
      const bool packed = q >= first_packed_b_;
      if (packed) args.b = packed_b(block, q);
      if (columns >= width_) {
        if (packed) args.b_step = width_;
        full(args);
      } else {
        const int vectors = static_cast<int>(ceil_div(columns, kLanes<T>));
        if (packed) args.b_step = vectors * kLanes<T>;
        run_tile(tile_for<T>(vectors, rows), args, rows, columns, vectors * kLanes<T>);
      }
    }
  }
}

// All of it: a small product waits for every instruction between two tiles.
template <class T>
void Gemm<T>::multiply_bare(const T* a, const T* b, T* c) const {
  TileArgs<T> args;
  args.depth = shape_.k;
  args.a = a;
  args.a_row = shape_.transpose_a ? 1 : shape_.k;
  args.a_step = shape_.transpose_a ? shape_.m : 1;
  args.b = b;
  args.b_step = args.c_row = shape_.n;
  args.c = c;
  args.add = false;
  args.far = far_c_;
  int64_t p = 0;
  for (const int64_t last : {rows_extra_, panels_a_}) {
    const int64_t rows = rows_low_ + (p < rows_extra_);
    const int64_t a_next = rows * args.a_row, c_next = rows * args.c_row;
    const Tile<T> tile = tile_for<T>(vectors_, static_cast<int>(rows));
    for (; p < last; ++p, args.a += a_next, args.c += c_next) tile(args);
  }
}

// Panels [begin, end) of B are packed, those that are to be. Large ones are multiplied with A's
// first panel, too: while they are at hand, and where they lie in rows the multiply-adds hide
// the copy.
template <class T>
void Gemm<T>::prepare(const Block& block, int64_t begin, int64_t end) const {
  if (block.kept) return;
  int64_t q = std::max(begin, first_packed_b_);
  if (q >= end) return;
  const int64_t whole = std::min(end, shape_.n / width_);
  if (!pack_on_the_way_ && !shape_.transpose_b && q < whole) {
    pack_rows_of_b(block, q, whole);
    q = whole;
  }
  for (; q < end; ++q) {
    if (!pack_on_the_way_) {
      pack_b(block, q);
    } else if (!shape_.transpose_b && (q + 1) * width_ <= shape_.n) {
      multiply_panels<true>(block, 0, 1, q, q + 1);
    } else {
      pack_b(block, q);
      multiply_panels<false>(block, 0, 1, q, q + 1);
    }
  }
}

// Panels [a_begin, a_end) of A by [b_begin, b_end) of B, B's panels running fastest: they stay in
// the L2 cache, A's panel in the L1 cache.
template <class T>
void Gemm<T>::multiply(const Block& block, int64_t a_begin, int64_t a_end, int64_t b_begin,
                       int64_t b_end) const {
  if (block.epilogue) return multiply_and_end(block, a_begin, a_end, b_begin, b_end);
  multiply_panels<false>(block, std::max<int64_t>(a_begin, pack_on_the_way_), a_end, b_begin, b_end);
}

// The same with an epilogue after a few panels of A at a time.
template <class T>
void Gemm<T>::multiply_and_end(const Block& block, int64_t a_begin, int64_t a_end, int64_t b_begin,
                               int64_t b_end) const {
  const int64_t column = b_begin * width_;
  const int64_t columns = std::min(b_end * width_, shape_.n) - column;
  const int64_t panel = columns * tile_rows(vectors_) * static_cast<int64_t>(sizeof(T));
  const int64_t panels = std::max<int64_t>(1, kPartBytes / panel);
  for (int64_t p = a_begin, last; p < a_end; p = last) {
    last = std::min(p + panels, a_end);
    multiply_panels<false>(block, std::max<int64_t>(p, pack_on_the_way_), last, b_begin, b_end);
    block.epilogue->run(block.epilogue->self, row_of(p), row_of(last) - row_of(p), column, columns);
  }
}

// Every element of a blocked product is complete when the last block of k has been added.
template <class T>
bool Gemm<T>::can_end() const {
  return thin_ == Thin::kNot && shape_.m > 1 && shape_.n > 1;
}

// Everything that is to be done with a block of k, some of A's panels and some of B's.
template <class T>
void Gemm<T>::run_block(const RunContext* context, const Block& block) const {
  const int64_t threads = context ? context->host->threads(context->host->self) : 1;
  const int64_t a_end = block.a0 + block.a_panels, b_end = block.b0 + block.b_panels;
  const int64_t cost = tile_rows(vectors_) * width_ * block.depth / 16;  // of a tile
  if (threads == 1) {
    if (pack_a_) pack_a(block, 0, block.a_panels);
    for (int64_t q = block.b0, last; q < b_end; q = last) {
      last = std::min(q + group_b_, b_end);
      if (block.a0 == 0) prepare(block, q, last);
      multiply(block, block.a0, a_end, q, last);
    }
    return;
  }
  if (block.a0 == 0) {
    if (pack_a_ && pack_on_the_way_) pack_a(block, 0, 1);
    const int64_t cost_b = pack_on_the_way_ ? cost : width_ * block.depth / 4;
    maybe_parallel(context, block.b_panels, grain_for(cost_b), [&](int64_t begin, int64_t end) {
      prepare(block, block.b0 + begin, block.b0 + end);
    });
  }
  // Rows of A are shared out once B is ready, and columns, too, where A is not packed.
  int64_t groups_a = ceil_div(block.a_panels, group_a_);
  if (pack_a_) groups_a = even_pieces(std::max(groups_a, 2 * threads), threads, block.a_panels);
  const int64_t low = block.a_panels / groups_a, extra = block.a_panels % groups_a;
  const auto first = [&](int64_t g) { return g * low + std::min(g, extra); };
  if (pack_a_)
    return maybe_parallel(
        context, groups_a, grain_for(cost * low * block.b_panels), [&](int64_t begin, int64_t end) {
          for (int64_t g = begin; g < end; ++g) {
            const int64_t p = first(g), last = first(g + 1);
            pack_a(block, p, last);
            for (int64_t q = block.b0; q < b_end; q += group_b_)
              multiply(block, block.a0 + p, block.a0 + last, q, std::min(q + group_b_, b_end));
          }
        });
  const int64_t groups = ceil_div(block.b_panels, group_b_);
  maybe_parallel(context, groups_a * groups, grain_for(cost * group_b_ * low),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t piece = begin; piece < end; ++piece) {
                     const int64_t g = piece % groups_a;
                     const int64_t q = block.b0 + piece / groups_a * group_b_;
                     multiply(block, block.a0 + first(g), block.a0 + first(g + 1), q,
                              std::min(q + group_b_, b_end));
                   }
                 });
}

// Groups of columns, each with all of k and of A: what a thread packs it reads itself, out of its
// own cache, and nobody waits. A thread has one place for it, which stays in its second cache.
template <class T>
bool Gemm<T>::run_columns(const RunContext* context, const Block& block,
                          const Epilogue* epilogue) const {
  // A small product is not worth an atomic operation, nor a division.
  if (threads_ == 1 || groups_b_ == 1) return run_groups(context, block, 0, groups_b_, epilogue);
  const int64_t cost = tile_rows(vectors_) * width_ * shape_.k / 16;  // of a tile
  Places places(threads_);
  std::atomic<bool> stopped{false};
  maybe_parallel(context, groups_b_, grain_for(cost * group_b_ * panels_a_), [&](int64_t begin, int64_t end) {
    const int64_t place = places.take();
    Block own = block;
    own.b_scratch += place * (b_items_ / threads_);
    if (stopped.load(std::memory_order_relaxed) || !run_groups(context, own, begin, end, epilogue))
      stopped.store(true, std::memory_order_relaxed);
    places.give_back(place);
  });
  return !stopped.load(std::memory_order_relaxed);
}

// Groups [begin, end) in `block`'s scratch; false if the run was cancelled.
template <class T>
bool Gemm<T>::run_groups(const RunContext* context, Block block, int64_t begin, int64_t end,
                         const Epilogue* epilogue) const {
  block.a0 = 0;
  block.a_panels = panels_a_;
  for (; begin < end; ++begin) {
    block.b0 = begin * group_b_;
    block.b_panels = std::min(group_b_, panels_b_ - block.b0);
    for (block.k0 = 0; block.k0 < shape_.k; block.k0 += depth_) {
      if (context && is_cancelled(*context)) return false;
      block.depth = std::min(depth_, shape_.k - block.k0);
      block.epilogue = block.k0 + block.depth == shape_.k ? epilogue : nullptr;
      prepare(block, block.b0, block.b0 + block.b_panels);
      multiply(block, 0, panels_a_, block.b0, block.b0 + block.b_panels);
    }
  }
  return true;
}

// It gains where packing is a part of each run that counts (B is transposed, or A is short), and where
// few rows of A read a B whose own rows lie far apart.
template <class T>
int64_t Gemm<T>::keep_b() {
  if (!can_end()) return 0;
  const int64_t item = sizeof(T);
  const int64_t least = shape_.transpose_b ? kKeptTurnedBytes : kKeptBytes;
  if (shape_.m > kKeptRows || shape_.k * shape_.n * item < least) return 0;
  pack_on_the_way_ = false;
  bare_ = false;
  first_packed_b_ = 0;
  b_items_ = 0;
  return panels_b_ * width_ * depth_ * blocks_k_;
}

template <class T>
void Gemm<T>::pack(const T* b, T* kept) const {
  Block block{};
  block.b = b;
  block.kept = kept;
  for (block.k0 = 0; block.k0 < shape_.k; block.k0 += depth_) {
    block.depth = std::min(depth_, shape_.k - block.k0);
    for (int64_t q = 0; q < panels_b_; ++q) pack_b(block, q);
  }
}

template <class T>
bool Gemm<T>::run(const RunContext* context, const T* a, const T* b, T* c, T* scratch,
                  const Epilogue* epilogue, const T* kept) const {
  if (shape_.n == 1 && !shape_.transpose_a) {
    multiply_rows(context, a, b, c, shape_.m, shape_.k);
    return true;
  }
  if (shape_.m == 1 && shape_.transpose_b) {
    multiply_rows(context, b, a, c, shape_.n, shape_.k);
    return true;
  }
  if (shape_.n == 1) {
    multiply_columns(context, a, b, c, shape_.k, shape_.m);
    return true;
  }
  if (shape_.m == 1) {
    multiply_columns(context, b, a, c, shape_.k, shape_.n);
    return true;
  }
  if (thin_ == Thin::kDots) return multiply_dots(context, shape_, a, b, c, scratch);
  if (thin_ == Thin::kTall) return multiply_tall(context, shape_, a, b, c, scratch);
  if (bare_ && epilogue == nullptr) {
    if (context && is_cancelled(*context)) return false;
    multiply_bare(a, b, c);
    return true;
  }
  Block block;
  block.a = a;
  block.b = b;
  block.c = c;
  block.kept = const_cast<T*>(kept);
  block.a_scratch = scratch;
  block.b_scratch = scratch + a_items_;
  if (by_columns_) return run_columns(context, block, epilogue);
  for (block.b0 = 0; block.b0 < panels_b_; block.b0 += step_b_) {
    block.b_panels = std::min(step_b_, panels_b_ - block.b0);
    for (block.k0 = 0; block.k0 < shape_.k; block.k0 += depth_) {
      block.depth = std::min(depth_, shape_.k - block.k0);
      block.epilogue = block.k0 + block.depth == shape_.k ? epilogue : nullptr;
      for (block.a0 = 0; block.a0 < panels_a_; block.a0 += step_a_) {
        if (context && is_cancelled(*context)) return false;
        block.a_panels = std::min(step_a_, panels_a_ - block.a0);
        run_block(context, block);
      }
    }
  }
  return true;
}

template class Gemm<float>;
template class Gemm<double>;

}  // namespace grafo::cpu
