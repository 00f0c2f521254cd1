// What analysis expects of segments and of layers with shared inputs.
#pragma once

#include "mapping/estimate.h"
#include "mapping/tangram/pipeline.h"
#include "mapping/tangram/sharing.h"

namespace tessera::mapping {

/// Machine and network that something was planned for.
struct PlannedFor {
  const workloads::Network& network;
  const hw::Accelerator& accelerator;
  const MachineRates& rates;
};

Estimate expected_of(const Pipeline& pipeline, const PlannedFor& target);

/// `from_tiles`: per input of the layer, whether other tiles hold it.
Estimate expected_of(const SharedLayer& shared, const std::vector<bool>& from_tiles,
                     const PlannedFor& target);

}  // namespace tessera::mapping
