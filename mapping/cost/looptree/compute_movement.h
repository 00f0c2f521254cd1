// Movement at the compute units: too many steps to look at each, so steps that look alike are
// counted together.
#pragma once

#include "mapping/cost/looptree/data_movement.h"

namespace tessera::mapping::looptree {

struct ComputeMovement {
  std::vector<std::int64_t> steps;  ///< temporal steps per outer tile of the leaf
  std::vector<Movement> movements;  ///< per tensor, in the layer's order
};

/// The loops below the last branch cut every rank by itself, so a step's operations are a product
/// over the ranks of parts that recur: a full part, or a smaller last one. UserError when a spatial
/// loop above the last branch has no store below it.
ComputeMovement movement_at_compute(const FusedTree& tree, const LeafTiles& leaf);

}  // namespace tessera::mapping::looptree
