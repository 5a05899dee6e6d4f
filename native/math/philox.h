// Philox4x32-10 (Salmon et al. 2011) and TensorFlow's distributions over it: the same bits on every device. Freestanding:
// log, sin and cos are computed here in double from plain arithmetic, so that no math library decides the last bit.
#pragma once
#include <stdint.h>

#include "math/base.h"

namespace grafo {

struct Block {
  uint32_t x[4];
};

// The stream of one random op: key = seed; a block's counter is (index, seed2), 128 bits.
struct Philox {
  uint32_t key0, key1;
  uint64_t low, high;

  FN Philox(int64_t seed, int64_t seed2, uint64_t first)
      : key0(uint32_t(uint64_t(seed))),
        key1(uint32_t(uint64_t(seed) >> 32)),
        low(first),
        high(uint64_t(seed2)) {}

  // The block `index` after the first.
  FN Block at(uint64_t index) const {
    const uint64_t position = low + index;
    const uint64_t carried = high + (position < index ? 1 : 0);
    uint32_t c0 = uint32_t(position), c1 = uint32_t(position >> 32);
    uint32_t c2 = uint32_t(carried), c3 = uint32_t(carried >> 32);
    uint32_t k0 = key0, k1 = key1;
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t(0xD2511F53u) * c0;
      const uint64_t p1 = uint64_t(0xCD9E8D57u) * c2;
      c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
      c1 = uint32_t(p1);
      c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
      c3 = uint32_t(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return Block{{c0, c1, c2, c3}};
  }
};

namespace philox {

FN float as_float(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
FN double as_double(uint64_t bits) {
  double value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
FN uint64_t bits_of(double value) {
  uint64_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}
#ifdef __CUDA_ARCH__
FN float square_root(float x) { return __fsqrt_rn(x); }
FN double square_root(double x) { return __dsqrt_rn(x); }
#else
FN float square_root(float x) { return __builtin_sqrtf(x); }
FN double square_root(double x) { return __builtin_sqrt(x); }
#endif

// Uniform in [0, 1): random bits are the mantissa of a number in [1, 2).
FN float uniform(uint32_t x) { return as_float(127u << 23 | (x & 0x7fffffu)) - 1.0f; }
FN double uniform(uint32_t high, uint32_t low) {
  return as_double(uint64_t(1023) << 52 | uint64_t(high & 0xfffffu) << 32 | low) - 1.0;
}

// ln x for normal x > 0, under 1 ulp. x = 2^e m, m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m-1)/(m+1), summed as
// f - (f^2/2 - s (f^2/2 + R)) so that f = m - 1 enters exactly; |s| < 0.172, the series is cut below 2^-60.
FN double log_of(double x) {
  const uint64_t bits = bits_of(x);
  const uint64_t shifted = bits - 0x3fe6a09e667f3bcdull;  // bits of sqrt(1/2)
  const int32_t e = int32_t(int64_t(shifted) >> 52);
  const double f = as_double(bits - (shifted & 0xfff0000000000000ull)) - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double r = 2.0 / 25;
  r = r * z + 2.0 / 23;
  r = r * z + 2.0 / 21;
  r = r * z + 2.0 / 19;
  r = r * z + 2.0 / 17;
  r = r * z + 2.0 / 15;
  r = r * z + 2.0 / 13;
  r = r * z + 2.0 / 11;
  r = r * z + 2.0 / 9;
  r = r * z + 2.0 / 7;
  r = r * z + 2.0 / 5;
  r = r * z + 2.0 / 3;
  r = r * z;
  const double half_square = 0.5 * f * f;
  const double high = 0x1.62e42feep-1, low = 0x1.a39ef35793c76p-33;  // ln 2; e * high is exact
  return e * high - ((half_square - (s * (half_square + r) + e * low)) - f);
}

// sin and cos of x in [0, 2 pi]. The nearest multiple of pi/2 is taken off in three parts (the first two products are
// exact), then Taylor's series on [-pi/4, pi/4], cut below 2^-60.
FN void sin_cos(double x, double* sine, double* cosine) {
  const double magic = 0x1.8p52;  // adding it rounds to an integer
  const double n = (x * 0x1.45f306dc9c883p-1 + magic) - magic;
  const int quadrant = int(n);
  double y = x - n * 0x1.921fb544p+0;
  const double w = n * 0x1.0b4611a6p-34;
  const double t = y - w;
  const double tail = ((y - t) - w) - n * 0x1.3198a2e037073p-69;  // what the subtraction rounded off
  y = t + tail;
  const double rest = (t - y) + tail;
  const double z = y * y;
  double p = -1.0 / 121645100408832000.0;
  p = p * z + 1.0 / 355687428096000.0;
  p = p * z - 1.0 / 1307674368000.0;
  p = p * z + 1.0 / 6227020800.0;
  p = p * z - 1.0 / 39916800.0;
  p = p * z + 1.0 / 362880.0;
  p = p * z - 1.0 / 5040.0;
  p = p * z + 1.0 / 120.0;
  p = p * z - 1.0 / 6.0;
  const double s = y + (y * z * p + rest * (1.0 - 0.5 * z));
  double q = 1.0 / 6402373705728000.0;
  q = q * -z + 1.0 / 20922789888000.0;
  q = q * -z + 1.0 / 87178291200.0;
  q = q * -z + 1.0 / 479001600.0;
  q = q * -z + 1.0 / 3628800.0;
  q = q * -z + 1.0 / 40320.0;
  q = q * -z + 1.0 / 720.0;
  q = q * -z + 1.0 / 24.0;
  const double half = 0.5 * z;
  const double top = 1.0 - half;
  const double c = top + (((1.0 - top) - half) + (z * z * q - y * rest));
  const bool swap = quadrant & 1;
  const double a = swap ? c : s;
  const double b = swap ? s : c;
  *sine = (quadrant & 2) ? -a : a;
  *cosine = ((quadrant + 1) & 2) ? -b : b;
}

// Box-Muller on two words: TensorFlow's roundings to float in TensorFlow's places.
FN void normal_pair(uint32_t x0, uint32_t x1, float* first, float* second) {
  const float u = uniform(x0);
  const float u1 = u < 1.0e-7f ? 1.0e-7f : u;
  const float angle = float(0x1.921fb54442d18p+2 * double(uniform(x1)));
  const float radius = square_root(-2.0f * float(log_of(double(u1))));
  double sine, cosine;
  sin_cos(double(angle), &sine, &cosine);
  *first = float(sine) * radius;
  *second = float(cosine) * radius;
}
FN void normal_pair(const Block& block, double* first, double* second) {
  const double u = uniform(block.x[0], block.x[1]);
  const double u1 = u < 1.0e-7 ? 1.0e-7 : u;
  const double angle = 0x1.921fb54442d18p+2 * uniform(block.x[2], block.x[3]);
  const double radius = square_root(-2.0 * log_of(u1));
  double sine, cosine;
  sin_cos(angle, &sine, &cosine);
  *first = sine * radius;
  *second = cosine * radius;
}

// One block's worth of a distribution: 4 floats or 2 doubles.
struct Uniform {
  FN void operator()(const Philox& stream, uint64_t block, float* y) const {
    const Block bits = stream.at(block);
    for (int i = 0; i < 4; ++i) y[i] = uniform(bits.x[i]);
  }
  FN void operator()(const Philox& stream, uint64_t block, double* y) const {
    const Block bits = stream.at(block);
    for (int i = 0; i < 2; ++i) y[i] = uniform(bits.x[2 * i], bits.x[2 * i + 1]);
  }
};
struct Normal {
  FN void operator()(const Philox& stream, uint64_t block, float* y) const {
    const Block bits = stream.at(block);
    normal_pair(bits.x[0], bits.x[1], y, y + 1);
    normal_pair(bits.x[2], bits.x[3], y + 2, y + 3);
  }
  FN void operator()(const Philox& stream, uint64_t block, double* y) const {
    normal_pair(stream.at(block), y, y + 1);
  }
};

// Normals redrawn outside (-2, 2). Each group of 4 floats or 2 doubles owns 64 blocks per element, from group * 64 * elements
// on, and draws them in order until it is full.
struct TruncatedNormal {
  FN void operator()(const Philox& stream, uint64_t group, float* y) const {
    uint64_t block = group * 256;
    for (int found = 0; found < 4; ++block) {
      const Block bits = stream.at(block);
      for (int half = 0; half < 2 && found < 4; ++half) {
        float pair[2];
        normal_pair(bits.x[2 * half], bits.x[2 * half + 1], &pair[0], &pair[1]);
        for (int i = 0; i < 2 && found < 4; ++i)
          if (pair[i] < 2.0f && pair[i] > -2.0f) y[found++] = pair[i];
      }
    }
  }
  FN void operator()(const Philox& stream, uint64_t group, double* y) const {
    uint64_t block = group * 128;
    for (int found = 0; found < 2; ++block) {
      double pair[2];
      normal_pair(stream.at(block), &pair[0], &pair[1]);
      for (int i = 0; i < 2 && found < 2; ++i)
        if (pair[i] < 2.0 && pair[i] > -2.0) y[found++] = pair[i];
    }
  }
};

// Integers in [low, high): the words modulo the range, which always fits the unsigned type.
struct UniformInt32 {
  uint32_t low, range;
  FN UniformInt32(int32_t lo, int32_t hi) : low(uint32_t(lo)), range(uint32_t(hi) - uint32_t(lo)) {}
  FN void operator()(const Philox& stream, uint64_t block, int32_t* y) const {
    const Block bits = stream.at(block);
    for (int i = 0; i < 4; ++i) y[i] = int32_t(low + bits.x[i] % range);
  }
};
struct UniformInt64 {
  uint64_t low, range;
  FN UniformInt64(int64_t lo, int64_t hi) : low(uint64_t(lo)), range(uint64_t(hi) - uint64_t(lo)) {}
  FN void operator()(const Philox& stream, uint64_t block, int64_t* y) const {
    const Block bits = stream.at(block);
    for (int i = 0; i < 2; ++i)
      y[i] = int64_t(low + (uint64_t(bits.x[2 * i + 1]) << 32 | bits.x[2 * i]) % range);
  }
};

}  // namespace philox
}  // namespace grafo
