// A BLAS library of the user's choice for matrix products: GRAFO_BLAS=/absolute/path. Never looked for, never needed.
#include <cstdlib>
#include <cstring>

#include "base/dynlib.h"
#include "runtime/blas.h"

namespace grafo {
namespace {

constexpr int kRowMajor = 101, kNoTranspose = 111, kTranspose = 112;  // CBLAS's

template <class T, class Int>
using Function = void (*)(int order, int transpose_a, int transpose_b, Int m, Int n, Int k, T alpha, const T* a, Int a_row,
                          const T* b, Int b_row, T beta, T* c, Int c_row);

// Found once, before any session is opened.
template <class T>
void* g_function = nullptr;

template <class T, class Int>
void multiply(const BlasProduct& shape, const void* a, const void* b, void* c) {
  const auto of = [](int64_t value) { return static_cast<Int>(value); };
  reinterpret_cast<Function<T, Int>>(g_function<T>)(
      kRowMajor, shape.transpose_a ? kTranspose : kNoTranspose, shape.transpose_b ? kTranspose : kNoTranspose, of(shape.m),
      of(shape.n), of(shape.k), T(1), static_cast<const T*>(a), of(shape.transpose_a ? shape.m : shape.k),
      static_cast<const T*>(b), of(shape.transpose_b ? shape.k : shape.n), T(0), static_cast<T*>(c), of(shape.n));
}

// Names of cblas_?gemm: with 32 bit integers, then with 64.
constexpr const char* kNames32[] = {"cblas_%cgemm", "scipy_cblas_%cgemm"};
constexpr const char* kNames64[] = {"cblas_%cgemm64_", "cblas_%cgemm_64", "scipy_cblas_%cgemm64_"};

template <class T>
bool find(void* library, const char* pattern, char letter) {
  char name[64];
  std::snprintf(name, sizeof name, pattern, letter);
  g_function<T> = library_symbol(library, name);
  return g_function<T> != nullptr;
}

Status load(const char* path, Blas* blas) {
  void* library = nullptr;
  TRY(open_library(path, &library));
  for (const char* name : kNames32) {
    if (!find<float>(library, name, 's') || !find<double>(library, name, 'd')) continue;
    *blas = {multiply<float, int32_t>, multiply<double, int32_t>, INT32_MAX};
    return {};
  }
  for (const char* name : kNames64) {
    if (!find<float>(library, name, 's') || !find<double>(library, name, 'd')) continue;
    *blas = {multiply<float, int64_t>, multiply<double, int64_t>, INT64_MAX};
    return {};
  }
  return Status::error(Code::kNotFound, "%s has no cblas_sgemm and cblas_dgemm", path);
}

}  // namespace

Status find_blas(const Blas** blas) {
  static Blas* found = new Blas();
  static const Status* status = new Status([] {
    const char* path = std::getenv("GRAFO_BLAS");
    if (path == nullptr || *path == '\0') return Status();
    const Status loaded = load(path, found);
    return loaded.ok() ? loaded : Status::error(Code::kUnavailable, "GRAFO_BLAS: %s", loaded.text);
  }());
  *blas = found->multiply_float != nullptr ? found : nullptr;
  return *status;
}

}  // namespace grafo
