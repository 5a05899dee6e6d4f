// Transposes small blocks in registers: to[c][r] = from[r][c], for 4 and 8 byte items. Also what packing is made of.
#pragma once
#include <cstdint>
#include <cstring>

namespace grafo::cpu {

template <class T>
constexpr int kBlock = 1;  // side of the block that move_block does in registers
template <>
inline constexpr int kBlock<uint32_t> = 4;
template <>
inline constexpr int kBlock<uint64_t> = 4;

typedef uint32_t Quad32 __attribute__((vector_size(16)));
typedef uint64_t Pair64 __attribute__((vector_size(16)));

inline void move_block(const uint32_t* from, int64_t from_row, uint32_t* to, int64_t to_row) {
  Quad32 a, b, c, d;
  std::memcpy(&a, from, 16);
  std::memcpy(&b, from + from_row, 16);
  std::memcpy(&c, from + 2 * from_row, 16);
  std::memcpy(&d, from + 3 * from_row, 16);
  const Quad32 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Quad32 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Quad32 ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad32 cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
  std::memcpy(to, &a, 16);
  std::memcpy(to + to_row, &b, 16);
  std::memcpy(to + 2 * to_row, &c, 16);
  std::memcpy(to + 3 * to_row, &d, 16);
}

inline void move_block(const uint64_t* from, int64_t from_row, uint64_t* to, int64_t to_row) {
  for (int r = 0; r < 4; r += 2)
    for (int c = 0; c < 4; c += 2) {
      Pair64 a, b;
      std::memcpy(&a, from + r * from_row + c, 16);
      std::memcpy(&b, from + (r + 1) * from_row + c, 16);
      const Pair64 low = __builtin_shufflevector(a, b, 0, 2);
      const Pair64 high = __builtin_shufflevector(a, b, 1, 3);
      std::memcpy(to + c * to_row + r, &low, 16);
      std::memcpy(to + (c + 1) * to_row + r, &high, 16);
    }
}

template <class T>
inline void move_block(const T* from, int64_t, T* to, int64_t) {
  *to = *from;
}

// to[c * to_row + r] = from[r * from_row + c] for rows x columns items.
template <class T>
inline void transpose_items(const T* from, int64_t from_row, T* to, int64_t to_row, int64_t rows,
                            int64_t columns) {
  constexpr int kSide = kBlock<T>;
  const int64_t full_rows = rows / kSide * kSide, full_columns = columns / kSide * kSide;
  for (int64_t c = 0; c < full_columns; c += kSide)
    for (int64_t r = 0; r < full_rows; r += kSide)
      move_block(from + r * from_row + c, from_row, to + c * to_row + r, to_row);
  for (int64_t r = 0; r < full_rows; ++r)
    for (int64_t c = full_columns; c < columns; ++c) to[c * to_row + r] = from[r * from_row + c];
  for (int64_t r = full_rows; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) to[c * to_row + r] = from[r * from_row + c];
}

}  // namespace grafo::cpu
