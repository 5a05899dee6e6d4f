// The interpreter of tapes. A thread owns eight elements at a time: each instruction reads them from registers in shared memory,
// computes, and writes them back. Registers are private to a thread, so nothing waits for anything; they are laid out in pieces of
// 16 bytes, those of neighbouring threads side by side, which is free of bank conflicts.
#pragma once
#include "cuda/tape.h"

// Functors compare with 0 whatever the type.
#pragma nv_diag_suppress 186
#include "math/functors.h"

namespace grafo::cuda {
namespace tape {

constexpr int kE = kTapeElements;

struct alignas(16) Piece {
  uint32_t words[4];
};

// Eight elements. Of bytes half a piece, of doubles four.
template <class T>
struct alignas(sizeof(T) == 1 ? 8 : 16) Pack {
  T v[kE];
};

struct Registers {
  Piece* own;  // this thread's first
  unsigned threads;
  int chunks;

  __device__ __forceinline__ Piece* at(int r, int piece) const {
    return own + (unsigned(r) * unsigned(chunks) + unsigned(piece)) * threads;
  }
  template <class T>
  __device__ __forceinline__ Pack<T> get(int r) const {
    Pack<T> pack;
    if constexpr (sizeof(T) == 1) {
      pack = *reinterpret_cast<const Pack<T>*>(at(r, 0));
    } else {
#pragma unroll
      for (int p = 0; p < int(sizeof(T)) / 2; ++p) {
        const Piece piece = *at(r, p);
        __builtin_memcpy(reinterpret_cast<char*>(&pack) + 16 * p, &piece, 16);
      }
    }
    return pack;
  }
  template <class T>
  __device__ __forceinline__ void put(int r, const Pack<T>& pack) const {
    if constexpr (sizeof(T) == 1) {
      *reinterpret_cast<Pack<T>*>(at(r, 0)) = pack;
    } else {
#pragma unroll
      for (int p = 0; p < int(sizeof(T)) / 2; ++p) {
        Piece piece;
        __builtin_memcpy(&piece, reinterpret_cast<const char*>(&pack) + 16 * p, 16);
        *at(r, p) = piece;
      }
    }
  }
  // One element, for what is too long to be written out eight times.
  template <class T>
  __device__ __forceinline__ T& element(int r, int e) const {
    const int byte = e * int(sizeof(T));
    return *reinterpret_cast<T*>(reinterpret_cast<char*>(at(r, byte / 16)) + byte % 16);
  }
};

template <class T, class U>
constexpr bool kSame = false;
template <class T>
constexpr bool kSame<T, T> = true;

template <class T>
struct StoredOf {
  using type = T;
};
template <>
struct StoredOf<bool> {
  using type = uint8_t;
};
template <class T>
using Stored = typename StoredOf<T>::type;

// Written out eight times where that is short.
template <class T, int kCost>
constexpr bool kShort = (sizeof(T) >= 4 && kCost <= 6) || (sizeof(T) == 4 && math::kIsFloat<T> && kCost <= 16);

template <class F, class T, int kCost>
__device__ __forceinline__ void unary(const Registers& file, const TapeInstruction& i) {
  using S = Stored<T>;
  using R = Stored<decltype(F()(S()))>;
  if constexpr (kShort<S, kCost>) {
    const Pack<S> x = file.get<S>(i.a);
    Pack<R> y;
#pragma unroll
    for (int e = 0; e < kE; ++e) y.v[e] = R(F()(x.v[e]));
    file.put(i.dst, y);
  } else {
#pragma unroll 1
    for (int e = 0; e < kE; ++e) file.element<R>(i.dst, e) = R(F()(file.element<S>(i.a, e)));
  }
}

template <class F, class T, int kCost>
__device__ __forceinline__ void binary(const Registers& file, const TapeInstruction& i) {
  using S = Stored<T>;
  using R = Stored<decltype(F()(S(), S()))>;
  if constexpr (kShort<S, kCost>) {
    const Pack<S> x = file.get<S>(i.a), y = file.get<S>(i.b);
    Pack<R> z;
#pragma unroll
    for (int e = 0; e < kE; ++e) z.v[e] = R(F()(x.v[e], y.v[e]));
    file.put(i.dst, z);
  } else {
#pragma unroll 1
    for (int e = 0; e < kE; ++e)
      file.element<R>(i.dst, e) = R(F()(file.element<S>(i.a, e), file.element<S>(i.b, e)));
  }
}

// Equality of bools is of truth values, not of bytes.
template <class F>
__device__ __forceinline__ void bool_equality(const Registers& file, const TapeInstruction& i) {
  for (int e = 0; e < kE; ++e) {
    const bool x = file.element<uint8_t>(i.a, e) != 0, y = file.element<uint8_t>(i.b, e) != 0;
    file.element<uint8_t>(i.dst, e) = uint8_t(F()(x, y));
  }
}

// The first instruction that refuses an element is told, whichever thread finds it.
template <class F, class T>
__device__ __forceinline__ void check(const Registers& file, const TapeInstruction& i, int64_t n, const TapeRun& run) {
  bool refused = false;
#pragma unroll 1
  for (int e = 0; e < kE && e < n; ++e) refused |= F::refuses(file.element<T>(i.b, e));
  if (!refused) return;
  atomicMin(&run.fault->first, static_cast<unsigned long long>(i.position));
  *run.failed = 1;
}

template <class To, class From>
__device__ __forceinline__ Stored<To> cast_one(Stored<From> x) {
  if constexpr (kSame<To, bool>)
    return uint8_t(x != 0);
  else if constexpr (kSame<From, bool>)
    return x != 0 ? To(1) : To(0);
  else
    return math::cast<To>(x);
}

template <class To, class From, bool kLight>
__device__ __forceinline__ void cast(const Registers& file, const TapeInstruction& i) {
  if constexpr (kLight) {
    const Pack<Stored<From>> x = file.get<Stored<From>>(i.a);
    Pack<Stored<To>> y;
#pragma unroll
    for (int e = 0; e < kE; ++e) y.v[e] = cast_one<To, From>(x.v[e]);
    file.put(i.dst, y);
  } else {
#pragma unroll 1
    for (int e = 0; e < kE; ++e) {
      const Stored<From> x = file.element<Stored<From>>(i.a, e);
      file.element<Stored<To>>(i.dst, e) = cast_one<To, From>(x);
    }
  }
}

template <class U>
__device__ __forceinline__ void select(const Registers& file, const TapeInstruction& i) {
  const Pack<uint8_t> condition = file.get<uint8_t>(i.a);
  const Pack<U> x = file.get<U>(i.b), y = file.get<U>(i.c);
  Pack<U> z;
#pragma unroll
  for (int e = 0; e < kE; ++e) z.v[e] = condition.v[e] != 0 ? x.v[e] : y.v[e];
  file.put(i.dst, z);
}

// Where the thread's elements are.
struct Place {
  int64_t start;  // in the space or segment
  int64_t n;      // how many there are, more than 8 or not
  bool narrow;    // the space has less than 2^31 elements
};

// Element `start`'s place in every group, and in the input.
__device__ __forceinline__ int64_t split(const TapeInput& input, const Place& place, int64_t* index) {
  int64_t offset = 0;
  if (place.narrow) {
    uint32_t rest = uint32_t(place.start);
#pragma unroll 1
    for (int g = input.groups - 1; g > 0; --g) {
      const uint32_t high = uint32_t((uint64_t(rest) * input.magic[g]) >> 32);
      const uint32_t quotient = (high + rest) >> input.shift[g];
      index[g] = rest - quotient * uint32_t(input.extent[g]);
      offset += index[g] * input.stride[g];
      rest = quotient;
    }
    index[0] = rest;
  } else {
    int64_t rest = place.start;
#pragma unroll 1
    for (int g = input.groups - 1; g > 0; --g) {
      const int64_t quotient = rest / input.extent[g];
      index[g] = rest - quotient * input.extent[g];
      offset += index[g] * input.stride[g];
      rest = quotient;
    }
    index[0] = rest;
  }
  return offset + index[0] * input.stride[0];
}

template <class U>
__device__ __forceinline__ Pack<U> load_run(const U* from, int64_t n, bool aligned) {
  if (aligned && n >= kE) return *reinterpret_cast<const Pack<U>*>(from);
  Pack<U> pack;
#pragma unroll
  for (int e = 0; e < kE; ++e) pack.v[e] = e < n ? from[e] : U(0);
  return pack;
}

template <class U>
__device__ __forceinline__ Pack<U> load(const TapeInput& input, const U* from, const Place& place, bool aligned) {
  if (input.kind == 0) return load_run(from + place.start, place.n, aligned);
  Pack<U> pack;
  if (input.kind == 1) {
    const U one = *from;
#pragma unroll
    for (int e = 0; e < kE; ++e) pack.v[e] = one;
    return pack;
  }
  int64_t index[kMaxRank];
  int64_t offset = split(input, place, index);
  const int last = input.groups - 1;
  const bool repeats = input.stride[last] == 0;
  if (input.in_one != 0) {
    if (!repeats) return load_run(from + offset, place.n, aligned);
    const U one = from[offset];
#pragma unroll
    for (int e = 0; e < kE; ++e) pack.v[e] = one;
    return pack;
  }
#pragma unroll
  for (int e = 0; e < kE; ++e) {
    pack.v[e] = e < place.n ? from[offset] : U(0);
    offset += input.stride[last];
    if (++index[last] < input.extent[last]) continue;
    offset -= input.extent[last] * input.stride[last];
    index[last] = 0;
    for (int g = last - 1; g >= 0; --g) {
      offset += input.stride[g];
      if (++index[g] < input.extent[g]) break;
      offset -= input.extent[g] * input.stride[g];
      index[g] = 0;
    }
  }
  return pack;
}

struct Operands {
  const TapeRun& run;
  const TapeProgram& program;
  int segment;

