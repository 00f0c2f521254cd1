// Lowers one stage of a schedule: shares, groups, code and slots; everything except addresses.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Loops around the receives of an input; 0: its share comes in one granule.
int fetch_depth(const StagePlan& plan, const workloads::Layer& layer,
                const hw::Accelerator& accelerator, const std::vector<std::int64_t>& nominal,
                std::size_t input);

/// Sums of outputs that stand inside a loop over a reduced rank are stored and restored at every
/// visit. UserError naming the layer when such outputs have no place outside the tiles.
Stage build_stage(const StagePlan& plan, const workloads::Network& network,
                  const hw::Accelerator& accelerator);

}  // namespace tessera::mapping
