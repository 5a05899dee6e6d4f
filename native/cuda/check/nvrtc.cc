// The declarations of nvrtc.h beside the real header: compiles where that is found, and only where they agree.
#include <nvrtc.h>

#include <type_traits>

#include "cuda/nvrtc.h"

namespace grafo::cuda {
namespace {

// The library's name of a type of ours.
template <class T>
struct TheirsOf {
  using type = T;
};
template <>
struct TheirsOf<RtcResult> {
  using type = nvrtcResult;
};
template <>
struct TheirsOf<RtcProgram> {
  using type = nvrtcProgram;
};
template <>
struct TheirsOf<RtcProgram*> {
  using type = nvrtcProgram*;
};
template <class T>
using Theirs = typename TheirsOf<T>::type;

template <class F>
struct FunctionOf;
template <class R, class... P>
struct FunctionOf<R (*)(P...)> {
  using type = Theirs<R> (*)(Theirs<P>...);
};

static_assert(sizeof(nvrtcResult) == sizeof(RtcResult) && NVRTC_SUCCESS == static_cast<int>(RtcResult::kSuccess));
static_assert(std::is_pointer_v<nvrtcProgram>);
#define GRAFO_RTC_CHECK(name, result, parameters) \
  static_assert(std::is_same_v<decltype(&nvrtc##name), typename FunctionOf<result(*) parameters>::type>, "nvrtc" #name);
GRAFO_RTC_FUNCTIONS(GRAFO_RTC_CHECK)
#undef GRAFO_RTC_CHECK

}  // namespace
}  // namespace grafo::cuda
