// A cuBLASLt for the emulated device, which tests name by GRAFO_CUDA_LIBRARIES. It computes on the host, from the emulated streams, and
// refuses what the real one's documentation does not allow: sizes, layouts, batches, alignments, addresses, workspaces.
//
// GRAFO_FAKE_CUBLASLT_FAIL=function:nth:status fails a call. GRAFO_FAKE_CUBLASLT_REPORT=file is written after each call: what is alive, what
// was computed, what was refused and why. Where in-place reductions are allowed it adds in another order every time, as a race would.
#include <dlfcn.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <set>
#include <type_traits>
#include <vector>

#include "cuda/cublaslt.h"
#include "cuda/emulate/fake_product.h"

namespace grafo::cuda {

constexpr LtStatus kNotInitialized = 1, kInvalid = 7;

struct LtContext {};
struct LtLayoutOpaque {
  fake::Matrix matrix;
};
struct LtMatmulOpaque {
  fake::Operation operation;
};
struct LtPreferenceOpaque {
  uint64_t workspace = 0;
  uint32_t reductions = 7;
  uint32_t alignment[4] = {256, 256, 256, 256};
};

namespace {

std::mutex g_mutex;
std::set<const void*> g_handles, g_layouts, g_matmuls, g_preferences;
std::vector<fake::Problem> g_chosen;  // by algorithm
std::vector<std::string> g_products, g_complaints;
int64_t g_heuristics = 0;

void report() {
  const char* path = std::getenv("GRAFO_FAKE_CUBLASLT_REPORT");
  if (path == nullptr || *path == '\0') return;
  std::ofstream file(path);
  file << "{\"handles\":" << g_handles.size() << ",\"layouts\":" << g_layouts.size() << ",\"matmuls\":" << g_matmuls.size()
       << ",\"preferences\":" << g_preferences.size() << ",\"heuristics\":" << g_heuristics
       << ",\"executed\":" << fake::executed();
  const auto list = [&](const char* name, const std::vector<std::string>& lines) {
    file << ",\"" << name << "\":[";
    for (size_t i = 0; i < lines.size(); ++i) file << (i == 0 ? "\"" : ",\"") << lines[i] << '"';
    file << ']';
  };
  list("products", g_products);
  list("complaints", g_complaints);
  file << "}\n";
}

LtStatus refuse(const char* function, const std::string& why) {
  g_complaints.push_back(std::string(function) + ": " + why);
  return kInvalid;
}

// Whether this call is the one that shall fail.
LtStatus planned(const char* function) {
  static std::string plan;
  static int64_t left = 0;
  const char* given = std::getenv("GRAFO_FAKE_CUBLASLT_FAIL");
  const std::string now = given == nullptr ? "" : given;
  const size_t first = now.find(':'), second = now.rfind(':');
  if (first == std::string::npos || second == first) return plan = now, kLtSuccess;
  if (now != plan) left = std::atoll(now.c_str() + first + 1);
  plan = now;
  if (now.substr(0, first) != function || left <= 0 || --left > 0) return kLtSuccess;
  return static_cast<LtStatus>(std::atoi(now.c_str() + second + 1));
}

// One call: alone, failing where that is planned, reported afterwards.
template <class Body>
LtStatus call(const char* function, Body&& body) {
  const std::lock_guard<std::mutex> lock(g_mutex);
  LtStatus status = planned(function);
  if (status == kLtSuccess) status = body();
  report();
  return status;
}

template <class T>
LtStatus create(T** made, std::set<const void*>& living, T value) {
  if (made == nullptr) return kInvalid;
  *made = new T(value);
  living.insert(*made);
  return kLtSuccess;
}
template <class T>
LtStatus destroy(const char* function, T* object, std::set<const void*>& living) {
  if (living.erase(object) != 1) return refuse(function, "this was never made, or is gone");
  delete object;
  return kLtSuccess;
}

// Writes an attribute of exactly its size.
template <class T>
LtStatus write(const char* function, T* to, const void* from, size_t bytes) {
  if (from == nullptr || bytes != sizeof *to) return refuse(function, "an attribute of a wrong size");
  std::memcpy(to, from, bytes);
  return kLtSuccess;
}

struct Called {
  LtHandle handle;
  LtMatmul matmul;
  LtLayout a, b, c, d;
};

// What descriptors say together; empty where that is a product, else why it is none.
std::string problem_of(const Called& called, fake::Problem* problem) {
  if (!g_handles.contains(called.handle)) return "no handle";
  if (!g_matmuls.contains(called.matmul)) return "no operation";
  for (LtLayout layout : {called.a, called.b, called.c, called.d}) {
    if (!g_layouts.contains(layout)) return "no layout";
  }
  *problem = {called.matmul->operation, called.a->matrix, called.b->matrix, called.d->matrix};
  if (!(called.c->matrix == called.d->matrix)) return "c and d differ";
  return fake::why_not(*problem);
}

}  // namespace
}  // namespace grafo::cuda

