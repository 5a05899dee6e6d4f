// What the fake cuBLASLt was asked to multiply, its checks, and the product itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace grafo::cuda::fake {

// By columns, as the library counts.
struct Matrix {
  int32_t type;
  int64_t rows, columns, leading;
  int32_t batches = 1;
  int64_t stride = 0;
  bool operator==(const Matrix&) const = default;
};

struct Operation {
  int32_t compute = 0, scale = 0;
  int32_t turn_a = 0, turn_b = 0;
  int32_t epilogue = 1;
  const void* bias = nullptr;
};

struct Problem {
  Operation operation;
  Matrix a, b, d;
  uint32_t alignment[4] = {};
  bool in_place = false;
  size_t workspace = 0;

  bool has_bias() const { return operation.epilogue == 4 || operation.epilogue == 6; }
  bool has_relu() const { return operation.epilogue == 2 || operation.epilogue == 6; }
};

struct Addresses {
  const void *a, *b, *c;
  void *d, *workspace;
};

size_t bytes_of(int32_t type);  // 0 of types that it does not know
// Why these do not make a product; empty where they do.
std::string why_not(const Problem& problem);
// What of a product is not as it was when its algorithm was chosen.
std::string difference(const Problem& chosen, const Problem& now);
std::string wrong_address(const Problem& problem, const Addresses& at);
std::string text_of(const Problem& problem);
// What the product's parts take.
size_t workspace_of(const Problem& problem);
void enqueue(void* stream, const Problem& problem, const Addresses& at, const void* alpha, const void* beta);
int64_t executed();

}  // namespace grafo::cuda::fake
