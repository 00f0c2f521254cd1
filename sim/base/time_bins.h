// Counts over time in a fixed number of bins, whatever the length of the run.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/base/types.h"

namespace tessera {

/// Rows of counters by time. All rows share bins of one width; when time runs past the last bin,
/// neighbouring bins are joined and the width doubles, so memory stays the same. Sums over a row
/// are exact at all times.
class TimeBins {
 public:
  /// At most `bins` of them, an even number.
  TimeBins(std::size_t rows, std::size_t bins, Cycle width = 64);

  /// Spreads `amount` evenly over [begin, end). An empty interval is the cycle before `end`.
  void add(std::size_t row, Cycle begin, Cycle end, std::uint64_t amount);
  /// Makes bins wide enough for cycle end - 1.
  void reach(Cycle end);

  Cycle width() const { return width_; }
  std::size_t rows() const { return counts_.size() / bins_; }
  /// The row's first `count` bins.
  std::vector<std::uint64_t> row(std::size_t row, std::size_t count) const;
  /// Bins that a run of this length has.
  std::size_t used(Cycle cycles) const {
    return static_cast<std::size_t>(ceil_div(cycles, width_));
  }

 private:
  void widen();

  std::size_t bins_;
  Cycle width_;
  std::vector<std::uint64_t> counts_;  ///< row by row
};

}  // namespace tessera
