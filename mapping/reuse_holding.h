// Operands that bypass the tile buffer although the tile uses them again, held in the buffer.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Operands of a layer that bypass the tile buffer, and that the staging FIFO and the registers are
/// too small to hold between two uses, would be fetched for every use (outputs: leave as partial
/// sums and come back). They are held in the buffer instead, those first that would move most
/// words, in pieces as large as it has room for beside what else the layer holds there: the tile's
/// code then goes through blocks of the ranks that index them. What is left of the buffer goes to
/// second copies. True when anything is held now; layers whose data rotate or stay for other layers
/// are left as they are.
bool hold_reused(StagePlan& plan, const workloads::Network& network,
                 const hw::Accelerator& accelerator);

}  // namespace tessera::mapping
