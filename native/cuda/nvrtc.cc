// See nvrtc.h.
#include "cuda/nvrtc.h"

#include <dlfcn.h>

#include <vector>

#include "cuda/find_library.h"

namespace grafo::cuda {
namespace {

constexpr const char* kSonames[] = {"libnvrtc.so.13", "libnvrtc.so.12"};

}  // namespace

// No contraction and nothing approximate: the bits of the interpreter, which nvcc compiled so.
const char* const kRtcOptions[] = {"-std=c++20", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true"};
const int kNumRtcOptions = sizeof kRtcOptions / sizeof kRtcOptions[0];

void Nvrtc::find() {
  if (found_) return;
  const FoundLibrary library = find_library(kSonames, 2);
  if (library.handle == nullptr) {
    text_ = "no NVRTC (" + library.why + ")";
    return;
  }
  const char* missing = nullptr;
#define GRAFO_RTC_FIND(name, result, parameters)                                         \
  name = reinterpret_cast<result(*) parameters>(dlsym(library.handle, "nvrtc" #name)); \
  if (name == nullptr) missing = "nvrtc" #name;
  GRAFO_RTC_FUNCTIONS(GRAFO_RTC_FIND)
#undef GRAFO_RTC_FIND
  int major = 0, minor = 0;
  if (missing != nullptr || Version(&major, &minor) != RtcResult::kSuccess) {
    text_ = "no NVRTC (" + library.path + (missing != nullptr ? " has no " + std::string(missing) : " tells no version") + ")";
    return;
  }
  // It opens its second half by a bare name, which the loader does not know where a wheel holds both: loaded by path, it has the name.
  const std::string second = library.path.substr(0, library.path.rfind('/')) + "/libnvrtc-builtins.so." +
                             std::to_string(major) + "." + std::to_string(minor);
  (void)dlopen(second.c_str(), RTLD_NOW | RTLD_LOCAL);
  found_ = true;
  version_ = major * 1000 + minor * 10;
  text_ = "NVRTC " + std::to_string(major) + "." + std::to_string(minor) + " (" + library.path + ")";
}

bool Nvrtc::compile(const std::string& source, int arch, std::string* cubin, std::string* why) const {
  std::vector<const char*> names, texts;
  for (int h = 0; h < kNumTapeHeaders; ++h) {
    names.push_back(kTapeHeaders[h].name);
    texts.push_back(kTapeHeaders[h].text);
  }
  const std::string architecture = "--gpu-architecture=sm_" + std::to_string(arch);
  std::vector<const char*> options(kRtcOptions, kRtcOptions + kNumRtcOptions);
  options.push_back(architecture.c_str());
  RtcProgram program = nullptr;
  RtcResult result = CreateProgram(&program, source.c_str(), "grafo_tape.cu", kNumTapeHeaders, texts.data(), names.data());
  if (result == RtcResult::kSuccess) result = CompileProgram(program, static_cast<int>(options.size()), options.data());
  size_t bytes = 0;
  if (result == RtcResult::kSuccess) result = GetCUBINSize(program, &bytes);
  if (result == RtcResult::kSuccess) {
    cubin->resize(bytes);
    result = GetCUBIN(program, cubin->data());
  }
  if (result != RtcResult::kSuccess) {
    *why = GetErrorString(result);
    if (program != nullptr && GetProgramLogSize(program, &bytes) == RtcResult::kSuccess && bytes > 1) {
      std::string log(bytes, '\0');
      if (GetProgramLog(program, log.data()) == RtcResult::kSuccess) *why += ": " + log.substr(0, bytes - 1);
    }
  }
  if (program != nullptr) (void)DestroyProgram(&program);
  return result == RtcResult::kSuccess && !cubin->empty();
}

}  // namespace grafo::cuda
