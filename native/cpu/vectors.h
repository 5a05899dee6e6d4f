// Loops over the vectors that the processor has (math/avx512.h, math/avx2.h), several at a time. GRAFO_VECTORS is defined where there are
// any; else the compiler makes what it can of loops over single elements.
#pragma once
#include <cstdint>
#include <type_traits>

#include "math/functors.h"

namespace grafo::cpu {

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define GRAFO_VECTORS
template <class T>
using VectorOf = std::conditional_t<std::is_same_v<T, float>, math::F32x16, math::F64x8>;
constexpr bool kTestsUsual = false;
constexpr int kManyLive = 4;

#elif defined(__AVX2__) && defined(__FMA__)
#define GRAFO_VECTORS
template <class T>
using VectorOf = std::conditional_t<std::is_same_v<T, float>, math::F32x8, math::F64x4>;
constexpr bool kTestsUsual = true;
// Vectors at a time where each keeps many values: with 16 registers more would go through memory.
constexpr int kManyLive = 2;

#endif

#if defined(GRAFO_VECTORS)
template <class Functor, class T>
concept HasVectors =
    Functor::kVectors != 0 && std::is_floating_point_v<T> &&
    (requires(VectorOf<T> x) { Functor()(x); } || requires(VectorOf<T> x) { Functor()(x, x); } ||
     requires(VectorOf<T> x) { Functor()(x, x, x); });

// So many vectors from memory, and back.
template <int kAtOnce, class T>
FN auto at(const T* from) {
  if constexpr (kAtOnce == 1) {
    return math::load(from);
  } else {
    const T* const second = from + kAtOnce / 2 * VectorOf<T>::kLanes;
    return math::Pair(at<kAtOnce / 2>(from), at<kAtOnce / 2>(second));
  }
}
// kStream: past the caches (fused_stream.cc), to where a vector is aligned.
template <bool kStream, class T, class V>
FN void put(T* to, V x) {
  if constexpr (kStream)
    math::stream(to, x);
  else
    math::store(to, x);
}
template <bool kStream, class T, class V>
FN void put(T* to, math::Pair<V> x) {
  put<kStream>(to, x.low);
  put<kStream>(to + sizeof(V) / sizeof(T), x.high);
}

template <class Map, class... V>
concept HasUsual = (kTestsUsual || requires { Map::kTestsAlways; }) && requires(Map map, V... x) { map.usual(x...); };
// Out of line, so that they do not take the loop's registers. The first one loads its arguments again: to pass vectors, the caller would
// store each of them, in the usual case too.
template <int kAtOnce, class Map, class T, class... From>
__attribute__((noinline, cold)) void map_unusual(T* to, const From*... x) {
  put<false>(to, Map()(at<kAtOnce>(x)...));
}
template <class Map, class... V>
__attribute__((noinline, cold)) auto map_unusual_part(const V&... x) {
  return Map()(x...);
}
template <int kAtOnce, bool kStream, class T, class Map, class... From>
FN void map_block(T* to, const Map& map, const From*... x) {
  if constexpr (HasUsual<Map, decltype(at<kAtOnce>(x))...>) {
    if (__builtin_expect(map.unusual(at<kAtOnce>(x)...), 0)) return map_unusual<kAtOnce, Map>(to, x...);
    put<kStream>(to, map.usual(at<kAtOnce>(x)...));
  } else {
    put<kStream>(to, map(at<kAtOnce>(x)...));
  }
}
template <class Map, class... V>
FN auto map_part(const Map& map, V... x) {
  if constexpr (HasUsual<Map, V...>) {
    if (__builtin_expect(map.unusual(x...), 0)) return map_unusual_part<Map>(x...);
    return map.usual(x...);
  } else {
    return map(x...);
  }
}

// to[i] = map(x[i]...), several vectors at a time, so that the long chains of one need not wait for
// those of another.
template <int kAtOnce, bool kStream = false, class T, class Map, class... From>
void map_vectors(T* to, int64_t n, const Map& map, const From*... x) {
  constexpr int64_t kLanes = VectorOf<T>::kLanes;
  int64_t i = 0;
  if constexpr (kAtOnce > 1) {
    for (; i + kAtOnce * kLanes <= n; i += kAtOnce * kLanes) map_block<kAtOnce, kStream>(to + i, map, (x + i)...);
  }
  for (; i + kLanes <= n; i += kLanes) map_block<1, kStream>(to + i, map, (x + i)...);
  if (i < n) math::store(to + i, map_part(map, math::load(x + i, n - i)...), n - i);
}
// A functor of two stages is run stage by stage: as one, its chain of instructions would be too
// long to overlap with the next.
template <class Functor, bool kStream = false, class T>
void map_stages(T* to, const T* x, int64_t n) {
  constexpr int64_t kBlock = 16 * VectorOf<T>::kLanes;
  alignas(64) T begun[kBlock];
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t block = n - i < kBlock ? n - i : kBlock;
    map_vectors<Functor::kVectors>(begun, block, typename Functor::First(), x + i);
    map_vectors<Functor::kVectors, kStream>(
        to + i, block, [](auto v, auto w) { return Functor().end(v, w); }, x + i, begun);
  }
}
#else
constexpr int kManyLive = 4;
template <class Functor, class T>
concept HasVectors = false;
// Named where HasVectors is asked first; there are none.
template <int kAtOnce, bool kStream = false, class T, class Map, class... From>
void map_vectors(T* to, int64_t n, const Map& map, const From*... x);
template <class Functor, bool kStream = false, class T>
void map_stages(T* to, const T* x, int64_t n);
#endif

}  // namespace grafo::cpu
