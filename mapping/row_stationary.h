// The `row_stationary` schedule: convolutions and fully connected layers in the dataflow of
// Eyeriss, the others as `layerwise` would run them.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/layerwise.h"
#include "mapping/schedule.h"

namespace tessera::mapping {

/// Layer by layer, feature maps in DRAM between layers as on the chip, in blocks made for the
/// pieces that passes take. Several tiles share a layer by output rows (rows of tiles) and filters
/// (columns of tiles). UserError when the PE array lacks what the dataflow needs, or naming a layer
/// of which no tile fits.
Schedule schedule_row_stationary(const workloads::Network& network,
                                 const hw::Accelerator& accelerator, const MachineRates& rates);

}  // namespace tessera::mapping
