// Sixteen floats or eight doubles as one value: what the element functions are written over besides
// the types themselves, so that the instructions that AVX-512 has for exponents take the place of
// work with bits. Each primitive gives what base.h's gives of one element.
#pragma once
// g++ 12 warns of the undefined values that its own intrinsics begin with.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#include "math/pair.h"

namespace grafo::math {

struct F32x16 {
  using Item = float;
  static constexpr int kLanes = 16;
  __m512 v;
  F32x16() = default;
  FN F32x16(__m512 x) : v(x) {}
  FN explicit F32x16(float x) : v(_mm512_set1_ps(x)) {}
};
struct F64x8 {
  using Item = double;
  static constexpr int kLanes = 8;
  __m512d v;
  F64x8() = default;
  FN F64x8(__m512d x) : v(x) {}
  FN explicit F64x8(double x) : v(_mm512_set1_pd(x)) {}
};
template <>
inline constexpr bool kOfFloat<F32x16> = true;
template <>
inline constexpr bool kOfDouble<F64x8> = true;

FN F32x16 load(const float* from) { return _mm512_loadu_ps(from); }
FN F64x8 load(const double* from) { return _mm512_loadu_pd(from); }
FN void store(float* to, F32x16 x) { _mm512_storeu_ps(to, x.v); }
FN void store(double* to, F64x8 x) { _mm512_storeu_pd(to, x.v); }
// Past the caches, to where a vector is aligned.
FN void stream(float* to, F32x16 x) { _mm512_stream_ps(to, x.v); }
FN void stream(double* to, F64x8 x) { _mm512_stream_pd(to, x.v); }
// The first n items; the others are 0 and not touched.
FN F32x16 load(const float* from, i64 n) {
  return _mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), from);
}
FN F64x8 load(const double* from, i64 n) {
  return _mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), from);
}
FN void store(float* to, F32x16 x, i64 n) {
  _mm512_mask_storeu_ps(to, __mmask16((1u << n) - 1), x.v);
}
FN void store(double* to, F64x8 x, i64 n) {
  _mm512_mask_storeu_pd(to, __mmask8((1u << n) - 1), x.v);
}

// Answers of fixupimm by class of its argument, four bits each: NaN of NaN, -Inf of 0, NaN of
// -Inf and negatives, Inf of Inf, else what is there.
inline constexpr int kLogEdges = 0x03530422;

