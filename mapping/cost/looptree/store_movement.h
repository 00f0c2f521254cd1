// Movement at a store: every tile is looked at.
#pragma once

#include "mapping/cost/looptree/data_movement.h"

namespace tessera::mapping::looptree {

/// `store` is the place in the leaf's path of the tensor's first store at its level.
Movement movement_at_store(const FusedTree& tree, const LeafTiles& leaf, std::size_t store,
                           int tensor);

}  // namespace tessera::mapping::looptree
