// A prepared MatMul: what its own step and one that ends in a tape (matmul_fused.cc) share.
#pragma once
#include <optional>

#include "cpu/gemm.h"

namespace grafo::cpu {

// Leading dimensions of C, with the distance in matrices that A and B move along each (0 = broadcast).
struct Batch {
  int rank = 0;
  int64_t dims[kMaxRank], a[kMaxRank], b[kMaxRank];
  int64_t size = 1;

  void offsets(int64_t index, int64_t* of_a, int64_t* of_b) const {
    *of_a = *of_b = 0;
    for (int d = rank - 1; d >= 0; --d) {
      const int64_t at = index % dims[d];
      index /= dims[d];
      *of_a += at * a[d];
      *of_b += at * b[d];
    }
  }
};

struct MatMulStep : PreparedStep {
  MatMulStep(Run run_function, const HostServices& services)
      : PreparedStep(run_function), host(services) {}
  ~MatMulStep() override {
    if (scratch) host.release(host.self, scratch, scratch_bytes);
  }

  const HostServices& host;
  GemmShape shape;
  Batch batch;
  int64_t a_items, b_items, c_items;  // of one matrix
  int64_t slots = 0;                  // batches are shared out to this many, 0 = one after the other
  void* scratch = nullptr;
  size_t scratch_bytes = 0;
};

template <class T>
struct RealStep : MatMulStep {
  using MatMulStep::MatMulStep;
  ~RealStep() override {
    if (kept) host.release(host.self, kept, kept_bytes);
  }

  // Of a B that is a constant of the plan its packed copy, made by the first run; nullptr where none is kept.
  const T* kept_b(const T* b) const {
    if (kept && !packed) {
      gemm->pack(b, kept);
      packed = true;
    }
    return kept;
  }

  std::optional<Gemm<T>> gemm;
  T* kept = nullptr;
  size_t kept_bytes = 0;
  mutable bool packed = false;  // runs of a session come one after the other
};

// The step where it is one plain product of this dtype by own kernels; else nullptr.
template <class T>
RealStep<T>* as_plain_product(PreparedStep& step);

}  // namespace grafo::cpu
