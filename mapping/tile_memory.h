// Static allocation of the tile buffer over the stages of a program.
#pragma once

#include <optional>
#include <vector>

#include "sim/base/types.h"

namespace tessera::mapping {

/// Places blocks that live over a range of stages. All tiles of a stage use the same addresses;
/// stages without a tile in common do not see each other's blocks.
class TileMemory {
 public:
  explicit TileMemory(Bytes capacity) : capacity_(capacity) {}

  /// Lowest or highest address at which the block fits beside all blocks alive in any of its
  /// stages.
  std::optional<Bytes> place_low(Bytes bytes, int first_stage, int last_stage, Bytes not_below = 0);
  std::optional<Bytes> place_high(Bytes bytes, int first_stage, int last_stage);

  Bytes capacity() const { return capacity_; }

  /// Blocks placed from now on are on these tiles, ascending; empty: on all.
  void use_tiles(std::vector<int> tiles) { tiles_ = std::move(tiles); }

 private:
  struct Block {
    Bytes begin, end;
    int first_stage, last_stage;
    std::vector<int> tiles;
  };
  bool meet(const std::vector<int>& tiles) const;
  /// Blocks that are alive in some of these stages, by address.
  std::vector<Block> alive(int first_stage, int last_stage) const;

  Bytes capacity_;
  std::vector<Block> blocks_;
  std::vector<int> tiles_;
};

}  // namespace tessera::mapping
