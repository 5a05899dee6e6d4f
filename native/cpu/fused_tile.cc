// How many elements a tile of a tape has.
#include <algorithm>
#include <numeric>

#include "cpu/fused_node.h"

namespace grafo::cpu {
namespace {

// Tiles of a tape of one instruction: the longest where all threads have enough of them still.
constexpr int kLongTile = 2048;
constexpr int kLongestTile = 8192;
constexpr int kManyTiles = 64;

// One instruction leaves nothing in registers for the next: long tiles, fewer calls.
int long_tile(int64_t size, int64_t bytes, int tile) {
  int longest = size < int64_t{kManyTiles} * kLongestTile ? kLongTile : kLongestTile;
  while (longest > tile && bytes * longest > kScratchBytes / 2) longest /= 2;
  return longest;
}

// Tiles that end where the rows of all broadcast inputs do are read where they lie, or filled with one element: the rows'
// largest part of at most `tile` elements, 0 if that is much less than a usual tile.
int64_t part_of_rows(const std::vector<Walk>& walks, int64_t tile) {
  int64_t row = 0, longest = 0;
  for (const Walk& walk : walks) {
    row = std::gcd(row, walk.extent[walk.groups - 1]);
    longest = std::max(longest, walk.extent[walk.groups - 1]);
  }
  if (row == 0) return tile;
  const int64_t least = std::max<int64_t>(std::min<int64_t>(tile, kMaxTile) / 4, kMinTile);
  if (longest < least) return tile;
  for (int64_t parts = (row + tile - 1) / tile; row / parts >= least; ++parts)
    if (row % parts == 0) return row / parts;
  return 0;
}

}  // namespace

int tile_of(const FusedStep& step, int64_t bytes, bool alone) {
  int tile = kMaxTile;
  while (tile > 2 * kMinTile && bytes * tile > kScratchBytes * 3 / 8) tile /= 2;
  while (tile > kMinTile && bytes * tile > kScratchBytes) tile /= 2;
  // A row that is reduced is best whole.
  const int64_t row = (whole_row(step) + kMinTile - 1) / kMinTile * kMinTile;
  if (row > tile && bytes * row <= kScratchBytes * 3 / 8) tile = static_cast<int>(row);
  // And so are as many leaves of few columns as a vector has lanes.
  const int64_t leaves = whole_leaves(step);
  if (leaves > tile && bytes * leaves <= kScratchBytes * 3 / 8) tile = static_cast<int>(leaves);
  if (!step.reductions.empty()) return tile;
  int64_t part = alone ? part_of_rows(step.walks, long_tile(step.size, bytes, tile)) : 0;
  if (part == 0) part = part_of_rows(step.walks, tile);
  return part == 0 ? tile : static_cast<int>(part);
}

}  // namespace grafo::cpu
