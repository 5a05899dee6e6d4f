// What the kernels are written with that NVRTC makes of tapes (tape_source.cc). Freestanding, as math/ is: the library holds this
// text and hands it to the compiler. A thread has E elements in registers: groups of N neighbours, 16 bytes of the widest type, so that
// what the threads of a warp read and write at a time lies side by side.
#pragma once
// Functors compare with 0 whatever the type.
#pragma nv_diag_suppress 186
#include "math/functors.h"

#define GRAFO_DEVICE __device__ __forceinline__

namespace grafo::jit {

using math::i16;
using math::i32;
using math::i64;
using math::i8;
using math::u16;
using math::u32;
using math::u64;
using math::u8;

struct Fault {
  unsigned long long first;
  long long value, other;
};

// A launch, laid out as TapeRun is; its words follow.
struct Head {
  const void* program;
  const unsigned* guard;  // nothing is stored where this is set
  unsigned* failed;
  Fault* fault;
  i64 tiles;
  u32 aligned;
  i32 segments, first_segment_word, segment_words, chunks, stores;
};
static_assert(sizeof(Head) == 64);

template <class T, int E>
struct alignas(E * sizeof(T) < 16 ? E * sizeof(T) : 16) Pack {
  T v[E];
};

template <class T, class U>
inline constexpr bool kSame = false;
template <class T>
inline constexpr bool kSame<T, T> = true;

template <class T>
struct StoredOf {
  using type = T;
};
template <>
struct StoredOf<bool> {
  using type = u8;
};
template <class T>
using Stored = typename StoredOf<T>::type;

template <class To, class From>
GRAFO_DEVICE To as(From x) {
  if constexpr (kSame<To, From>)
    return x;
  else
    return __builtin_bit_cast(To, x);
}

// --- memory ---

template <class U>
GRAFO_DEVICE U* pointer(u64 word) {
  return reinterpret_cast<U*>(word);
}

// Where a thread's elements are: its first group, and how far on the next one is.
struct Place {
  i64 start, step;
};

template <int N, int E>
inline constexpr int kGroup = N < E ? N : E;

template <int N, class U, int E>
GRAFO_DEVICE void put_group(Pack<U, E>& made, int i, const U* from) {
  constexpr int n = kGroup<N, E>;
  const Pack<U, n> group = *reinterpret_cast<const Pack<U, n>*>(from);
#pragma unroll
  for (int e = 0; e < n; ++e) made.v[i * n + e] = group.v[e];
}
// The space's own order.
struct Whole {
  GRAFO_DEVICE static i64 offset(i64 at) { return at; }
};
// Groups lie in one run, which begins where Walk says.
template <class U, int E, int N, class Walk>
GRAFO_DEVICE Pack<U, E> load(const U* from, const Place& at) {
  Pack<U, E> made;
#pragma unroll
  for (int i = 0; i < E / kGroup<N, E>; ++i) put_group<N>(made, i, from + Walk::offset(at.start + i * at.step));
  return made;
}
template <class U, int E, int N>
GRAFO_DEVICE void store(U* to, const Place& at, const Pack<U, E>& x) {
  constexpr int n = kGroup<N, E>;
#pragma unroll
  for (int i = 0; i < E / n; ++i) {
    Pack<U, n> group;
#pragma unroll
    for (int e = 0; e < n; ++e) group.v[e] = x.v[i * n + e];
    *reinterpret_cast<Pack<U, n>*>(to + at.start + i * at.step) = group;
  }
}
// One element for all.
template <class U, int E>
GRAFO_DEVICE Pack<U, E> repeat(const U* from) {
  const U one = *from;
  Pack<U, E> made;
#pragma unroll
  for (int e = 0; e < E; ++e) made.v[e] = one;
  return made;
}
// One element for a group.
template <class U, int E, int N, class Walk>
GRAFO_DEVICE Pack<U, E> spread(const U* from, const Place& at) {
  constexpr int n = kGroup<N, E>;
  Pack<U, E> made;
#pragma unroll
  for (int i = 0; i < E / n; ++i) {
    const U one = from[Walk::offset(at.start + i * at.step)];
#pragma unroll
    for (int e = 0; e < n; ++e) made.v[i * n + e] = one;
  }
  return made;
}
// Each element where Walk says.
template <class U, int E, int N, class Walk>
GRAFO_DEVICE Pack<U, E> gather(const U* from, const Place& at) {
  constexpr int n = kGroup<N, E>;
  Pack<U, E> made;
#pragma unroll
  for (int i = 0; i < E / n; ++i)
#pragma unroll
    for (int e = 0; e < n; ++e) made.v[i * n + e] = from[Walk::offset(at.start + i * at.step + e)];
  return made;
}

// --- instructions: operands are bits, whatever wrote them ---

template <class F, class T, class U, int E>
GRAFO_DEVICE auto map(const Pack<U, E>& x) {
  using R = Stored<decltype(F()(T()))>;
  Pack<R, E> made;
#pragma unroll
  for (int e = 0; e < E; ++e) made.v[e] = R(F()(as<T>(x.v[e])));
  return made;
}
template <class F, class T, class U, class V, int E>
GRAFO_DEVICE auto map(const Pack<U, E>& x, const Pack<V, E>& y) {
  using R = Stored<decltype(F()(T(), T()))>;
  Pack<R, E> made;
#pragma unroll
  for (int e = 0; e < E; ++e) made.v[e] = R(F()(as<T>(x.v[e]), as<T>(y.v[e])));
  return made;
}
// Equality of bools is of truth values, not of bytes.
template <class F, int E>
GRAFO_DEVICE Pack<u8, E> map_truth(const Pack<u8, E>& x, const Pack<u8, E>& y) {
  Pack<u8, E> made;
#pragma unroll
  for (int e = 0; e < E; ++e) made.v[e] = u8(F()(x.v[e] != 0, y.v[e] != 0));
  return made;
}
template <class To, class From, class U, int E>
GRAFO_DEVICE auto convert(const Pack<U, E>& x) {
  Pack<Stored<To>, E> made;
#pragma unroll
  for (int e = 0; e < E; ++e) {
    const auto from = as<Stored<From>>(x.v[e]);
    if constexpr (kSame<To, bool>)
      made.v[e] = u8(from != 0);
    else if constexpr (kSame<From, bool>)
      made.v[e] = from != 0 ? To(1) : To(0);
    else
      made.v[e] = math::cast<To>(from);
  }
  return made;
}
template <class Bits, class U, class V, int E>
GRAFO_DEVICE Pack<Bits, E> select(const Pack<u8, E>& condition, const Pack<U, E>& x, const Pack<V, E>& y) {
  Pack<Bits, E> made;
#pragma unroll
  for (int e = 0; e < E; ++e) made.v[e] = condition.v[e] != 0 ? as<Bits>(x.v[e]) : as<Bits>(y.v[e]);
  return made;
}
template <class Bits, class U, int E>
GRAFO_DEVICE Pack<Bits, E> bits_of(const Pack<U, E>& x) {
  Pack<Bits, E> made;
#pragma unroll
  for (int e = 0; e < E; ++e) made.v[e] = as<Bits>(x.v[e]);
  return made;
}

// The first instruction that refuses an element is told, whichever thread finds it.
template <class F, class T, class U, int E>
GRAFO_DEVICE void check(const Pack<U, E>& y, unsigned long long position, const Head& run) {
  bool refused = false;
#pragma unroll
  for (int e = 0; e < E; ++e) refused |= F::refuses(as<T>(y.v[e]));
  if (!refused) return;
  atomicMin(&run.fault->first, position);
  *run.failed = 1;
}

// --- the space ---

// A block's tile: groups side by side, each thread's next one a row of them further on.
template <class Body, int E, int N, class Run>
GRAFO_DEVICE void run_tile(const Run& run, const u64* own, i64 tile, i64 size, bool vectors) {
  const i64 step = i64(blockDim.x) * N, base = tile * blockDim.x * E;
  const i64 start = base + i64(threadIdx.x) * N;
  if (vectors && base + i64(blockDim.x) * E <= size) {
    Body::template at<E, N>(run, own, {start, step});
    return;
  }
  // By groups where they are whole, else one after another.
#pragma unroll 1
  for (i64 group = start; group < base + E / N * step; group += step) {
    if (vectors && group + N <= size) {
      Body::template at<N, N>(run, own, {group, 0});
      continue;
    }
    const i64 end = group + N < size ? group + N : size;
#pragma unroll 1
    for (i64 at = group; at < end; ++at) Body::template at<1, 1>(run, own, {at, 0});
  }
}

template <class Body, int E, int N, u32 kVectors, class Run>
GRAFO_DEVICE void run_space(const Run& run) {
  if (run.guard != nullptr && *run.guard != 0) return;
  const bool vectors = (run.aligned & kVectors) == kVectors;
  const i64 size = i64(run.words[run.first_segment_word + 1]);
  for (i64 tile = blockIdx.x; tile < run.tiles; tile += gridDim.x)
    run_tile<Body, E, N>(run, run.words, tile, size, vectors);
}

template <class Body, int E, int N, u32 kVectors, class Run>
GRAFO_DEVICE void run_segments(const Run& run) {
  if (run.guard != nullptr && *run.guard != 0) return;
  const bool vectors = (run.aligned & kVectors) == kVectors;
  for (i64 tile = blockIdx.x; tile < run.tiles; tile += gridDim.x) {
    // The last segment that begins at this tile or before.
    int segment = 0;
    for (int low = 1, high = run.segments; low < high;) {
      const int middle = (low + high) / 2;
      if (i64(run.words[run.first_segment_word + middle * run.segment_words]) <= tile) {
        segment = middle;
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const u64* const own = run.words + (run.first_segment_word + segment * run.segment_words);
    run_tile<Body, E, N>(run, own, tile - i64(own[0]), i64(own[1]), vectors);
  }
}

}  // namespace grafo::jit
