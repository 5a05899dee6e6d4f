// See fake_product.h.
#include "cuda/emulate/fake_product.h"

#include <dlfcn.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cuda/cublaslt.h"

namespace grafo::cuda::fake {
namespace {

constexpr int kParts = 3;  // of k, where it is long enough to be split
std::atomic<int64_t> g_executed{0};

// The emulated device's own doors.
template <class Function>
Function emulated(const char* name) {
  void* const device = dlopen(std::getenv("GRAFO_CUDA_LIBRARY"), RTLD_NOW | RTLD_NOLOAD);
  return reinterpret_cast<Function>(dlsym(device, name));
}

bool on_device(const void* at, int64_t bytes) {
  static const auto lies_in = emulated<int32_t (*)(const void*, size_t)>("grafo_emulate_memory");
  return lies_in(at, static_cast<size_t>(bytes)) != 0;
}

// Bytes from the first item of the first matrix to behind the last one's of the last.
int64_t extent(const Matrix& x) {
  const int64_t items = (x.columns - 1) * x.leading + x.rows + (x.batches - 1) * x.stride;
  return items * static_cast<int64_t>(bytes_of(x.type));
}

bool overlap(const void* x, int64_t x_bytes, const void* y, int64_t y_bytes) {
  const auto a = reinterpret_cast<uintptr_t>(x), b = reinterpret_cast<uintptr_t>(y);
  return a < b + static_cast<uintptr_t>(y_bytes) && b < a + static_cast<uintptr_t>(x_bytes);
}

uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// An operand's item as the product takes it: 19 bits of tf32 (away from zero in the middle), 16 of bfloat16 (to the even one).
double item(const Matrix& x, const void* memory, int64_t at, int32_t compute) {
  if (x.type == kLtDouble) return static_cast<const double*>(memory)[at];
  if (x.type == kLtBrain) return float_of(uint32_t{static_cast<const uint16_t*>(memory)[at]} << 16);
  const float value = static_cast<const float*>(memory)[at];
  if (!std::isfinite(value)) return value;
  const uint32_t bits = bits_of(value);
  if (compute == kLtComputeTf32) return float_of((bits + 0x1000u) & ~0x1fffu);
  if (compute == kLtComputeBrain) return float_of((bits + 0x7fffu + (bits >> 16 & 1u)) & ~0xffffu);
  return value;
}

template <class T>
struct Work {
  Problem problem;
  Addresses at;
  const void* bias;
  T alpha, beta;

  // Rows of op(a) and columns of op(b), k by k.
  std::vector<T> lines(const Matrix& x, const void* memory, bool by_rows, int64_t batch) const {
    const int64_t count = by_rows ? x.rows : x.columns, depth = by_rows ? x.columns : x.rows;
    std::vector<T> all(static_cast<size_t>(count * depth));
    for (int64_t line = 0; line < count; ++line) {
      for (int64_t k = 0; k < depth; ++k) {
        const int64_t row = by_rows ? line : k, column = by_rows ? k : line;
        all[static_cast<size_t>(line * depth + k)] =
            static_cast<T>(item(x, memory, batch * x.stride + column * x.leading + row, problem.operation.compute));
      }
    }
    return all;
  }

