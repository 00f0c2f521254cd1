// Lowers one stage of a schedule: shares, groups, code and slots; everything except addresses.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// UserError naming the layer when the plan would let partial sums leave the tile buffer.
Stage build_stage(const StagePlan& plan, const workloads::Network& network,
                  const hw::Accelerator& accelerator);

}  // namespace tessera::mapping
