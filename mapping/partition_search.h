// Finds how to deal one layer to the tiles and how to block it for the tile buffers, by analytical
// cost.
#pragma once

#include <optional>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/partition_cost.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// What the search knows of the machine beside the tile.
struct SearchLimits {
  Bytes working_bytes = 0;         ///< tile buffer left for this layer's slots
  Home output_home = Home::kDram;  ///< in the tiles, outputs are held outside working_bytes
  MachineRates rates;
  Blocking blocking = Blocking::kLargestTiles;
};

/// A plan with its price.
struct LayerChoice {
  StagePlan plan;
  LayerCost cost;
  Bytes output_share_bytes = 0;  ///< of the fullest tile, in whole granules
};

/// Bytes of the slots of the smallest tile of a layer without a second copy of anything: with less
/// it cannot run.
Bytes smallest_working_set(const workloads::Layer& layer, const hw::Accelerator& accelerator);

/// Best plan found, or nothing when not even the smallest tile fits into `working_bytes`.
std::optional<LayerChoice> search_partition(const workloads::Network& network,
                                            workloads::LayerId layer,
                                            const std::vector<InputSource>& sources,
                                            const hw::Accelerator& accelerator,
                                            const SearchLimits& limits);

/// The best `places` plans, best first.
std::vector<LayerChoice> search_partitions(const workloads::Network& network,
                                           workloads::LayerId layer,
                                           const std::vector<InputSource>& sources,
                                           const hw::Accelerator& accelerator,
                                           const SearchLimits& limits, int places);

}  // namespace tessera::mapping
