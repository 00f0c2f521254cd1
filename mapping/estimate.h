// What a scheduler's analysis expects of what it has chosen.
#pragma once

#include "hw_models/description/energy.h"

namespace tessera::mapping {

/// Expected of a part of a schedule, or of all of it. Analysis, not counting: DRAM, network, arrays
/// and buffers are priced without anyone waiting for anyone, so both figures are there to be
/// compared with a simulation.
struct Estimate {
  double cycles = 0;       ///< 0: nobody said
  hw::EventCounts events;  ///< tile_cycles are those of `cycles`; priced by hw::energy_of

  Estimate& operator+=(const Estimate& other) {
    cycles += other.cycles;
    events += other.events;
    return *this;
  }
};

}  // namespace tessera::mapping
