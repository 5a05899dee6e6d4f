// Values as text: 6 digits if they give the float back, else 9 (15 and 17 for doubles); bools as 0 and 1.
#include "cpu/summarize.h"

#include <cmath>
#include <cstdlib>

namespace grafo::cpu {
namespace {

template <class T>
void append(std::string& text, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    constexpr bool kSingle = sizeof(T) == 4;
    char digits[40];
    if (std::isnan(value)) {
      text += std::signbit(value) ? "-nan" : "nan";
      return;
    }
    snprintf(digits, sizeof digits, "%.*g", kSingle ? 6 : 15, static_cast<double>(value));
    const T back = kSingle ? static_cast<T>(std::strtof(digits, nullptr))
                           : static_cast<T>(std::strtod(digits, nullptr));
    if (back != value)
      snprintf(digits, sizeof digits, "%.*g", kSingle ? 9 : 17, static_cast<double>(value));
    text += digits;
  } else {
    text += std::to_string(value);
  }
}

template <class T>
struct Printer {
  int rank;
  const int64_t* dims;
  int64_t limit;
  const T* data;
  std::string& text;
  int64_t index = 0;

  void print(int d) {
    if (index >= limit) return;
    for (int64_t i = 0; i < dims[d]; ++i) {
      if (d == rank - 1) {
        if (index >= limit) {
          if (d != 0) text += "...";
          return;
        }
        if (i > 0) text += ' ';
        append(text, data[index++]);
      } else if (index < limit) {
        text += '[';
        print(d + 1);
        text += ']';
      } else {
        return;
      }
    }
  }
};

}  // namespace

std::string summarize(DType dtype, int rank, const int64_t* dims, int64_t size, const void* data,
                      int64_t most) {
  std::string text;
  const int64_t limit = most < 0 || most > size ? size : most;
  const auto print = [&](auto type) {
    using T = typename decltype(type)::type;
    const T* const values = static_cast<const T*>(data);
    if (rank > 0) {
      Printer<T>{rank, dims, limit, values, text}.print(0);
    } else if (limit > 0) {
      append(text, values[0]);
    }
    if (size > limit) text += "...";
  };
  if (dtype == DType::kBool) print(Type<uint8_t>{});
  else dispatch_numeric(dtype, print);
  return text;
}

}  // namespace grafo::cpu
