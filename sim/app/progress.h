// One line on standard error that says how far a run is.
#pragma once

#include <chrono>

#include "sim/machine/machine.h"

namespace tessera::app {

class ProgressLine {
 public:
  static constexpr Cycle kEvery = 4096;

  /// Shown on a terminal, or when forced.
  explicit ProgressLine(bool forced);
  void show(const sim::Progress& now);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool on_;
  bool shown_ = false;
  Clock::time_point begin_;
  Clock::time_point last_;
};

}  // namespace tessera::app
