// A few columns of small items become rows of them, and back, in vectors (concat.cc).
#pragma once
#include <cstdint>

namespace grafo::cpu {

// Item c of row i is item i of column c. Columns lie anywhere, rows one after the other.
using JoinColumns = void (*)(char* rows, const char* const* columns, int64_t n);
using PartColumns = void (*)(char* const* columns, const char* rows, int64_t n);
// Null where there is none for so many columns, or so many bytes of an item.
JoinColumns find_join(int64_t columns, int64_t bytes);
PartColumns find_part(int64_t columns, int64_t bytes);
constexpr int kMaxColumns = 4;

}  // namespace grafo::cpu
