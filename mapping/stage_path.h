// From a flat stage plan back to the tree: the inverse of read_stage.
#pragma once

#include "mapping/schedule.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// The path of nodes that says what the plan says. Some operand must be held inside all buffer
/// loops: loops further in would be the array's.
Node stage_path(const workloads::Layer& layer, const StagePlan& plan);

}  // namespace tessera::mapping
