// Eight floats or four doubles as one value, as avx512.h has sixteen and eight: what the element functions are written over
// besides the types themselves. Each primitive gives what base.h's gives of one element; the compiler's own vectors of those
// take a comparison and a blend for a bound, and every element's special cases with them.
#pragma once
#include <immintrin.h>

#include "math/pair.h"

namespace grafo::math {

struct F32x8 {
  using Item = float;
  static constexpr int kLanes = 8;
  __m256 v;
  F32x8() = default;
  FN F32x8(__m256 x) : v(x) {}
  FN explicit F32x8(float x) : v(_mm256_set1_ps(x)) {}
};
struct F64x4 {
  using Item = double;
  static constexpr int kLanes = 4;
  __m256d v;
  F64x4() = default;
  FN F64x4(__m256d x) : v(x) {}
  FN explicit F64x4(double x) : v(_mm256_set1_pd(x)) {}
};
// All bits of an element, or none.
struct M32x8 {
  __m256 v;
};
struct M64x4 {
  __m256d v;
};
template <>
inline constexpr bool kOfFloat<F32x8> = true;
template <>
inline constexpr bool kOfDouble<F64x4> = true;

FN __m256i bits_of(F32x8 x) { return _mm256_castps_si256(x.v); }
FN __m256i bits_of(F64x4 x) { return _mm256_castpd_si256(x.v); }
FN F32x8 floats_of(__m256i x) { return _mm256_castsi256_ps(x); }
FN F64x4 doubles_of(__m256i x) { return _mm256_castsi256_pd(x); }

FN F32x8 load(const float* from) { return _mm256_loadu_ps(from); }
FN F64x4 load(const double* from) { return _mm256_loadu_pd(from); }
FN void store(float* to, F32x8 x) { _mm256_storeu_ps(to, x.v); }
FN void store(double* to, F64x4 x) { _mm256_storeu_pd(to, x.v); }
// Past the caches, to where a vector is aligned.
FN void stream(float* to, F32x8 x) { _mm256_stream_ps(to, x.v); }
FN void stream(double* to, F64x4 x) { _mm256_stream_pd(to, x.v); }
// Bits in the first `words` words of 32 bits, of 8 at most.
FN __m256i lane_mask(i64 words) {
  alignas(64) static constexpr i32 kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask + 8 - words));
}
// The first n items, at least one; the others are 1, which is no special case to any function, and not touched.
FN F32x8 load(const float* from, i64 n) {
  const F32x8 one(1.0f);
  if (n == 1) return _mm256_blend_ps(one.v, _mm256_castps128_ps256(_mm_load_ss(from)), 1);
  const __m256i mask = lane_mask(n);
  return _mm256_blendv_ps(one.v, _mm256_maskload_ps(from, mask), _mm256_castsi256_ps(mask));
}
FN F64x4 load(const double* from, i64 n) {
  const F64x4 one(1.0);
  if (n == 1) return _mm256_blend_pd(one.v, _mm256_castpd128_pd256(_mm_load_sd(from)), 1);
  const __m256i mask = lane_mask(2 * n);
  return _mm256_blendv_pd(one.v, _mm256_maskload_pd(from, mask), _mm256_castsi256_pd(mask));
}
// The first n items, fewer than all. In parts: a masked store is dozens of instructions to a Zen.
FN void store(float* to, F32x8 x, i64 n) {
  __m128 rest = _mm256_castps256_ps128(x.v);
  if ((n & 4) != 0) {
    _mm_storeu_ps(to, rest);
    rest = _mm256_extractf128_ps(x.v, 1);
    to += 4;
  }
  if ((n & 2) != 0) {
    _mm_storel_pi(reinterpret_cast<__m64*>(to), rest);
    rest = _mm_movehl_ps(rest, rest);
    to += 2;
  }
  if ((n & 1) != 0) _mm_store_ss(to, rest);
}
FN void store(double* to, F64x4 x, i64 n) {
  __m128d rest = _mm256_castpd256_pd128(x.v);
  if ((n & 2) != 0) {
    _mm_storeu_pd(to, rest);
    rest = _mm256_extractf128_pd(x.v, 1);
    to += 2;
  }
  if ((n & 1) != 0) _mm_store_sd(to, rest);
}

