// Buffer sharing: tiles that want the same operand hold one copy between them and pass its pieces
// round.
#pragma once

#include <vector>

#include "mapping/layerwise.h"
#include "mapping/partition_search.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// One layer on all tiles with one of its inputs shared.
struct SharedLayer {
  StagePlan plan;
  int input = 0;      ///< the shared one
  double cycles = 0;  ///< by analysis
  double dram_bytes = 0;
};

/// Ways to share an input of a layer, fewest cycles first: over the dealings that layer by layer
/// likes best, weights or maps, and the number of tiles that hold a copy. An outer loop over what
/// the input does not depend on makes it go round once per trip; DRAM is read once. A piece is what
/// the staging FIFO holds. Empty when no loop would make it go round twice.
std::vector<SharedLayer> shared_layers(const workloads::Network& network, workloads::LayerId layer,
                                       const std::vector<InputSource>& sources,
                                       const hw::Accelerator& accelerator,
                                       const MachineRates& rates, Home output_home);

/// The tree, with the loops that rotate marked.
Node shared_tree(const SharedLayer& choice, const workloads::Network& network);

}  // namespace tessera::mapping
