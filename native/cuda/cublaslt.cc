// See cublaslt.h.
#include "cuda/cublaslt.h"

#include <dlfcn.h>

#include "cuda/find_library.h"

namespace grafo::cuda {
namespace {

constexpr const char* kSonames[] = {"libcublasLt.so.13", "libcublasLt.so.12"};

}  // namespace

void CublasLt::find() {
  if (found_ || !text_.empty()) return;
  const FoundLibrary library = find_library(kSonames, 2);
  if (library.handle == nullptr) {
    text_ = "no cuBLASLt (" + library.why + ")";
    return;
  }
  const char* missing = nullptr;
#define GRAFO_LT_FIND(name, result, parameters)                                                \
  name = reinterpret_cast<result(*) parameters>(dlsym(library.handle, "cublasLt" #name)); \
  if (name == nullptr) missing = "cublasLt" #name;
  GRAFO_LT_FUNCTIONS(GRAFO_LT_FIND)
#undef GRAFO_LT_FIND
  if (missing != nullptr) {
    text_ = "no cuBLASLt (" + library.path + " has no " + missing + ")";
    return;
  }
  const size_t version = GetVersion();
  found_ = true;
  text_ = "cuBLASLt " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
          std::to_string(version % 100) + " (" + library.path + ")";
}

Status CublasLt::open() {
  return handle_ != nullptr ? Status() : check(Create(&handle_), "the making of a handle");
}

CublasLt::~CublasLt() {
  if (handle_ != nullptr) (void)Destroy(handle_);
}

Status CublasLt::check(LtStatus status, const char* what) const {
  if (status == kLtSuccess) return {};
  const Code code = status == kLtAllocFailed ? Code::kResourceExhausted : Code::kInternal;
  return Status::error(code, "cuBLASLt: %s failed: %s (%s)", what, GetStatusName(status), GetStatusString(status));
}

}  // namespace grafo::cuda
