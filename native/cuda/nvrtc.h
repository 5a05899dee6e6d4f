// CUDA's run-time compiler, opened where it is found: declarations of our own, as its header is not everywhere, and the functions in
// one list. check/nvrtc.cc compares every one of them with the real header where that is.
#pragma once
#include <cstddef>
#include <string>

#include "cuda/source_file.h"

namespace grafo::cuda {

enum class RtcResult : int { kSuccess = 0 };
using RtcProgram = struct RtcProgramOpaque*;

// X(function without its prefix, result, parameters)
#define GRAFO_RTC_FUNCTIONS(X)                                                                                       \
  X(GetErrorString, const char*, (RtcResult))                                                                        \
  X(Version, RtcResult, (int*, int*))                                                                                \
  X(CreateProgram, RtcResult, (RtcProgram*, const char*, const char*, int, const char* const*, const char* const*)) \
  X(DestroyProgram, RtcResult, (RtcProgram*))                                                                        \
  X(CompileProgram, RtcResult, (RtcProgram, int, const char* const*))                                                \
  X(GetCUBINSize, RtcResult, (RtcProgram, size_t*))                                                                  \
  X(GetCUBIN, RtcResult, (RtcProgram, char*))                                                                        \
  X(GetProgramLogSize, RtcResult, (RtcProgram, size_t*))                                                             \
  X(GetProgramLog, RtcResult, (RtcProgram, char*))

class Nvrtc {
 public:
#define GRAFO_RTC_MEMBER(name, result, parameters) result(*name) parameters = nullptr;
  GRAFO_RTC_FUNCTIONS(GRAFO_RTC_MEMBER)
#undef GRAFO_RTC_MEMBER

  // Looks for the library. Where there is none that serves, `found` stays false and `text` says why.
  void find();
  bool found() const { return found_; }
  // "NVRTC 13.0 (/where/it/lies)", or why there is none.
  const std::string& text() const { return text_; }
  int version() const { return version_; }  // 13000

  // Compiles a source for an architecture (90) to a cubin. False where the compiler refuses it; `why` has its words.
  bool compile(const std::string& source, int arch, std::string* cubin, std::string* why) const;

 private:
  bool found_ = false;
  int version_ = 0;
  std::string text_;
};

// What decides about the code beside the source: part of the key of what is kept.
extern const char* const kRtcOptions[];
extern const int kNumRtcOptions;

}  // namespace grafo::cuda
