// The `layerwise` schedule: every layer on all tiles, one after the other, feature maps kept in the
// tiles between layers when they fit.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/partition_search.h"
#include "mapping/refine/refinement.h"
#include "mapping/schedule.h"

namespace tessera::mapping {

/// UserError naming the layer when no tile of it fits into the tile buffer.
Schedule schedule_layerwise(const workloads::Network& network, const hw::Accelerator& accelerator,
                            const MachineRates& rates, Blocking blocking = Blocking::kLargestTiles);

/// With each layer's next best plans as finalists, which leave its output where it was. Never
/// slower than `layerwise`.
Refined refine_layerwise(const workloads::Network& network, const hw::Accelerator& accelerator,
                         const MachineRates& rates, const Simulate& simulate,
                         const RefineOptions& options);

}  // namespace tessera::mapping