#define GRAFO_VECTOR(V, M, s, set1_bits, root, kRound)                                      \
  FN V operator+(V a, V b) { return _mm512_add_##s(a.v, b.v); }                     \
  FN V operator-(V a, V b) { return _mm512_sub_##s(a.v, b.v); }                     \
  FN V operator*(V a, V b) { return _mm512_mul_##s(a.v, b.v); }                     \
  FN V operator/(V a, V b) { return _mm512_div_##s(a.v, b.v); }                     \
  FN V operator-(V a) { return _mm512_xor_##s(a.v, _mm512_set1_##s(-0.0)); }        \
  FN M operator<(V a, V b) { return _mm512_cmp_##s##_mask(a.v, b.v, _CMP_LT_OQ); }  \
  FN M operator>(V a, V b) { return _mm512_cmp_##s##_mask(a.v, b.v, _CMP_GT_OQ); }  \
  FN M operator<=(V a, V b) { return _mm512_cmp_##s##_mask(a.v, b.v, _CMP_LE_OQ); } \
  FN M operator>=(V a, V b) { return _mm512_cmp_##s##_mask(a.v, b.v, _CMP_GE_OQ); } \
  FN M operator==(V a, V b) { return _mm512_cmp_##s##_mask(a.v, b.v, _CMP_EQ_OQ); } \
  FN V select(M m, V a, V b) { return _mm512_mask_blend_##s(m, b.v, a.v); }         \
  FN V only_where(M m, V x) { return _mm512_maskz_mov_##s(m, x.v); }                \
  FN V add_where(M m, V x, V y) { return _mm512_mask_add_##s(x.v, m, x.v, y.v); }   \
  FN V fma(V a, V b, V c) { return _mm512_fmadd_##s(a.v, b.v, c.v); }               \
  FN V sqrt(V x) { return _mm512_sqrt_##s(x.v); }                                   \
  FN V fabs(V x) { return _mm512_andnot_##s(_mm512_set1_##s(-0.0), x.v); }          \
  FN V rint(V x) { return _mm512_roundscale_##s(x.v, 0); }                                \
  FN V trunc(V x) { return _mm512_roundscale_##s(x.v, _MM_FROUND_TO_ZERO); }              \
  FN V with_sign(V x, V y) {                                                        \
    return _mm512_or_##s(x.v, _mm512_and_##s(_mm512_set1_##s(-0.0), y.v));          \
  }                                                                                 \
  FN V copysign(V x, V y) { return with_sign(fabs(x), y); }                         \
  FN V at_least(V x, V low) { return _mm512_max_##s(low.v, x.v); }                  \
  FN V at_most(V x, V high) { return _mm512_min_##s(high.v, x.v); }                 \
  FN V lesser(V x, V y) { return _mm512_min_##s(x.v, y.v); }                        \
  FN V times_power(V x, V n, V) { return _mm512_scalef_##s(x.v, n.v); }             \
  FN V add_power(V x, V t) { return _mm512_scalef_##s(x.v, (t - V(kRound)).v); }  \
  FN V times_normal_power(V x, V n, V) { return _mm512_scalef_##s(x.v, n.v); }      \
  FN Split<V> split(V x) {                                                          \
    const V k(_mm512_getexp_##s(x.v)), one(1);                                      \
    const V m(_mm512_getmant_##s(x.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan));       \
    const M high = m >= V(root);                                                    \
    return {_mm512_mask_add_##s(k.v, high, k.v, one.v),                             \
            _mm512_mask_mul_##s(m.v, high, m.v, V(0.5).v)};                         \
  }                                                                                 \
  FN Split<V> split_normal(V x) { return split(x); }                                \
  FN V minus_abs(V x) { return _mm512_or_##s(_mm512_set1_##s(-0.0), x.v); }         \
  FN V by_sign(V x, V positive, V negative) {                                       \
    return select(x >= V(0), positive, negative);                                   \
  }                                                                                 \
  FN V log_edges(V x, V result) {                                                   \
    return _mm512_fixupimm_##s(result.v, x.v, set1_bits(kLogEdges), 0);             \
  }
GRAFO_VECTOR(F32x16, __mmask16, ps, _mm512_set1_epi32, 0x1.6a09e6p+0f, kRoundFloat)
GRAFO_VECTOR(F64x8, __mmask8, pd, _mm512_set1_epi64, 0x1.6a09e667f3bcdp+0, kRoundDouble)
#undef GRAFO_VECTOR

// As avx2.h has them, for functions whose unusual arguments cost more than these tests.
template <class T>
struct Rank {
  __m512i greatest;  // in every lane, of what is unsigned
};
FN Rank<float> greater(Rank<float> a, Rank<float> b) { return {_mm512_max_epu32(a.greatest, b.greatest)}; }
FN Rank<double> greater(Rank<double> a, Rank<double> b) { return {_mm512_max_epu64(a.greatest, b.greatest)}; }
// Of positive normal numbers less than their number.
FN Rank<float> rank_of_normal(F32x16 x) { return {_mm512_sub_epi32(_mm512_castps_si512(x.v), _mm512_set1_epi32(0x00800000))}; }
FN Rank<double> rank_of_normal(F64x8 x) { return {_mm512_sub_epi64(_mm512_castpd_si512(x.v), _mm512_set1_epi64(i64(1) << 52))}; }
FN bool is_any_abnormal(Rank<float> rank) { return _mm512_cmpge_epu32_mask(rank.greatest, _mm512_set1_epi32(0x7f000000)) != 0; }
FN bool is_any_abnormal(Rank<double> rank) {
  return _mm512_cmpge_epu64_mask(rank.greatest, _mm512_set1_epi64(i64(2046) << 52)) != 0;
}
FN Rank<float> rank_of_size(F32x16 x) { return {_mm512_castps_si512(fabs(x).v)}; }
FN Rank<double> rank_of_size(F64x8 x) { return {_mm512_castpd_si512(fabs(x).v)}; }
FN bool is_any_past(Rank<float> size, double high) {
  return _mm512_cmpgt_epu32_mask(size.greatest, _mm512_set1_epi32(i32(to_bits(float(high))))) != 0;
}
FN bool is_any_past(Rank<double> size, double high) {
  return _mm512_cmpgt_epu64_mask(size.greatest, _mm512_set1_epi64(i64(to_bits(high)))) != 0;
}

FN Plus1<F32x16> plus_1(F32x16 x) {
  const __m512i one = _mm512_castps_si512(_mm512_set1_ps(1.0f)), bits = _mm512_castps_si512(x.v);
  // Floats above 0 are in the order of their bits.
  const __m512i high = _mm512_max_epi32(bits, one), low = _mm512_min_epi32(bits, one);
  const __m512 sum = _mm512_add_ps(_mm512_castsi512_ps(high), _mm512_castsi512_ps(low));
  const __m512i shifted = _mm512_sub_epi32(_mm512_castps_si512(sum), _mm512_set1_epi32(0x3f3504f3));
  const __m512i k = _mm512_and_si512(shifted, _mm512_set1_epi32(int(0xff800000)));
  const __m512i k_low = _mm512_min_epi32(k, _mm512_set1_epi32(127 << 23));
  const F32x16 m = _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(sum), k));
  const F32x16 a = _mm512_castsi512_ps(_mm512_sub_epi32(high, k));
  const F32x16 b = _mm512_castsi512_ps(_mm512_sub_epi32(low, k_low));
  return {sum, _mm512_cvtepi32_ps(_mm512_srai_epi32(shifted, 23)), m, b - (m - a)};
}
FN Plus1<F64x8> plus_1(F64x8 x) {
  const __m512i one = _mm512_castpd_si512(_mm512_set1_pd(1.0)), bits = _mm512_castpd_si512(x.v);
  const __m512i high = _mm512_max_epi64(bits, one), low = _mm512_min_epi64(bits, one);
  const __m512d sum = _mm512_add_pd(_mm512_castsi512_pd(high), _mm512_castsi512_pd(low));
  const __m512i shifted =
      _mm512_sub_epi64(_mm512_castpd_si512(sum), _mm512_set1_epi64(0x3fe6a09e667f3bcd));
  const __m512i k = _mm512_and_si512(shifted, _mm512_set1_epi64(i64(0xfff0000000000000)));
  const __m512i k_low = _mm512_min_epi64(k, _mm512_set1_epi64(i64(1023) << 52));
  const F64x8 m = _mm512_castsi512_pd(_mm512_sub_epi64(_mm512_castpd_si512(sum), k));
  const F64x8 a = _mm512_castsi512_pd(_mm512_sub_epi64(high, k));
  const F64x8 b = _mm512_castsi512_pd(_mm512_sub_epi64(low, k_low));
  return {sum, _mm512_cvtepi64_pd(_mm512_srai_epi64(shifted, 52)), m, b - (m - a)};
}

FN F64x8 select_odd(F64x8 t, F64x8 x, F64x8 y) {
  const __mmask8 odd = _mm512_test_epi64_mask(_mm512_castpd_si512(t.v), _mm512_set1_epi64(1));
  return _mm512_mask_blend_pd(odd, y.v, x.v);
}
FN F64x8 negate_odd(F64x8 x, F64x8 t) {
  const __m512i sign = _mm512_slli_epi64(_mm512_castpd_si512(t.v), 63);
  return _mm512_castsi512_pd(_mm512_xor_si512(_mm512_castpd_si512(x.v), sign));
}

FN F64x8 negate_half_turn(F64x8 x, F64x8 t) {
  const __m512i two = _mm512_and_si512(_mm512_castpd_si512(t.v), _mm512_set1_epi64(2));
  return _mm512_castsi512_pd(
      _mm512_xor_si512(_mm512_castpd_si512(x.v), _mm512_slli_epi64(two, 62)));
}

FN Pair<F64x8> widen(F32x16 x) {
  return {_mm512_cvtps_pd(_mm512_castps512_ps256(x.v)),
          _mm512_cvtps_pd(_mm512_extractf32x8_ps(x.v, 1))};
}
FN F32x16 narrow(Pair<F64x8> x) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(x.low.v)),
                            _mm512_cvtpd_ps(x.high.v), 1);
}

}  // namespace grafo::math
