// A broadcast input's elements in the order of the space, where its rows are short: of a call for each row the call would be most.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "cpu/fused.h"
#include "cpu/short_rows.h"

namespace grafo::cpu {

constexpr int64_t kManyItems = 1024;  // memcpy moves them faster

// Of n elements, less than 2 * kBytes, those at both ends; what is between them twice.
template <int64_t kBytes, class T>
inline void copy_ends(T* to, const T* from, int64_t n) {
  constexpr int64_t kPiece = kBytes / static_cast<int64_t>(sizeof(T));
  if constexpr (kPiece > 0) {
    if (n < kPiece) return copy_ends<kBytes / 2>(to, from, n);
    std::memcpy(to, from, kBytes);
    std::memcpy(to + n - kPiece, from + n - kPiece, kBytes);
  }
}

// Not copy_rows of short_rows.h, which calls memcpy from 128 bytes on: with it broadcasts took 1.1 to 1.2 times as long (Zen 5).
template <class T>
inline void copy_row(T* to, const T* from, int64_t n) {
  constexpr int64_t kItems = kLineItems<T>;
  if (n > kManyItems) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
    return;
  }
  for (; n >= 2 * kItems; n -= kItems, to += kItems, from += kItems) std::memcpy(to, from, kLineBytes);
  copy_ends<kLineBytes>(to, from, n);
}

// to[i] = from[i % period], by doubling what is there.
template <class T>
void repeat(T* to, const T* from, int64_t period, int64_t n) {
  copy_row(to, from, std::min(period, n));
  for (int64_t done = period; done < n; done *= 2) copy_row(to + done, to, std::min(done, n - done));
}

// Writes n elements of the input, the first at `index`; `offset` is where that one's row begins, or the row's only element is.
// The tile has more than one row: the innermost group is not the only one.
template <class T>
void fill_rows(T* to, const T* from, const Walk& walk, int64_t* index, int64_t offset, int64_t n) {
  const int last = walk.groups - 1;
  const int64_t row = walk.extent[last];
  const bool splats = walk.stride[last] == 0;
  for (;;) {
    int64_t rows = 1, moved;
    if (index[last] != 0 || n < row) {  // a part of one
      moved = std::min(row - index[last], n);
      if (splats)
        splat_run(to, from[offset], moved);
      else
        copy_row(to, from + offset + index[last], moved);
      index[last] = 0;
    } else {  // of the rows before the last group some are elements that follow each other, or all are the same row
      rows = std::min(walk.extent[last - 1] - index[last - 1], n / row);
      moved = rows * row;
      if (splats)
        splat_rows(to, from + offset, row, rows, n);
      else
        repeat(to, from + offset, row, moved);
    }
    n -= moved;
    if (n == 0) return;
    to += moved;
    offset += rows * walk.stride[last - 1];
    index[last - 1] += rows;
    for (int g = last - 1; index[g] == walk.extent[g]; --g) {
      offset += walk.stride[g - 1] - walk.extent[g] * walk.stride[g];
      index[g] = 0;
      ++index[g - 1];
    }
  }
}

}  // namespace grafo::cpu