using namespace grafo::cuda;

#define FAKE extern "C" __attribute__((visibility("default")))

FAKE size_t cublasLtGetVersion() { return 139999; }
FAKE const char* cublasLtGetStatusName(LtStatus status) {
  switch (status) {
    case kLtSuccess:
      return "CUBLAS_STATUS_SUCCESS";
    case kNotInitialized:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case kLtAllocFailed:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case kInvalid:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case kLtNotSupported:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
  }
}
FAKE const char* cublasLtGetStatusString(LtStatus status) { return status == kLtSuccess ? "success" : "on demand, or refused"; }

FAKE LtStatus cublasLtCreate(LtHandle* made) {
  return call(__func__, [&] { return create(made, g_handles, LtContext{}); });
}
FAKE LtStatus cublasLtDestroy(LtHandle handle) {
  return call("cublasLtDestroy", [&] { return destroy("cublasLtDestroy", handle, g_handles); });
}

FAKE LtStatus cublasLtMatrixLayoutCreate(LtLayout* made, LtDataType type, uint64_t rows, uint64_t columns, int64_t leading) {
  const char* const name = __func__;
  return call(name, [&] {
    if (fake::bytes_of(type) == 0) return refuse(name, "this type");
    if (rows == 0 || columns == 0 || rows > INT_MAX || columns > INT_MAX) return refuse(name, "this size");
    if (leading < static_cast<int64_t>(rows)) return refuse(name, "a leading dimension below the rows");
    return create(made, g_layouts, LtLayoutOpaque{{type, static_cast<int64_t>(rows), static_cast<int64_t>(columns), leading}});
  });
}
FAKE LtStatus cublasLtMatrixLayoutDestroy(LtLayout layout) {
  return call(__func__, [&] { return destroy("cublasLtMatrixLayoutDestroy", layout, g_layouts); });
}
FAKE LtStatus cublasLtMatrixLayoutSetAttribute(LtLayout layout, LtLayoutAttribute attribute, const void* from, size_t bytes) {
  const char* const name = __func__;
  return call(name, [&] {
    if (!g_layouts.contains(layout)) return refuse(name, "no layout");
    if (attribute == kLtBatchCount) return write(name, &layout->matrix.batches, from, bytes);
    if (attribute == kLtBatchStride) return write(name, &layout->matrix.stride, from, bytes);
    return refuse(name, "this attribute");
  });
}

FAKE LtStatus cublasLtMatmulDescCreate(LtMatmul* made, LtComputeType compute, LtDataType scale) {
  return call(__func__, [&] {
    LtMatmulOpaque matmul;
    matmul.operation.compute = compute;
    matmul.operation.scale = scale;
    return create(made, g_matmuls, matmul);
  });
}
FAKE LtStatus cublasLtMatmulDescDestroy(LtMatmul matmul) {
  return call(__func__, [&] { return destroy("cublasLtMatmulDescDestroy", matmul, g_matmuls); });
}
FAKE LtStatus cublasLtMatmulDescSetAttribute(LtMatmul matmul, LtMatmulAttribute attribute, const void* from, size_t bytes) {
  const char* const name = __func__;
  return call(name, [&] {
    if (!g_matmuls.contains(matmul)) return refuse(name, "no operation");
    fake::Operation& operation = matmul->operation;
    if (attribute == kLtTransposeA) return write(name, &operation.turn_a, from, bytes);
    if (attribute == kLtTransposeB) return write(name, &operation.turn_b, from, bytes);
    if (attribute == kLtEpilogue) return write(name, &operation.epilogue, from, bytes);
    if (attribute == kLtBiasPointer) return write(name, &operation.bias, from, bytes);
    return refuse(name, "this attribute");
  });
}