  template <class U>
  __device__ __forceinline__ U* at(int operand) const {
    return reinterpret_cast<U*>(run.words[program.word[operand] + segment * program.step[operand]]);
  }
  __device__ __forceinline__ bool aligned(int operand) const { return (run.aligned >> operand & 1) != 0; }
};

template <class U>
__device__ __forceinline__ void load_one(const Registers& file, const TapeInstruction& i, const Operands& operands,
                                         const Place& place) {
  file.put(i.dst, load(operands.program.inputs[i.a], operands.at<const U>(i.a), place, operands.aligned(i.a)));
}
template <class U>
__device__ __forceinline__ void load_two(const Registers& file, const TapeInstruction& i, const Operands& operands,
                                         const Place& place) {
  const Pack<U> x = load(operands.program.inputs[i.a], operands.at<const U>(i.a), place, operands.aligned(i.a));
  const Pack<U> y = load(operands.program.inputs[i.b], operands.at<const U>(i.b), place, operands.aligned(i.b));
  file.put(i.dst, x);
  file.put(i.c, y);
}
template <class U>
__device__ __forceinline__ void store(const Registers& file, const TapeInstruction& i, const Operands& operands,
                                      const Place& place) {
  const Pack<U> x = file.get<U>(i.a);
  const int operand = kMaxTapeInputs + i.b;
  U* const to = operands.at<U>(operand) + place.start;
  if (operands.aligned(operand) && place.n >= kE) {
    *reinterpret_cast<Pack<U>*>(to) = x;
    return;
  }
#pragma unroll
  for (int e = 0; e < kE; ++e)
    if (e < place.n) to[e] = x.v[e];
}

#define GRAFO_CASE(code, light, ...)               \
  case code:                                       \
    if constexpr (!kLight || (light)) __VA_ARGS__; \
    break;
#define GRAFO_CELL(form, name, cost, enumerator, type)                              \
  GRAFO_CASE(functor_code(kId##name, tape_column(DType::enumerator)),               \
             is_light_functor(kId##name, tape_column(DType::enumerator)),           \
             form<math::name, type, cost>(file, i))
#define GRAFO_FLOATS(form, name, cost)                 \
  GRAFO_CELL(form, name, cost, kFloat32, float)        \
  GRAFO_CELL(form, name, cost, kFloat64, double)
#define GRAFO_INTEGERS(form, name, cost)               \
  GRAFO_CELL(form, name, cost, kInt32, int32_t)        \
  GRAFO_CELL(form, name, cost, kUint8, uint8_t)        \
  GRAFO_CELL(form, name, cost, kInt16, int16_t)        \
  GRAFO_CELL(form, name, cost, kInt8, int8_t)          \
  GRAFO_CELL(form, name, cost, kInt64, int64_t)        \
  GRAFO_CELL(form, name, cost, kUint16, uint16_t)      \
  GRAFO_CELL(form, name, cost, kUint32, uint32_t)      \
  GRAFO_CELL(form, name, cost, kUint64, uint64_t)
#define GRAFO_UNARY_FLOATS(name, cost) GRAFO_FLOATS(unary, name, cost)
#define GRAFO_UNARY_NUMBERS(name, cost) GRAFO_FLOATS(unary, name, cost) GRAFO_INTEGERS(unary, name, cost)
#define GRAFO_UNARY_BOOL(name, cost) GRAFO_CELL(unary, name, cost, kBool, bool)
#define GRAFO_BINARY_FLOATS(name, cost) GRAFO_FLOATS(binary, name, cost)
#define GRAFO_BINARY_INTEGERS(name, cost) GRAFO_INTEGERS(binary, name, cost)
#define GRAFO_BINARY_NUMBERS(name, cost) GRAFO_FLOATS(binary, name, cost) GRAFO_INTEGERS(binary, name, cost)
#define GRAFO_BINARY_BOOL(name, cost) GRAFO_CELL(binary, name, cost, kBool, bool)
#define GRAFO_BINARY_EQUALITY(name, cost)                                                              \
  GRAFO_BINARY_NUMBERS(name, cost)                                                                     \
  GRAFO_CASE(functor_code(kId##name, tape_column(DType::kBool)), true, bool_equality<math::name>(file, i))
#define GRAFO_CHECK(name, enumerator, type)                              \
  case functor_code(kId##name, tape_column(DType::enumerator)):          \
    check<math::name, type>(file, i, place.n, run);                      \
    break;
#define GRAFO_CHECKS(name, cost)          \
  GRAFO_CHECK(name, kInt32, int32_t)      \
  GRAFO_CHECK(name, kUint8, uint8_t)      \
  GRAFO_CHECK(name, kInt16, int16_t)      \
  GRAFO_CHECK(name, kInt8, int8_t)        \
  GRAFO_CHECK(name, kInt64, int64_t)      \
  GRAFO_CHECK(name, kUint16, uint16_t)    \
  GRAFO_CHECK(name, kUint32, uint32_t)    \
  GRAFO_CHECK(name, kUint64, uint64_t)
#define GRAFO_CAST_TO(from_enumerator, from, to_enumerator, to)                                                   \
  GRAFO_CASE(cast_code(tape_column(DType::from_enumerator), tape_column(DType::to_enumerator)),                   \
             (is_light_column(tape_column(DType::from_enumerator)) &&                                             \
              is_light_column(tape_column(DType::to_enumerator))),                                                \
             cast<to, from,                                                                                       \
                  is_light_column(tape_column(DType::from_enumerator)) &&                                         \
                      is_light_column(tape_column(DType::to_enumerator))>(file, i))
#define GRAFO_CASTS(enumerator, type, text)               \
  GRAFO_CAST_TO(enumerator, type, kFloat32, float)        \
  GRAFO_CAST_TO(enumerator, type, kFloat64, double)       \
  GRAFO_CAST_TO(enumerator, type, kInt32, int32_t)        \
  GRAFO_CAST_TO(enumerator, type, kUint8, uint8_t)        \
  GRAFO_CAST_TO(enumerator, type, kInt16, int16_t)        \
  GRAFO_CAST_TO(enumerator, type, kInt8, int8_t)          \
  GRAFO_CAST_TO(enumerator, type, kInt64, int64_t)        \
  GRAFO_CAST_TO(enumerator, type, kUint16, uint16_t)      \
  GRAFO_CAST_TO(enumerator, type, kUint32, uint32_t)      \
  GRAFO_CAST_TO(enumerator, type, kUint64, uint64_t)      \
  GRAFO_CAST_TO(enumerator, type, kBool, bool)
#define GRAFO_BY_BYTES(base, ...)               \
  GRAFO_CASE(base + 0, true, __VA_ARGS__(uint8_t)) \
  GRAFO_CASE(base + 1, !kLight, __VA_ARGS__(uint16_t)) \
  GRAFO_CASE(base + 2, true, __VA_ARGS__(uint32_t)) \
  GRAFO_CASE(base + 3, !kLight, __VA_ARGS__(uint64_t))

// A tape's instructions, one after another, over one thread's elements.
template <bool kLight>
__device__ __forceinline__ void interpret(const Registers& file, const Operands& operands, const Place& place,
                                          const TapeRun& run) {
  const TapeProgram& program = operands.program;
  const int count = program.count;
  TapeInstruction next = program.code[0];
#pragma unroll 1
  for (int at = 0; at < count; ++at) {
    const TapeInstruction i = next;
    if (at + 1 < count) next = program.code[at + 1];
    if constexpr (!kLight) {
      switch (i.code) {
        GRAFO_BINARY_CHECKED(GRAFO_CHECKS)
        default:
          break;
      }
    }
    switch (i.code) {
      GRAFO_UNARY_FLOAT(GRAFO_UNARY_FLOATS)
      GRAFO_UNARY_EXP_LOG(GRAFO_UNARY_FLOATS)
      GRAFO_UNARY_ELEMENTARY(GRAFO_UNARY_FLOATS)
      GRAFO_UNARY_PERIODIC(GRAFO_UNARY_FLOATS)
      GRAFO_UNARY_NUMERIC(GRAFO_UNARY_NUMBERS)
      GRAFO_UNARY_TEST(GRAFO_UNARY_FLOATS)
      GRAFO_UNARY_LOGICAL(GRAFO_UNARY_BOOL)
      GRAFO_BINARY_NUMERIC(GRAFO_BINARY_NUMBERS)
      GRAFO_BINARY_CHECKED(GRAFO_BINARY_NUMBERS)
      GRAFO_BINARY_BITWISE(GRAFO_BINARY_INTEGERS)
      GRAFO_BINARY_FLOAT(GRAFO_BINARY_FLOATS)
      GRAFO_BINARY_ORDER(GRAFO_BINARY_NUMBERS)
      GRAFO_BINARY_EQUAL(GRAFO_BINARY_EQUALITY)
      GRAFO_BINARY_LOGICAL(GRAFO_BINARY_BOOL)
      GRAFO_DTYPES(GRAFO_CASTS)
#define GRAFO_SELECT(U) select<U>(file, i)
#define GRAFO_LOAD(U) load_one<U>(file, i, operands, place)
#define GRAFO_LOAD_TWO(U) load_two<U>(file, i, operands, place)
#define GRAFO_STORE(U) store<U>(file, i, operands, place)
      GRAFO_BY_BYTES(kSelectCode, GRAFO_SELECT)
      GRAFO_BY_BYTES(kLoadCode, GRAFO_LOAD)
      GRAFO_BY_BYTES(kLoadTwoCode, GRAFO_LOAD_TWO)
      default:
        if (run.stores == 0) break;
        switch (i.code) {
          GRAFO_BY_BYTES(kStoreCode, GRAFO_STORE)
        }
    }
  }
}

template <bool kLight>
__device__ __forceinline__ void run_tape(const TapeRun& run, Piece* shared) {
  if (run.guard != nullptr && *run.guard != 0) return;
  const Registers file{shared + threadIdx.x, blockDim.x, run.chunks};
  for (int64_t tile = blockIdx.x; tile < run.tiles; tile += gridDim.x) {
    // The last segment that begins at this tile or before.
    int segment = 0;
    for (int low = 1, high = run.segments; low < high;) {
      const int middle = (low + high) / 2;
      if (int64_t(run.words[run.first_segment_word + middle * run.segment_words]) <= tile) {
        segment = middle;
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const int word = run.first_segment_word + segment * run.segment_words;
    const int64_t size = int64_t(run.words[word + 1]);
    const int64_t start = ((tile - int64_t(run.words[word])) * blockDim.x + threadIdx.x) * kE;
    if (start >= size) continue;
    interpret<kLight>(file, {run, *run.program, segment}, {start, size - start, size < (int64_t(1) << 31)}, run);
  }
}

}  // namespace tape
}  // namespace grafo::cuda
