// A scheduler's estimate as part of a result.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/estimate.h"
#include "sim/result.pb.h"

namespace tessera::sim {

/// Cycles, and energy where the table prices words of DRAM and network hops: devices' currents and
/// standby are no matter of counted words.
proto::Prediction prediction_of(const mapping::Estimate& estimate, const hw::EnergyTable& table);

}  // namespace tessera::sim
