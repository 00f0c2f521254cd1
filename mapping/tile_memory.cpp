#include "mapping/tile_memory.h"

#include <algorithm>

namespace tessera::mapping {

bool TileMemory::meet(const std::vector<int>& tiles) const {
  if (tiles.empty() || tiles_.empty()) return true;
  return std::ranges::any_of(tiles,
                             [&](int tile) { return std::ranges::binary_search(tiles_, tile); });
}

std::vector<TileMemory::Block> TileMemory::alive(int first_stage, int last_stage) const {
  std::vector<Block> found;
  for (const auto& block : blocks_)
    if (block.first_stage <= last_stage && first_stage <= block.last_stage && meet(block.tiles))
      found.push_back(block);
  std::ranges::sort(found, {}, &Block::begin);
  return found;
}

std::optional<Bytes> TileMemory::place_low(Bytes bytes, int first_stage, int last_stage,
                                           Bytes not_below) {
  Bytes begin = not_below;
  for (const auto& block : alive(first_stage, last_stage)) {
    if (block.end <= begin) continue;
    if (block.begin >= begin + bytes) break;
    begin = block.end;
  }
  if (begin + bytes > capacity_) return std::nullopt;
  blocks_.push_back({begin, begin + bytes, first_stage, last_stage, tiles_});
  return begin;
}

std::optional<Bytes> TileMemory::place_high(Bytes bytes, int first_stage, int last_stage) {
  if (bytes > capacity_) return std::nullopt;
  Bytes end = capacity_;
  auto found = alive(first_stage, last_stage);
  std::ranges::sort(found, std::greater<>{}, &Block::end);
  for (const auto& block : found) {
    if (block.begin >= end) continue;
    if (end >= bytes && block.end <= end - bytes) break;
    end = block.begin;
  }
  if (end < bytes) return std::nullopt;
  blocks_.push_back({end - bytes, end, first_stage, last_stage, tiles_});
  return end - bytes;
}

}  // namespace tessera::mapping
