// The loop templates the tables of fused_*.cc are made of. They are plain loops over branch-free
// functors: g++ -O3 vectorises them. `ivdep` says what the tape guarantees: dst is one of the
// operands or apart from them.
#pragma once
#include <algorithm>
#include <type_traits>

#include "cpu/fused_table.h"
#include "cpu/vectors.h"

namespace grafo::cpu {

// A bool in memory is a byte; any byte but 0 is true, whatever wrote it.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;

// Taken by its exact type: a double would convert to rare(float) and be computed in float.
template <class Functor, class T>
concept HasRare = requires { static_cast<bool (*)(T)>(&Functor::rare); };

template <class Functor, class... Some>
constexpr bool kIsOneOf = (std::is_same_v<Functor, Some> || ...);
// Functions that take less than their loads and stores: one vector at a time, the loop itself is what takes longest.
template <class Functor>
constexpr bool kIsLight = kIsOneOf<Functor, math::Add, math::AddV2, math::Sub, math::Mul, math::Maximum, math::Minimum, math::Neg,
                                   math::Abs, math::Square, math::Relu>;

template <class Functor, class T>
void unary_loop(void* dst, const void* a, const void*, const void*, int64_t n) {
  using Result = Stored<decltype(Functor()(T()))>;
  auto* to = static_cast<Result*>(dst);
  auto* x = static_cast<const Stored<T>*>(a);
  if constexpr (HasRare<Functor, T>) {
    int rare = 0;
    for (int64_t i = 0; i < n; ++i) rare |= Functor::rare(x[i]);
    if (rare == 0) {
      if constexpr (HasVectors<Functor, T>)
        map_vectors<Functor::kVectors>(to, n, [](auto v) { return Functor().fast(v); }, x);
      else
#pragma GCC ivdep
        for (int64_t i = 0; i < n; ++i) to[i] = Functor().fast(x[i]);
      return;
    }
  } else if constexpr (HasVectors<Functor, T>) {
    if constexpr (requires { typename Functor::First; })
      map_stages<Functor>(to, x, n);
    else
      map_vectors<Functor::kVectors>(to, n, Functor(), x);
    return;
  }
  if constexpr (kIsLight<Functor>) {
#pragma GCC ivdep
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Result>(Functor()(x[i]));
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Result>(Functor()(x[i]));
}

template <class Functor, class T>
void binary_loop(void* dst, const void* a, const void* b, const void*, int64_t n) {
  using Result = Stored<decltype(Functor()(T(), T()))>;
  auto* to = static_cast<Result*>(dst);
  auto* x = static_cast<const Stored<T>*>(a);
  auto* y = static_cast<const Stored<T>*>(b);
  if constexpr (HasVectors<Functor, T>) {
    map_vectors<Functor::kVectors>(to, n, Functor(), x, y);
    return;
  }
  if constexpr (kIsLight<Functor>) {
#pragma GCC ivdep
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Result>(Functor()(x[i], y[i]));
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Result>(Functor()(x[i], y[i]));
}

// The functions that have loops of which one argument is one element.
template <class Functor>
constexpr bool kHasPoints = kIsOneOf<Functor, math::Add, math::AddV2, math::Sub, math::Mul, math::RealDiv>;
template <class Functor, class T, int kPoint>
void point_loop(void* dst, const void* a, const void* b, const void*, int64_t n) {
  auto* to = static_cast<T*>(dst);
  auto* x = static_cast<const T*>(a);
  auto* y = static_cast<const T*>(b);
  const T point = kPoint == 0 ? *x : *y;
#pragma GCC ivdep
#pragma GCC unroll 4
  for (int64_t i = 0; i < n; ++i) to[i] = kPoint == 0 ? Functor()(point, y[i]) : Functor()(x[i], point);
}

// The functions whose results may be so many that their loop itself stores them past the caches.
template <class Functor>
constexpr bool kStreams = kIsOneOf<Functor, math::Add, math::AddV2, math::Sub, math::Mul, math::RealDiv, math::Neg, math::Square,
                                   math::Sqrt, math::Exp, math::Log, math::Tanh, math::Sigmoid>;
// The elements on whole lines of a caller's memory, which may begin anywhere: those that are stored past the caches. Of a part of a line
// the rest would have to be fetched.
struct WholeLines {
  int64_t begin, end;
};
template <class T>
WholeLines whole_lines_of(const T* to, int64_t n) {
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
  const int64_t begin = std::min<int64_t>(n, -reinterpret_cast<uintptr_t>(to) % 64 / sizeof(T));
  return {begin, begin + (n - begin) / kLine * kLine};
}
#if defined(GRAFO_VECTORS)
template <class Functor, class T, class... From>
void stream_vectors(Loop loop, T* to, int64_t n, const From*... x) {
  const auto in_caches = [=](int64_t first, int64_t count) {
    const void* const from[3] = {(x + first)...};
    if (count > 0) loop(to + first, from[0], from[1], from[2], count);
  };
  const WholeLines lines = whole_lines_of(to, n);
  const int64_t count = lines.end - lines.begin;
  in_caches(0, lines.begin);
  if constexpr (requires { typename Functor::First; })
    map_stages<Functor, true>(to + lines.begin, (x + lines.begin)..., count);
  else if constexpr (HasVectors<Functor, T>)
    map_vectors<Functor::kVectors, true>(to + lines.begin, count, Functor(), (x + lines.begin)...);
  else
    map_vectors<64 / sizeof(VectorOf<T>), true>(to + lines.begin, count, Functor(), (x + lines.begin)...);
  in_caches(lines.end, n - lines.end);
}
template <class Functor, class T, int kArity, Loop kLoop>
void streaming_loop(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  auto* to = static_cast<T*>(dst);
  auto* x = static_cast<const T*>(a);
  auto* y = static_cast<const T*>(b);
  auto* z = static_cast<const T*>(c);
  if constexpr (kArity == 1)
    stream_vectors<Functor>(kLoop, to, n, x);
  else if constexpr (kArity == 2)
    stream_vectors<Functor>(kLoop, to, n, x, y);
  else
    stream_vectors<Functor>(kLoop, to, n, x, y, z);
}
#endif
// Where there is such a loop, of what does the same in the caches.
template <class Functor, class T, int kArity, Loop kLoop>
constexpr Loop streaming_of() {
#if defined(GRAFO_VECTORS)
  if constexpr (kStreams<Functor>) return streaming_loop<Functor, T, kArity, kLoop>;
#endif
  return nullptr;
}

template <class Functor, class T>
bool check_loop(const void* b, int64_t n) {
  auto* y = static_cast<const T*>(b);
  int refused = 0;
  for (int64_t i = 0; i < n; ++i) refused |= Functor::refuses(y[i]);
  return refused == 0;
}

// Sets of columns.
struct Floats {
  template <class T>
  static constexpr bool has = std::is_floating_point_v<T>;
};
struct Integers {
  template <class T>
  static constexpr bool has = std::is_integral_v<T> && !std::is_same_v<T, bool>;
};
struct Numbers {
  template <class T>
  static constexpr bool has = !std::is_same_v<T, bool>;
};
struct Booleans {
  template <class T>
  static constexpr bool has = std::is_same_v<T, bool>;
};
struct Everything {
  template <class T>
  static constexpr bool has = true;
};

template <class Columns, class Functor, bool kToBool = false>
constexpr FunctorRow unary_row(const char* name, int cost) {
  FunctorRow row{name, 1, kToBool, static_cast<int16_t>(cost), nullptr, {}, {}, {}, {}};
  if constexpr (kStreams<Functor>)
    row.streaming = {streaming_of<Functor, float, 1, unary_loop<Functor, float>>(),
                     streaming_of<Functor, double, 1, unary_loop<Functor, double>>()};
  int column = 0;
#define GRAFO_CELL(enumerator, type, text)                                                  \
  if constexpr (Columns::template has<type>) row.loops[column] = unary_loop<Functor, type>; \
  ++column;
  GRAFO_DTYPES(GRAFO_CELL)
#undef GRAFO_CELL
  return row;
}

template <class Columns, class Functor, bool kToBool = false>
constexpr FunctorRow binary_row(const char* name, int cost) {
  FunctorRow row{name, 2, kToBool, static_cast<int16_t>(cost), nullptr, {}, {}, {}, {}};
  if constexpr (kStreams<Functor>)
    row.streaming = {streaming_of<Functor, float, 2, binary_loop<Functor, float>>(),
                     streaming_of<Functor, double, 2, binary_loop<Functor, double>>()};
  if constexpr (kHasPoints<Functor>) {
    row.points[0].loops = {point_loop<Functor, float, 0>, point_loop<Functor, double, 0>};
    row.points[1].loops = {point_loop<Functor, float, 1>, point_loop<Functor, double, 1>};
  }
  int column = 0;
#define GRAFO_CELL(enumerator, type, text)                                                   \
  if constexpr (Columns::template has<type>) row.loops[column] = binary_loop<Functor, type>; \
  ++column;
  GRAFO_DTYPES(GRAFO_CELL)
#undef GRAFO_CELL
  return row;
}

// Adds what an integer loop refuses.
template <class Functor>
constexpr FunctorRow checked_row(const char* name, int cost, const char* refusal) {
  FunctorRow row = binary_row<Numbers, Functor>(name, cost);
  row.refusal = refusal;
  int column = 0;
#define GRAFO_CELL(enumerator, type, text)                                           \
  if constexpr (Integers::has<type>) row.checks[column] = check_loop<Functor, type>; \
  ++column;
  GRAFO_DTYPES(GRAFO_CELL)
#undef GRAFO_CELL
  return row;
}

constexpr FunctorRow kEndRow{};

}  // namespace grafo::cpu
