// Which stage a tile was in, over time.
#pragma once

#include <vector>

#include "sim/base/types.h"

namespace tessera::sim {

/// Per tile and bin the stage that most cycles went to, found by majority vote in constant memory:
/// where one stage has more than half of a bin's cycles, it is that one.
class StageMap {
 public:
  StageMap(std::size_t tiles, std::size_t bins, Cycle width = 64);

  void add(std::size_t tile, int stage, Cycle begin, Cycle end);
  void reach(Cycle end);
  /// -1 where no stage had a cycle.
  int stage(std::size_t tile, std::size_t bin) const { return cells_[tile * bins_ + bin].stage; }

 private:
  struct Cell {
    int stage = -1;
    Cycle lead = 0;
  };

  static void vote(Cell& cell, int stage, Cycle cycles);

  std::size_t bins_;
  Cycle width_;
  std::vector<Cell> cells_;
};

}  // namespace tessera::sim
