// The ladder: the error of a prediction split into named causes that add up.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hw_models/description/idealisation.h"
#include "sim/base/types.h"

namespace tessera::validation {

/// One rung: the machine after another part has become real.
struct Rung {
  std::string cause;        ///< "rest", then the names of hw::kIdealNames in order
  Cycle simulated = 0;      ///< cycles on this rung
  std::int64_t cycles = 0;  ///< more than on the rung before; for "rest" more than predicted
};

/// `rest` is what the machine with all parts ideal still takes beyond the prediction: what the
/// model leaves out that no idealisation removes, or gets wrong. The cycles of all rungs add up to
/// simulated minus predicted.
struct Ladder {
  std::int64_t predicted = 0;
  Cycle simulated = 0;  ///< on the real machine, the last rung
  std::vector<Rung> rungs;

  std::int64_t error_cycles() const { return static_cast<std::int64_t>(simulated) - predicted; }
  /// Of the simulation, in percent: positive when the prediction is too optimistic.
  double error_percent() const;
};

/// Simulates with all idealisations on, then takes them away one by one in the order of hw::Ideal.
Ladder climb(std::int64_t predicted, const std::function<Cycle(hw::IdealSet)>& simulate);

/// The real machine alone, without causes.
Ladder without_causes(std::int64_t predicted, Cycle simulated);

}  // namespace tessera::validation
