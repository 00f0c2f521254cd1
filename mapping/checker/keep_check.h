// Slots that several stages use one after the other without fetching their granules again.
#pragma once

#include <vector>

#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

/// Operand that the first stage of a chain receives into a slot; -1: none.
int operand_of_slot(const Program& program, int stage, SlotId slot);

/// Stages that go on with a slot of this one, in order; the stage itself first.
std::vector<int> chain_of(const Program& program, int stage, SlotId slot);

/// For every slot that goes on with an earlier stage's: that slot is handed on to this stage alone,
/// both are alike and in the same place, and the tiles need the same region of the same tensor of
/// both. Unless it rotates it holds one granule, which the first stage receives. UserError names
/// stages, slot and tile.
void check_keeps(const Program& program);

}  // namespace tessera::mapping::checker
