// Reads, fills and updates of every level once bypassing has been applied.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/cost/timeloop/data_movement.h"

namespace tessera::mapping::timeloop {

/// Words of one tensor at one instance of a level, averaged over the instances in use. All zero
/// where the tensor bypasses the level.
struct AccessCounts {
  std::int64_t tile_words = 0;
  std::int64_t reads = 0;    ///< sent down, and partial sums read to be added to
  std::int64_t fills = 0;    ///< arriving from the parent
  std::int64_t updates = 0;  ///< arriving from the children (outputs)
  std::int64_t temporal_reductions = 0;
};

/// Traffic between a level and the one below it, as it stands after bypassing.
struct LinkCounts {
  std::int64_t fanout = 1;
  std::vector<DeliveredWords> delivered;  ///< by multicast, then scatter
  double ingresses = 0;                   ///< words that enter the network
  double spatial_reductions = 0;          ///< additions inside the network (outputs)
  std::int64_t passed_on = 0;
};

struct LevelCounts {
  std::vector<AccessCounts> tensors;
  std::vector<LinkCounts> links;  ///< per tensor
};

/// Outputs: the first accumulation needs no read, so reads are updates minus the share of the
/// tensor that the instance is responsible for. A bypassed level hands its children's traffic to
/// the next level outside that keeps the tensor.
std::vector<LevelCounts> access_counts_of(const LoopNest& nest, const DataMovement& movement);

}  // namespace tessera::mapping::timeloop