#define GRAFO_VECTOR(V, M, s)                                                                     \
  FN V operator+(V a, V b) { return _mm256_add_##s(a.v, b.v); }                                   \
  FN V operator-(V a, V b) { return _mm256_sub_##s(a.v, b.v); }                                   \
  FN V operator*(V a, V b) { return _mm256_mul_##s(a.v, b.v); }                                   \
  FN V operator/(V a, V b) { return _mm256_div_##s(a.v, b.v); }                                   \
  FN V operator-(V a) { return _mm256_xor_##s(a.v, _mm256_set1_##s(-0.0)); }                      \
  FN M operator<(V a, V b) { return {_mm256_cmp_##s(a.v, b.v, _CMP_LT_OQ)}; }                     \
  FN M operator>(V a, V b) { return {_mm256_cmp_##s(a.v, b.v, _CMP_GT_OQ)}; }                     \
  FN M operator<=(V a, V b) { return {_mm256_cmp_##s(a.v, b.v, _CMP_LE_OQ)}; }                    \
  FN M operator>=(V a, V b) { return {_mm256_cmp_##s(a.v, b.v, _CMP_GE_OQ)}; }                    \
  FN M operator==(V a, V b) { return {_mm256_cmp_##s(a.v, b.v, _CMP_EQ_OQ)}; }                    \
  FN V select(M m, V a, V b) { return _mm256_blendv_##s(b.v, a.v, m.v); }                         \
  FN V only_where(M m, V x) { return _mm256_and_##s(m.v, x.v); }                                  \
  FN V add_where(M m, V x, V y) { return select(m, x + y, x); }                                   \
  FN V by_sign(V x, V positive, V negative) {                                                     \
    return _mm256_blendv_##s(positive.v, negative.v, x.v);                                        \
  }                                                                                               \
  FN V fma(V a, V b, V c) { return _mm256_fmadd_##s(a.v, b.v, c.v); }                             \
  FN V sqrt(V x) { return _mm256_sqrt_##s(x.v); }                                                 \
  FN V fabs(V x) { return _mm256_andnot_##s(_mm256_set1_##s(-0.0), x.v); }                        \
  FN V minus_abs(V x) { return _mm256_or_##s(_mm256_set1_##s(-0.0), x.v); }                       \
  FN V rint(V x) { return _mm256_round_##s(x.v, _MM_FROUND_CUR_DIRECTION | _MM_FROUND_NO_EXC); }  \
  FN V trunc(V x) { return _mm256_round_##s(x.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }       \
  FN V with_sign(V x, V y) {                                                                      \
    return _mm256_or_##s(x.v, _mm256_and_##s(_mm256_set1_##s(-0.0), y.v));                        \
  }                                                                                               \
  FN V copysign(V x, V y) { return with_sign(fabs(x), y); }                                       \
  FN V at_least(V x, V low) { return _mm256_max_##s(low.v, x.v); }                                \
  FN V at_most(V x, V high) { return _mm256_min_##s(high.v, x.v); }                               \
  FN V lesser(V x, V y) { return _mm256_min_##s(x.v, y.v); }                                      \
  FN V log_edges(V x, V result) {                                                                 \
    const V none(0), infinity(kInfinity<V::Item>), nan(kNaN<V::Item>);                            \
    const V edge = select(x == none, -infinity, select(x > none, x, nan));                        \
    return select(x > none, select(x < infinity, result, edge), edge);                            \
  }
GRAFO_VECTOR(F32x8, M32x8, ps)
GRAFO_VECTOR(F64x4, M64x4, pd)
#undef GRAFO_VECTOR

FN F32x8 times_power(F32x8 x, F32x8, F32x8 t) {
  const __m256i one = _mm256_set1_epi32(127);
  const __m256i n = _mm256_sub_epi32(bits_of(t), bits_of(F32x8(kRoundFloat)));
  const __m256i half = _mm256_srai_epi32(n, 1), rest = _mm256_sub_epi32(n, half);
  return x * floats_of(_mm256_slli_epi32(_mm256_add_epi32(half, one), 23)) *
         floats_of(_mm256_slli_epi32(_mm256_add_epi32(rest, one), 23));
}
FN F64x4 times_power(F64x4 x, F64x4, F64x4 t) {
  const __m256i one = _mm256_set1_epi64x(1);
  const __m256i n_2048 =
      _mm256_sub_epi64(bits_of(t), _mm256_sub_epi64(bits_of(F64x4(kRoundDouble)), _mm256_set1_epi64x(2048)));
  const __m256i half = _mm256_srli_epi64(n_2048, 1), rest = _mm256_sub_epi64(n_2048, half);
  return x * doubles_of(_mm256_slli_epi64(_mm256_sub_epi64(half, one), 52)) *
         doubles_of(_mm256_slli_epi64(_mm256_sub_epi64(rest, one), 52));
}
FN F32x8 times_normal_power(F32x8 x, F32x8, F32x8 t) {
  return x * floats_of(_mm256_add_epi32(_mm256_slli_epi32(bits_of(t), 23), bits_of(F32x8(1.0f))));
}
FN F64x4 times_normal_power(F64x4 x, F64x4, F64x4 t) {
  return x * doubles_of(_mm256_add_epi64(_mm256_slli_epi64(bits_of(t), 52), bits_of(F64x4(1.0))));
}
FN F32x8 add_power(F32x8 x, F32x8 t) {
  return floats_of(_mm256_add_epi32(_mm256_slli_epi32(bits_of(t), 23), bits_of(x)));
}
FN F64x4 add_power(F64x4 x, F64x4 t) {
  return doubles_of(_mm256_add_epi64(_mm256_slli_epi64(bits_of(t), 52), bits_of(x)));
}

// What tells the elements apart that a function's usual path cannot take: an integer of 32 bits, of doubles from their upper halves
// (the lower ones are not looked at). Many vectors are tested by the greatest.
template <class T>
struct Rank {
  __m256i v;
};
template <class T>
FN Rank<T> greater(Rank<T> a, Rank<T> b) {
  return {_mm256_max_epi32(a.v, b.v)};
}
FN bool any_above(Rank<float> a, u32 most) {
  return _mm256_movemask_ps(floats_of(_mm256_cmpgt_epi32(a.v, _mm256_set1_epi32(i32(most)))).v) != 0;
}
FN bool any_above(Rank<double> a, u32 most) {
  return _mm256_movemask_pd(doubles_of(_mm256_cmpgt_epi32(a.v, _mm256_set1_epi32(i32(most)))).v) != 0;
}

// The least normal number is the lowest integer; 0, denormals, what is negative, Inf and NaN come after the greatest one.
template <class T>
inline constexpr u32 kLeastNormal = sizeof(T) == 4 ? 1 << 23 : 1 << 20;
FN Rank<float> rank_of_normal(F32x8 x) {
  return {_mm256_sub_epi32(bits_of(x), _mm256_set1_epi32(i32(0x80000000u + kLeastNormal<float>)))};
}
FN Rank<double> rank_of_normal(F64x4 x) {
  return {_mm256_sub_epi32(bits_of(x), _mm256_set1_epi32(i32(0x80000000u + kLeastNormal<double>)))};
}
template <class T>
FN bool is_any_abnormal(Rank<T> rank) {
  return any_above(rank, 0xffffffffu - 2 * kLeastNormal<T>);
}

FN Rank<float> rank_of_size(F32x8 x) { return {bits_of(fabs(x))}; }
FN Rank<double> rank_of_size(F64x4 x) { return {bits_of(fabs(x))}; }
FN bool is_any_past(Rank<float> size, double high) { return any_above(size, to_bits(float(high))); }
// By their upper halves: a little past `high` is not seen.
FN bool is_any_past(Rank<double> size, double high) { return any_above(size, u32(to_bits(high) >> 32)); }

FN Split<F32x8> split_bits(__m256i x) {
  const __m256i least = _mm256_set1_epi32(0x3f3504f3), bits = _mm256_sub_epi32(x, least);
  const __m256i m = _mm256_and_si256(bits, _mm256_set1_epi32(0x007fffff));
  return {_mm256_cvtepi32_ps(_mm256_srai_epi32(bits, 23)), floats_of(_mm256_add_epi32(m, least))};
}
FN Split<F32x8> split_normal(F32x8 x) { return split_bits(bits_of(x)); }
FN Split<F32x8> split(F32x8 x) {
  const M32x8 tiny = x < F32x8(0x1p-126f);
  const Split<F32x8> parts = split_bits(bits_of(select(tiny, x * F32x8(0x1p23f), x)));
  return {parts.k - floats_of(_mm256_and_si256(bits_of(F32x8(tiny.v)), bits_of(F32x8(23.0f)))), parts.m};
}
FN Split<F64x4> split_normal(F64x4 x) {
  const __m256i least = _mm256_set1_epi64x(0x3fe6a09e667f3bcd);
  const __m256i bits =
      _mm256_sub_epi64(bits_of(x), _mm256_set1_epi64x(0x3fe6a09e667f3bcd - (i64(1024) << 52)));
  const __m256i k = _mm256_or_si256(_mm256_srli_epi64(bits, 52), _mm256_set1_epi64x(0x4330000000000000));
  const __m256i m = _mm256_and_si256(bits, _mm256_set1_epi64x(0x000fffffffffffff));
  return {doubles_of(k) - F64x4(0x1p52 + 1024.0), doubles_of(_mm256_add_epi64(m, least))};
}
FN Split<F64x4> split(F64x4 x) {
  const M64x4 tiny = x < F64x4(0x1p-1022);
  const Split<F64x4> parts = split_normal(select(tiny, x * F64x4(0x1p54), x));
  return {parts.k - doubles_of(_mm256_and_si256(bits_of(F64x4(tiny.v)), bits_of(F64x4(54.0)))), parts.m};
}

FN Plus1<F32x8> plus_1(F32x8 x) {
  const F32x8 one(1.0f);
  const F32x8 high = _mm256_max_ps(x.v, one.v), low = _mm256_min_ps(one.v, x.v), sum = high + low;
  const __m256i shifted = _mm256_sub_epi32(bits_of(sum), _mm256_set1_epi32(0x3f3504f3));
  const __m256i k = _mm256_and_si256(shifted, _mm256_set1_epi32(int(0xff800000)));
  const __m256i k_low = _mm256_min_epi32(k, _mm256_set1_epi32(127 << 23));
  const F32x8 m = floats_of(_mm256_sub_epi32(bits_of(sum), k));
  const F32x8 a = floats_of(_mm256_sub_epi32(bits_of(high), k));
  const F32x8 b = floats_of(_mm256_sub_epi32(bits_of(low), k_low));
  return {sum, _mm256_cvtepi32_ps(_mm256_srai_epi32(shifted, 23)), m, b - (m - a)};
}
FN Plus1<F64x4> plus_1(F64x4 x) {
  const F64x4 one(1.0);
  const F64x4 high = _mm256_max_pd(x.v, one.v), low = _mm256_min_pd(one.v, x.v), sum = high + low;
  const __m256i bias = _mm256_set1_epi64x(1024);
  // k + 1024, positive: its upper half is 0, so that a minimum of 32 bits will do.
  const __m256i shifted = _mm256_srli_epi64(
      _mm256_sub_epi64(bits_of(sum), _mm256_set1_epi64x(0x3fe6a09e667f3bcd - (i64(1024) << 52))), 52);
  const __m256i k = _mm256_slli_epi64(_mm256_sub_epi64(shifted, bias), 52);
  const __m256i k_low = _mm256_slli_epi64(
      _mm256_sub_epi64(_mm256_min_epi32(shifted, _mm256_set1_epi64x(2047)), bias), 52);
  const F64x4 m = doubles_of(_mm256_sub_epi64(bits_of(sum), k));
  const F64x4 a = doubles_of(_mm256_sub_epi64(bits_of(high), k));
  const F64x4 b = doubles_of(_mm256_sub_epi64(bits_of(low), k_low));
  const F64x4 power = doubles_of(_mm256_or_si256(shifted, _mm256_set1_epi64x(0x4330000000000000)));
  return {sum, power - F64x4(0x1p52 + 1024.0), m, b - (m - a)};
}

FN F64x4 select_odd(F64x4 t, F64x4 x, F64x4 y) {
  return _mm256_blendv_pd(y.v, x.v, doubles_of(_mm256_slli_epi64(bits_of(t), 63)).v);
}
FN F64x4 negate_odd(F64x4 x, F64x4 t) {
  return doubles_of(_mm256_xor_si256(bits_of(x), _mm256_slli_epi64(bits_of(t), 63)));
}
FN F64x4 negate_half_turn(F64x4 x, F64x4 t) {
  const __m256i sign = _mm256_and_si256(_mm256_slli_epi64(bits_of(t), 62), bits_of(F64x4(-0.0)));
  return doubles_of(_mm256_xor_si256(bits_of(x), sign));
}

FN Pair<F64x4> widen(F32x8 x) {
  return {_mm256_cvtps_pd(_mm256_castps256_ps128(x.v)), _mm256_cvtps_pd(_mm256_extractf128_ps(x.v, 1))};
}
FN F32x8 narrow(Pair<F64x4> x) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(x.low.v)), _mm256_cvtpd_ps(x.high.v), 1);
}

}  // namespace grafo::math
