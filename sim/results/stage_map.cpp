#include "sim/results/stage_map.h"

#include <algorithm>

namespace tessera::sim {

StageMap::StageMap(std::size_t tiles, std::size_t bins, Cycle width)
    : bins_(bins), width_(width), cells_(tiles * bins) {}

void StageMap::add(std::size_t tile, int stage, Cycle begin, Cycle end) {
  reach(end);
  while (begin < end) {
    const auto bin = static_cast<std::size_t>(begin / width_);
    const Cycle to = std::min<Cycle>((bin + 1) * width_, end);
    vote(cells_[tile * bins_ + bin], stage, to - begin);
    begin = to;
  }
}

void StageMap::vote(Cell& cell, int stage, Cycle cycles) {
  if (cell.stage == stage)
    cell.lead += cycles;
  else if (cell.lead >= cycles)
    cell.lead -= cycles;
  else
    cell = {stage, cycles - cell.lead};
}

void StageMap::reach(Cycle end) {
  for (; end > width_ * bins_; width_ *= 2)
    for (std::size_t first = 0; first < cells_.size(); first += bins_)
      for (std::size_t bin = 0; bin < bins_; ++bin) {
        Cell joined;
        if (2 * bin < bins_) {
          joined = cells_[first + 2 * bin];
          const Cell& second = cells_[first + 2 * bin + 1];
          vote(joined, second.stage, second.lead);
        }
        cells_[first + bin] = joined;
      }
}

}  // namespace tessera::sim
