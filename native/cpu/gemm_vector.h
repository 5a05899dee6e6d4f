// The vector register of the matrix kernels and the shape of their register tile, per instruction
// set. Fused multiply-add is written out where the machine has it: the compiler may not contract.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__AVX2__) && !defined(__AVX512F__)
#include "math/avx2.h"
#elif defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace grafo::cpu {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
constexpr bool kManyRegisters = true;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
constexpr bool kManyRegisters = false;
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16;
constexpr bool kManyRegisters = true;
#else
constexpr int kVectorBytes = 16;
constexpr bool kManyRegisters = false;
#endif

// Loops over an array of vectors are unrolled by word: else the compiler leaves the array on the
// stack, at least before and after the loop that matters.
#define GRAFO_UNROLL _Pragma("GCC unroll 32")

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
inline Vector<T> load(const T* p) {
  Vector<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
inline void store(T* p, Vector<T> v) {
  std::memcpy(p, &v, sizeof v);
}
template <class T>
inline Vector<T> broadcast(T x) {
  return x - Vector<T>{};
}

// The first `count` lanes, 0..kLanes: the others are zeros, and neither read nor written.
#if defined(__AVX512F__)
constexpr bool kMasks = true;  // part vectors cost no more than whole ones
inline Vector<float> load_some(const float* p, int64_t count) {
  return (Vector<float>)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
}
inline Vector<double> load_some(const double* p, int64_t count) {
  return (Vector<double>)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << count) - 1), p);
}
inline void store_some(float* p, Vector<float> v, int64_t count) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), (__m512)v);
}
inline void store_some(double* p, Vector<double> v, int64_t count) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1), (__m512d)v);
}
#elif defined(__AVX2__)
constexpr bool kMasks = false;
inline Vector<float> load_some(const float* p, int64_t count) {
  return (Vector<float>)_mm256_maskload_ps(p, math::lane_mask(count));
}
inline Vector<double> load_some(const double* p, int64_t count) {
  return (Vector<double>)_mm256_maskload_pd(p, math::lane_mask(2 * count));
}
inline void store_some(float* p, Vector<float> v, int64_t count) {
  if (count == kLanes<float>) return store(p, v);
  math::store(p, math::F32x8((__m256)v), count);
}
inline void store_some(double* p, Vector<double> v, int64_t count) {
  if (count == kLanes<double>) return store(p, v);
  math::store(p, math::F64x4((__m256d)v), count);
}
#else
constexpr bool kMasks = false;
template <class T>
inline Vector<T> load_some(const T* p, int64_t count) {
  T lanes[kLanes<T>] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = p[i];
  return load(lanes);
}
template <class T>
inline void store_some(T* p, Vector<T> v, int64_t count) {
  T lanes[kLanes<T>];
  store(lanes, v);
  for (int64_t i = 0; i < count; ++i) p[i] = lanes[i];
}
#endif

// a * b + c, rounded once where the machine can.
#if defined(__AVX512F__)
inline Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
  return (Vector<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
inline Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
  return (Vector<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#elif defined(__AVX2__) && defined(__FMA__)
inline Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
  return (Vector<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
inline Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
  return (Vector<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#elif defined(__aarch64__)
inline Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
  return (Vector<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
inline Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
  return (Vector<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
template <class V>
inline V fma(V a, V b, V c) {
  return a * b + c;
}
#endif

// The same for one number: hardware or nothing, never a library call.
#if defined(__FMA__) || defined(__aarch64__)
inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
inline float fma(float a, float b, float c) { return a * b + c; }
inline double fma(double a, double b, double c) { return a * b + c; }
#endif

// The sum of a vector's lanes, halves first.
template <class T>
inline T sum_lanes(Vector<T> v) {
  T lanes[kLanes<T>];
  std::memcpy(lanes, &v, sizeof v);
  for (int half = kLanes<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
}

// Most rows of a register tile that is `vectors` wide: accumulators, one row of B and a broadcast
// must fit the registers.
constexpr int tile_rows(int vectors) {
  if (kManyRegisters) return vectors == 1 ? 12 : vectors == 2 ? 12 : vectors == 3 ? 8 : 6;
  return vectors == 1 ? 8 : vectors == 2 ? 6 : vectors == 3 ? 4 : 2;
}
// Width of the tile large products are cut into.
constexpr int kTileVectors = 2;

}  // namespace grafo::cpu
