#include "validation/ladder.h"

namespace tessera::validation {

double Ladder::error_percent() const {
  return simulated == 0
             ? 0
             : 100.0 * static_cast<double>(error_cycles()) / static_cast<double>(simulated);
}

Ladder climb(std::int64_t predicted, const std::function<Cycle(hw::IdealSet)>& simulate) {
  Ladder ladder{predicted, 0, {}};
  auto ideal = hw::IdealSet::all();
  std::int64_t before = predicted;
  const auto stand_on = [&](std::string cause) {
    ladder.simulated = simulate(ideal);
    const auto cycles = static_cast<std::int64_t>(ladder.simulated);
    ladder.rungs.push_back({std::move(cause), ladder.simulated, cycles - before});
    before = cycles;
  };
  stand_on("rest");
  for (int part = 0; part < hw::kIdeals; ++part) {
    ideal.set(static_cast<hw::Ideal>(part), false);
    stand_on(std::string(hw::kIdealNames[static_cast<std::size_t>(part)]));
  }
  return ladder;
}

Ladder without_causes(std::int64_t predicted, Cycle simulated) {
  return {predicted, simulated, {}};
}

}  // namespace tessera::validation
