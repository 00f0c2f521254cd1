// Operands that bypass the tile buffer stream through the staging FIFO beside it.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Partners' sums that come in pieces have this much of the FIFO to themselves, for two of them.
inline constexpr Bytes kSumsPiecesBytes = 512;

/// Cuts a plan whose operands bypass the buffer so that what one array instruction needs of them
/// fits the FIFO, twice if possible, so that the next piece arrives while one is in use: loops
/// move, outermost first, from the array's nest into the tile's code. As many move as the registers
/// allow, whose contents do not outlive an instruction; when the FIFO is too small for such pieces
/// further loops follow and registers are filled again. UserError naming the operands when not even
/// one step's data fit.
void fit_staging(StagePlan& plan, const workloads::Network& network,
                 const hw::Accelerator& accelerator);

}  // namespace tessera::mapping
