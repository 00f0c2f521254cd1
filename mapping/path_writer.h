// From the flat form of one stage back to the tree: what schedulers decide is written as nodes.
#pragma once

#include "mapping/schedule.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// The path of nodes that says what the plan says; read_stage gives the plan back.
Node write_path(const workloads::Layer& layer, const StagePlan& plan);

}  // namespace tessera::mapping
