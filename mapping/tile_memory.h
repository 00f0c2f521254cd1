// Static allocation of the tile buffer over the stages of a program.
#pragma once

#include <optional>
#include <vector>

#include "sim/base/types.h"

namespace tessera::mapping {

/// Places blocks that live over a range of stages. All tiles of a stage use the same addresses.
class TileMemory {
 public:
  explicit TileMemory(Bytes capacity) : capacity_(capacity) {}

  /// Lowest or highest address at which the block fits beside all blocks alive in any of its
  /// stages.
  std::optional<Bytes> place_low(Bytes bytes, int first_stage, int last_stage, Bytes not_below = 0);
  std::optional<Bytes> place_high(Bytes bytes, int first_stage, int last_stage);

  Bytes capacity() const { return capacity_; }

 private:
  struct Block {
    Bytes begin, end;
    int first_stage, last_stage;
  };
  /// Blocks that are alive in some of these stages, by address.
  std::vector<Block> alive(int first_stage, int last_stage) const;

  Bytes capacity_;
  std::vector<Block> blocks_;
};

}  // namespace tessera::mapping
