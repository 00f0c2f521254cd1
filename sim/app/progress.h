// One line on standard error that says how far a run is.
#pragma once

#include <chrono>

#include "mapping/refine/referee.h"
#include "sim/machine/machine.h"

namespace tessera::app {

class ProgressLine {
 public:
  static constexpr Cycle kEvery = 4096;

  /// Shown on a terminal, or when forced.
  explicit ProgressLine(bool forced);
  void show(const sim::Progress& now);
  void show(const mapping::RefineProgress& now);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  /// Seconds since the beginning when a line is due; negative: not yet.
  double due();

  bool on_;
  bool shown_ = false;
  Clock::time_point begin_;
  Clock::time_point last_;
};

}  // namespace tessera::app
