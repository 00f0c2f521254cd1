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
/// As shipped, with two or more loops above a pipeline the tool hides the stages of all outer
/// iterations at once, so that the latency may even be negative, and a branch inside a branch
/// (where it takes stores for loops) is a UserError. Fixed, all loops above a pipeline count as one
/// sequence of iterations, and branches nest.
std::int64_t compute_latency(const FusedTree& tree, const std::vector<LeafTiles>& leaves,
                             const std::vector<LeafMovement>& movements, Faults faults);

}  // namespace tessera::mapping::looptree
