// One matrix product C[m, n] = op(A) op(B) of float or double with everything chosen that depends
// on its shape. The order in which the sum over k is taken depends on the shape alone, never on
// threads.
#pragma once
#include <cstdint>

#include "cpu/places.h"
#include "cpu/prepared.h"

namespace grafo::cpu {

struct GemmShape {
  int64_t m, n, k;                // all > 0
  bool transpose_a, transpose_b;  // A is stored [k, m], B is stored [n, k]
};

// Products with so few columns that they would leave much of a vector empty.
enum class Thin { kNot, kDots, kTall };

// What becomes of C, part by part: called by the thread that has just made these rows and columns of it.
struct Epilogue {
  const void* self;
  void (*run)(const void* self, int64_t row, int64_t rows, int64_t column, int64_t columns);
};

template <class T>
class Gemm {
 public:
  // `threads`: of the host whose context run() is given; 1 where it is given none.
  Gemm(const GemmShape& shape, int64_t threads);

  // Whether run() can take an epilogue.
  bool can_end() const;
  // For a B that never changes: elements of T that keep it packed, 0 where that gains nothing. From then on run() takes what pack()
  // left there.
  int64_t keep_b();
  void pack(const T* b, T* kept) const;

  // Elements of T that run() needs to itself, 64-byte aligned.
  int64_t scratch() const { return a_items_ + b_items_; }
  // Uses the host's threads where `context` is given. False if the run was cancelled.
  bool run(const RunContext* context, const T* a, const T* b, T* c, T* scratch,
           const Epilogue* epilogue = nullptr, const T* kept = nullptr) const;

 private:
  struct Block;
  void pack_a(const Block& block, int64_t begin, int64_t end) const;
  void pack_b(const Block& block, int64_t q) const;
  void pack_rows_of_b(const Block& block, int64_t begin, int64_t end) const;
  template <bool kPack>
  void multiply_panels(const Block& block, int64_t a_begin, int64_t a_end, int64_t begin, int64_t end) const;
  void multiply_bare(const T* a, const T* b, T* c) const;
  void prepare(const Block& block, int64_t begin, int64_t end) const;
  void multiply(const Block& block, int64_t a_begin, int64_t a_end, int64_t b_begin,
                int64_t b_end) const;
  void multiply_and_end(const Block& block, int64_t a_begin, int64_t a_end, int64_t b_begin,
                        int64_t b_end) const;
  void run_block(const RunContext* context, const Block& block) const;
  bool run_columns(const RunContext* context, const Block& block, const Epilogue* epilogue) const;
  bool run_groups(const RunContext* context, Block block, int64_t begin, int64_t end, const Epilogue* epilogue) const;
  T* packed_b(const Block& block, int64_t q) const;
  int64_t row_of(int64_t panel) const {
    return panel * rows_low_ + (panel < rows_extra_ ? panel : rows_extra_);
  }

  GemmShape shape_;
  int vectors_;                        // width of a panel of B
  int64_t width_, panels_b_;           // its columns; how many
  int64_t panels_a_;                   // panels of rows_low_ or one more row
  int64_t rows_low_, rows_extra_;      // the first rows_extra_ panels have one more
  int64_t blocks_k_, depth_;           // k is cut in blocks_k_ pieces of at most depth_
  int64_t step_a_, step_b_;            // panels of A and of B that are in the scratch at a time
  int64_t group_a_, group_b_;          // panels in one piece of work
  int64_t groups_b_;                   // pieces of columns
  int64_t threads_;
  bool bare_;                          // tiles and nothing else: B is one panel where it lies, k is not cut
  bool far_c_;                         // C is larger than the near caches
  bool by_columns_;                    // pieces are columns, each packed by the thread that multiplies it
  Thin thin_;
  bool pack_a_;
  bool pack_on_the_way_;               // B is packed by the tiles of A's first panel
  int64_t first_packed_b_;             // panels of B before this one are read in place
  int64_t pitch_b_;                    // distance of two packed panels of B
  int64_t a_items_, b_items_;
};

extern template class Gemm<float>;
extern template class Gemm<double>;

// y[r] = sum over c of matrix[r, c] x[c].
template <class T>
void multiply_rows(const RunContext* context, const T* matrix, const T* x, T* y, int64_t rows,
                   int64_t columns);
// y[c] = sum over r of x[r] matrix[r, c].
template <class T>
void multiply_columns(const RunContext* context, const T* matrix, const T* x, T* y, int64_t rows,
                      int64_t columns);

// The way for a thin product, the scratch it needs in elements, and the two ways (gemm_thin.cc).
template <class T>
Thin choose_thin(const GemmShape& shape);
template <class T>
int64_t thin_scratch(const GemmShape& shape, Thin thin);
template <class T>
bool multiply_dots(const RunContext* context, const GemmShape& shape, const T* a, const T* b, T* c,
                   T* scratch);
template <class T>
bool multiply_tall(const RunContext* context, const GemmShape& shape, const T* a, const T* b, T* c,
                   T* scratch);

// parallel_for, or all at once without a context.
template <class Body>
void maybe_parallel(const RunContext* context, int64_t n, int64_t grain, Body&& body) {
  if (context) return parallel_for(*context, n, grain, body);
  if (n > 0) body(int64_t{0}, n);
}

}  // namespace grafo::cpu
