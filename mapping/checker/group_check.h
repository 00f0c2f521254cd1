// Tiles that receive together or add to the same outputs agree on what they exchange.
#pragma once

#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

/// Checks the groups of a stage. Every member refers back to its group; all members of a group that
/// receives an operand execute the same sequence of receives, slot by slot with identical regions;
/// the members of a sums group have the same outputs and their shares of the reduced ranks make up
/// the whole, and the partners send as many granules as the owner receives from each, in the same
/// order with the same regions. Sequences are compared by a hash of 64 bits unless they are equal
/// by construction: same code and the same ranges of all ranks that index the operand. UserError
/// names stage, group and tiles.
void check_groups(const StageView& view);

}  // namespace tessera::mapping::checker
