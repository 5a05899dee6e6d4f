// log(exp(-|x|) + y) and log1p(exp(-|x|)), and what an outer instruction makes of them, by stages as math::Softplus is.
#pragma once
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "cpu/fused_joined.h"

namespace grafo::cpu {

// Elements between one stage and the next: of arrays past the caches each stage reads another, by turns short enough that memory keeps up.
constexpr int64_t kStageBlock = 512;

struct LogAlone {
  template <class T>
  FN T operator()(T log) const {
    return log;
  }
};
// relu(x) - x z + log: with it the cross-entropy of logits is one instruction.
struct AddReluSubMul {
  template <class T>
  FN T operator()(T log, T x, T z) const {
    return math::Add()(ReluSubMul()(x, z, x), log);
  }
};
#if defined(GRAFO_VECTORS)
// Where y is 1 throughout, as in that logarithm, the sum is from 1 to 2, and there is less to do for either function.
struct ExpBeside1 {
  static constexpr int kVectors = 4;
  template <class V>
  FN V operator()(V x) const {
    return math::exp_minus_abs_beside_1(x);
  }
};
template <class Outer>
struct OfLogBeside1 {
  template <class V, class... More>
  FN V operator()(V e, More... more) const {
    return Outer()(math::log_from_1_to_2(e + V(1)), more...);
  }
};
// Apart: each loop with all the registers.
template <class Outer, bool kStream, class T, class... More>
__attribute__((noinline)) void end_beside_1(T* to, int64_t n, const T* e, const More*... more) {
  map_vectors<kManyLive, kStream>(to, n, OfLogBeside1<Outer>(), e, more...);
}
#endif
// kPoint: y is one element.
template <class Outer, bool kPoint, bool kStream, class T, class... More>
void log_add_exp(T* to, int64_t n, const T* x, const T* y, const More*... more) {
  alignas(64) T begun[kStageBlock];
  for (int64_t i = 0; i < n; i += kStageBlock) {
    const int64_t block = std::min(n - i, kStageBlock);
    const T* const added = kPoint ? y : y + i;
#if defined(GRAFO_VECTORS)
    if (*added == T(1) && (kPoint || std::memcmp(added, added + 1, static_cast<size_t>(block - 1) * sizeof(T)) == 0)) {
      unary_loop<ExpBeside1, T>(begun, x + i, nullptr, nullptr, block);
      end_beside_1<Outer, kStream>(to + i, block, begun, (more + i)...);
      continue;
    }
#endif
    unary_loop<math::ExpMinusAbs, T>(begun, x + i, nullptr, nullptr, block);
    for (int64_t j = 0; j < block; ++j) begun[j] = math::Add()(begun[j], added[kPoint ? 0 : j]);
    unary_loop<math::Log, T>(begun, begun, nullptr, nullptr, block);
    for (int64_t j = 0; j < block; ++j) to[i + j] = Outer()(begun[j], more[i + j]...);
  }
}
template <class Outer, class T, bool kPoint, bool kStream>
void log_add_exp_lines(T* to, int64_t n, const T* x, const T* y, const T* z) {
  if constexpr (std::is_invocable_v<Outer, T>)
    log_add_exp<Outer, kPoint, kStream>(to, n, x, y);
  else if constexpr (std::is_invocable_v<Outer, T, T>)
    log_add_exp<Outer, kPoint, kStream>(to, n, x, y, z);
  else
    log_add_exp<Outer, kPoint, kStream>(to, n, x, y, x, z);
}
template <class Outer, class T, bool kPoint>
void log_add_exp_loop(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  log_add_exp_lines<Outer, T, kPoint, false>(static_cast<T*>(dst), n, static_cast<const T*>(a), static_cast<const T*>(b),
                                             static_cast<const T*>(c));
}
template <class Outer, class T, bool kPoint>
void log_add_exp_streaming(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  auto* to = static_cast<T*>(dst);
  auto* x = static_cast<const T*>(a);
  auto* y = static_cast<const T*>(b);
  auto* z = static_cast<const T*>(c);
  const auto run = [=]<bool kStream>(std::bool_constant<kStream>, int64_t first, int64_t count) {
    if (count > 0) log_add_exp_lines<Outer, T, kPoint, kStream>(to + first, count, x + first, kPoint ? y : y + first,
                                                                   std::is_invocable_v<Outer, T> ? z : z + first);
  };
  const WholeLines lines = whole_lines_of(to, n);
  run(std::false_type(), 0, lines.begin);
  run(std::true_type(), lines.begin, lines.end - lines.begin);
  run(std::false_type(), lines.end, n - lines.end);
}

template <class Outer>
constexpr FunctorRow log_add_exp_row(const char* name, int arity, int cost) {
  FunctorRow row{};
  row.name = name;
  row.arity = static_cast<int8_t>(arity);
  row.cost = static_cast<int16_t>(cost);
  row.loops[column_of(DType::kFloat32)] = log_add_exp_loop<Outer, float, false>;
  row.loops[column_of(DType::kFloat64)] = log_add_exp_loop<Outer, double, false>;
  row.points[1].loops = {log_add_exp_loop<Outer, float, true>, log_add_exp_loop<Outer, double, true>};
#if defined(GRAFO_VECTORS)
  row.streaming = {log_add_exp_streaming<Outer, float, false>, log_add_exp_streaming<Outer, double, false>};
  row.points[1].streaming = {log_add_exp_streaming<Outer, float, true>, log_add_exp_streaming<Outer, double, true>};
#endif
  return row;
}

// Of log1p there is nothing to leave out: it is not a sum that decides how exact the exponential must be.
template <class Outer>
struct OfLog1pUnit {
  static constexpr int kVectors = kManyLive;
  template <class V>
  FN V operator()(V e, V x, V z) const {
    return Outer()(math::log1p_unit(e), x, z);
  }
};
template <class Outer, bool kStream, class T>
__attribute__((noinline)) void end_log1p(T* to, int64_t n, const T* e, const T* x, const T* z) {
  using End = OfLog1pUnit<Outer>;
  if constexpr (HasVectors<End, T>) return map_vectors<End::kVectors, kStream>(to, n, End(), e, x, z);
  for (int64_t i = 0; i < n; ++i) to[i] = End()(e[i], x[i], z[i]);
}
template <class Outer, bool kStream, class T>
void log1p_exp(T* to, int64_t n, const T* x, const T* z) {
  alignas(64) T begun[kStageBlock];
  for (int64_t i = 0; i < n; i += kStageBlock) {
    const int64_t block = std::min(n - i, kStageBlock);
    unary_loop<math::ExpMinusAbs, T>(begun, x + i, nullptr, nullptr, block);
    end_log1p<Outer, kStream>(to + i, block, begun, x + i, z + i);
  }
}
template <class Outer, class T>
void log1p_exp_loop(void* dst, const void* a, const void* b, const void*, int64_t n) {
  log1p_exp<Outer, false>(static_cast<T*>(dst), n, static_cast<const T*>(a), static_cast<const T*>(b));
}
template <class Outer, class T>
void log1p_exp_streaming(void* dst, const void* a, const void* b, const void*, int64_t n) {
  auto* to = static_cast<T*>(dst);
  auto* x = static_cast<const T*>(a);
  auto* z = static_cast<const T*>(b);
  const WholeLines lines = whole_lines_of(to, n);
  log1p_exp<Outer, false>(to, lines.begin, x, z);
  log1p_exp<Outer, true>(to + lines.begin, lines.end - lines.begin, x + lines.begin, z + lines.begin);
  log1p_exp<Outer, false>(to + lines.end, n - lines.end, x + lines.end, z + lines.end);
}
template <class Outer>
constexpr FunctorRow log1p_exp_row(const char* name, int cost) {
  FunctorRow row{};
  row.name = name;
  row.arity = 2;
  row.cost = static_cast<int16_t>(cost);
  row.loops[column_of(DType::kFloat32)] = log1p_exp_loop<Outer, float>;
  row.loops[column_of(DType::kFloat64)] = log1p_exp_loop<Outer, double>;
#if defined(GRAFO_VECTORS)
  row.streaming = {log1p_exp_streaming<Outer, float>, log1p_exp_streaming<Outer, double>};
#endif
  return row;
}

}  // namespace grafo::cpu