FAKE LtStatus cublasLtMatmulPreferenceCreate(LtPreference* made) {
  return call(__func__, [&] { return create(made, g_preferences, LtPreferenceOpaque{}); });
}
FAKE LtStatus cublasLtMatmulPreferenceDestroy(LtPreference preference) {
  return call(__func__, [&] { return destroy("cublasLtMatmulPreferenceDestroy", preference, g_preferences); });
}
FAKE LtStatus cublasLtMatmulPreferenceSetAttribute(LtPreference preference, LtPreferenceAttribute attribute, const void* from,
                                                   size_t bytes) {
  const char* const name = __func__;
  return call(name, [&] {
    if (!g_preferences.contains(preference)) return refuse(name, "no preference");
    if (attribute == kLtMaxWorkspace) return write(name, &preference->workspace, from, bytes);
    if (attribute == kLtReductionMask) return write(name, &preference->reductions, from, bytes);
    if (attribute >= kLtAlignmentA && attribute <= kLtAlignmentD) {
      return write(name, &preference->alignment[attribute - kLtAlignmentA], from, bytes);
    }
    return refuse(name, "this attribute");
  });
}

FAKE LtStatus cublasLtMatmulAlgoGetHeuristic(LtHandle handle, LtMatmul matmul, LtLayout a, LtLayout b, LtLayout c, LtLayout d,
                                             LtPreference preference, int asked, LtHeuristic* found, int* count) {
  const char* const name = __func__;
  return call(name, [&] {
    ++g_heuristics;
    fake::Problem problem;
    const std::string why = problem_of({handle, matmul, a, b, c, d}, &problem);
    if (!why.empty()) return refuse(name, why);
    if (!g_preferences.contains(preference)) return refuse(name, "no preference");
    if (asked < 1 || found == nullptr || count == nullptr) return refuse(name, "nowhere to tell what was found");
    std::memcpy(problem.alignment, preference->alignment, sizeof problem.alignment);
    problem.in_place = (preference->reductions & 1) != 0;
    problem.workspace = fake::workspace_of(problem);
    if (problem.workspace > preference->workspace) problem.workspace = 0;
    *found = {};
    found[0].algorithm.data[0] = 0x6661'6b65;
    found[0].algorithm.data[1] = g_chosen.size();
    found[0].workspace_bytes = problem.workspace;
    g_chosen.push_back(problem);
    *count = 1;
    return kLtSuccess;
  });
}

FAKE LtStatus cublasLtMatmul(LtHandle handle, LtMatmul matmul, const void* alpha, const void* a, LtLayout a_layout, const void* b,
                             LtLayout b_layout, const void* beta, const void* c, LtLayout c_layout, void* d, LtLayout d_layout,
                             const LtAlgorithm* algorithm, void* workspace, size_t workspace_bytes, LtStream stream) {
  const char* const name = __func__;
  return call(name, [&] {
    fake::Problem problem;
    const std::string why = problem_of({handle, matmul, a_layout, b_layout, c_layout, d_layout}, &problem);
    if (!why.empty()) return refuse(name, why);
    if (alpha == nullptr || beta == nullptr) return refuse(name, "no alpha or beta");
    if (algorithm == nullptr || algorithm->data[0] != 0x6661'6b65 || algorithm->data[1] >= g_chosen.size()) {
      return refuse(name, "no algorithm of this library");
    }
    const fake::Problem& chosen = g_chosen[algorithm->data[1]];
    std::memcpy(problem.alignment, chosen.alignment, sizeof problem.alignment);
    problem.in_place = chosen.in_place;
    problem.workspace = chosen.workspace;
    if (const std::string other = fake::difference(chosen, problem); !other.empty()) return refuse(name, other);
    if (workspace_bytes < chosen.workspace) return refuse(name, "too small a workspace");
    const fake::Addresses at{a, b, c, d, workspace};
    if (const std::string wrong = fake::wrong_address(problem, at); !wrong.empty()) return refuse(name, wrong);
    g_products.push_back(fake::text_of(problem));
    fake::enqueue(stream, problem, at, alpha, beta);
    return kLtSuccess;
  });
}

#define FAKE_SAME(name, result, parameters) static_assert(std::is_same_v<decltype(&cublasLt##name), result(*) parameters>);
GRAFO_LT_FUNCTIONS(FAKE_SAME)
