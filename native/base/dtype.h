// Element types. The codes are TensorFlow's DataType numbers, because graphs are exchanged with it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace grafo {

enum class DType : int32_t {
  kFloat32 = 1,
  kFloat64 = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kInt64 = 9,
  kBool = 10,
  kUint16 = 17,
  kUint32 = 22,
  kUint64 = 23,
};

// X(enumerator, C++ type, TensorFlow's name): every dtype that has bytes. Bool is one byte, 0 or 1.
#define GRAFO_NUMERIC_DTYPES(X)  \
  X(kFloat32, float, "float")    \
  X(kFloat64, double, "double")  \
  X(kInt32, int32_t, "int32")    \
  X(kUint8, uint8_t, "uint8")    \
  X(kInt16, int16_t, "int16")    \
  X(kInt8, int8_t, "int8")       \
  X(kInt64, int64_t, "int64")    \
  X(kUint16, uint16_t, "uint16") \
  X(kUint32, uint32_t, "uint32") \
  X(kUint64, uint64_t, "uint64")
#define GRAFO_DTYPES(X) GRAFO_NUMERIC_DTYPES(X) X(kBool, bool, "bool")

// Bytes of one element; 0 for strings and for a number that is no dtype.
constexpr size_t item_size(DType dtype) {
  switch (dtype) {
#define GRAFO_CASE(name, type, text) \
  case DType::name:                  \
    return sizeof(type);
    GRAFO_DTYPES(GRAFO_CASE)
#undef GRAFO_CASE
    case DType::kString:
      return 0;
  }
  return 0;
}

// TensorFlow's name of a dtype in its messages ("float", "int32"); "?" for a number that is no dtype.
constexpr const char* dtype_name(DType dtype) {
  switch (dtype) {
#define GRAFO_CASE(name, type, text) \
  case DType::name:                  \
    return text;
    GRAFO_DTYPES(GRAFO_CASE)
#undef GRAFO_CASE
    case DType::kString:
      return "string";
  }
  return "?";
}

constexpr bool is_dtype(DType dtype) { return item_size(dtype) != 0 || dtype == DType::kString; }

}  // namespace grafo
