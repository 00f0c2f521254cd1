// From schedule tree to program: shares, code, slots, memory, and where every tensor lives.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "mapping/schedule.h"

namespace tessera::mapping {

/// Lowers layers one after the other, fusions that take turns on the same tiles, and pipelines of
/// stages. The result has passed no check yet: see mapping::check. UserError naming the layer and
/// the sizes when a slot cannot be placed in the tile buffer, or naming the node when the tree asks
/// for what lowering does not do.
Program lower(const Schedule& schedule, const workloads::Network& network,
              const hw::Accelerator& accelerator);

}  // namespace tessera::mapping
