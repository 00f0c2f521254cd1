// Compute latency of a fused tree.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/cost/looptree/data_movement.h"
#include "mapping/cost/predictor.h"

namespace tessera::mapping::looptree {

/// One temporal step is one cycle. Branches of a sequence add up. In a pipeline the stages work on
/// consecutive iterations: with n stages, each iteration but the last hides the shortest time that
/// n - 1 consecutive stages after one of its own take.
///
/// As shipped the tool has no meaningful latency when a pipeline has two loops or more above it
/// (outer indices are not equated and too much is hidden) or when a branch is inside a branch
/// (stores are counted as loops); both are UserErrors. Fixed, all loops above a pipeline count as
/// one sequence of iterations, and branches nest.
std::int64_t compute_latency(const FusedTree& tree, const std::vector<LeafTiles>& leaves,
                             const std::vector<LeafMovement>& movements, Faults faults);

}  // namespace tessera::mapping::looptree
