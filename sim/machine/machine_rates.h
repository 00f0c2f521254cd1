// What scheduling needs to know of a described machine.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/layerwise.h"

namespace tessera::sim {

/// Peak rates of links and of all DRAM interfaces together; an interface behind an off-chip link
/// counts with the slower of channel and link. Peaks only: commands, refresh and contention are the
/// simulation's.
mapping::MachineRates machine_rates(const hw::Accelerator& accelerator);

}  // namespace tessera::sim