  void run() const {
    const int64_t order = g_executed++;
    const Operation& operation = problem.operation;
    const int64_t k = operation.turn_a == kLtPlain ? problem.a.columns : problem.a.rows;
    const bool split = problem.workspace > 0;
    const char* const relu = std::getenv("GRAFO_FAKE_CUBLASLT_RELU");
    const bool drops = relu != nullptr && std::strcmp(relu, "drops NaN") == 0;
    for (int64_t batch = 0; batch < problem.d.batches; ++batch) {
      const std::vector<T> rows = lines(problem.a, at.a, operation.turn_a == kLtPlain, batch);
      const std::vector<T> columns = lines(problem.b, at.b, operation.turn_b != kLtPlain, batch);
      T* const to = static_cast<T*>(at.d) + batch * problem.d.stride;
      T* const parts = static_cast<T*>(at.workspace);
      for (int64_t j = 0; j < problem.d.columns; ++j) {
        for (int64_t i = 0; i < problem.d.rows; ++i) {
          const T* const x = rows.data() + i * k;
          const T* const y = columns.data() + j * k;
          T sum = 0;
          if (!split) {
            sum = dot(x, y, 0, k);
          } else {
            T* const mine = parts + kParts * (j * problem.d.rows + i);
            for (int part = 0; part < kParts; ++part) mine[part] = dot(x, y, k * part / kParts, k * (part + 1) / kParts);
            for (int part = 0; part < kParts; ++part) sum += mine[(part + (problem.in_place ? order : 0)) % kParts];
          }
          T& d = to[j * problem.d.leading + i];
          // c may be memory that nobody wrote.
          T value = beta == T(0) ? alpha * sum : alpha * sum + beta * d;
          if (problem.has_bias()) value += static_cast<const T*>(bias)[i];
          if (problem.has_relu()) value = value > T(0) || (value != value && !drops) ? value : T(0);
          d = value;
        }
      }
    }
  }
  static T dot(const T* x, const T* y, int64_t begin, int64_t end) {
    T sum = 0;
    for (int64_t i = begin; i < end; ++i) sum = std::fma(x[i], y[i], sum);
    return sum;
  }
};

template <class T>
void enqueue_as(void* stream, const Problem& problem, const Addresses& at, const void* alpha, const void* beta) {
  using Enqueue = void (*)(void*, void (*)(void*), void (*)(void*), void*);
  static const auto add = emulated<Enqueue>("grafo_emulate_enqueue");
  auto* work = new Work<T>{problem, at, problem.operation.bias, *static_cast<const T*>(alpha), *static_cast<const T*>(beta)};
  add(stream, [](void* self) { static_cast<Work<T>*>(self)->run(); }, [](void* self) { delete static_cast<Work<T>*>(self); },
      work);
}

}  // namespace

size_t bytes_of(int32_t type) { return type == kLtFloat ? 4 : type == kLtDouble ? 8 : type == kLtBrain ? 2 : 0; }

std::string why_not(const Problem& problem) {
  const Operation& operation = problem.operation;
  const Matrix &a = problem.a, &b = problem.b, &d = problem.d;
  if (operation.turn_a != kLtPlain && operation.turn_a != kLtTransposed) return "this way to turn a";
  if (operation.turn_b != kLtPlain && operation.turn_b != kLtTransposed) return "this way to turn b";
  const bool plain_a = operation.turn_a == kLtPlain, plain_b = operation.turn_b == kLtPlain;
  if ((plain_a ? a.rows : a.columns) != d.rows) return "rows of a and d";
  if ((plain_b ? b.columns : b.rows) != d.columns) return "columns of b and d";
  if ((plain_a ? a.columns : a.rows) != (plain_b ? b.rows : b.columns)) return "k of a and b";
  if (a.batches != d.batches || b.batches != d.batches || d.batches < 1) return "the numbers of batches";
  if (a.stride < 0 || b.stride < 0) return "a negative stride";
  if (d.batches > 1 && d.stride < d.leading * d.columns) return "matrices of d that overlap";
  if (a.type != b.type) return "the types of a and b";
  const bool is_float = operation.scale == kLtFloat && d.type == kLtFloat &&
                        ((operation.compute == kLtComputeFloat && (a.type == kLtFloat || a.type == kLtBrain)) ||
                         ((operation.compute == kLtComputeTf32 || operation.compute == kLtComputeBrain) && a.type == kLtFloat));
  const bool is_double = operation.scale == kLtDouble && d.type == kLtDouble && a.type == kLtDouble &&
                         operation.compute == kLtComputeDouble;
  if (!is_float && !is_double) return "these types together";
  switch (operation.epilogue) {
    case kLtEpilogueNone:
    case kLtEpilogueRelu:
      return "";
    case kLtEpilogueBias:
    case kLtEpilogueReluBias:
      return operation.bias == nullptr ? "no address of the bias" : is_double ? "an epilogue of doubles" : "";
    default:
      return "this epilogue";
  }
}

std::string difference(const Problem& chosen, const Problem& now) {
  const Operation &x = chosen.operation, &y = now.operation;
  if (!(chosen.a == now.a) || !(chosen.b == now.b) || !(chosen.d == now.d)) return "other layouts than the algorithm's";
  if (x.compute != y.compute || x.scale != y.scale || x.turn_a != y.turn_a || x.turn_b != y.turn_b ||
      x.epilogue != y.epilogue) {
    return "another operation than the algorithm's";
  }
  const auto known = reinterpret_cast<uintptr_t>(x.bias), real = reinterpret_cast<uintptr_t>(y.bias);
  if (now.has_bias() && real % (known & -known) != 0) return "a bias that is less aligned than it was";
  return "";
}

std::string wrong_address(const Problem& problem, const Addresses& at) {
  const void* const addresses[] = {at.a, at.b, at.c, at.d};
  const Matrix* const matrices[] = {&problem.a, &problem.b, &problem.d, &problem.d};
  constexpr const char* kNames[] = {"a", "b", "c", "d"};
  for (int i = 0; i < 4; ++i) {
    if (reinterpret_cast<uintptr_t>(addresses[i]) % problem.alignment[i] != 0) return std::string("the alignment of ") + kNames[i];
    if (!on_device(addresses[i], extent(*matrices[i]))) return std::string(kNames[i]) + " lies not on the device";
  }
  for (int i = 0; i < 2; ++i) {
    if (overlap(addresses[i], extent(*matrices[i]), at.d, extent(problem.d))) return std::string(kNames[i]) + " and d overlap";
  }
  if (problem.has_bias() && !on_device(problem.operation.bias, problem.d.rows * static_cast<int64_t>(bytes_of(problem.d.type)))) {
    return "the bias lies not on the device";
  }
  if (problem.workspace == 0) return "";
  if (reinterpret_cast<uintptr_t>(at.workspace) % 256 != 0) return "the alignment of the workspace";
  return on_device(at.workspace, static_cast<int64_t>(problem.workspace)) ? "" : "the workspace lies not on the device";
}

// "m n k batches operands result compute epilogue", by the library's columns.
std::string text_of(const Problem& problem) {
  const int64_t k = problem.operation.turn_a == kLtPlain ? problem.a.columns : problem.a.rows;
  std::string text;
  for (int64_t number : {problem.d.rows, problem.d.columns, k, int64_t{problem.d.batches}, int64_t{problem.a.type},
                         int64_t{problem.d.type}, int64_t{problem.operation.compute}, int64_t{problem.operation.epilogue}}) {
    text += (text.empty() ? "" : " ") + std::to_string(number);
  }
  return text;
}

size_t workspace_of(const Problem& problem) {
  const int64_t k = problem.operation.turn_a == kLtPlain ? problem.a.columns : problem.a.rows;
  return k < 96 ? 0 : static_cast<size_t>(kParts * problem.d.rows * problem.d.columns) * bytes_of(problem.d.type);
}

void enqueue(void* stream, const Problem& problem, const Addresses& at, const void* alpha, const void* beta) {
  if (problem.d.type == kLtDouble) enqueue_as<double>(stream, problem, at, alpha, beta);
  else enqueue_as<float>(stream, problem, at, alpha, beta);
}

int64_t executed() { return g_executed; }

}  // namespace grafo::cuda::fake
