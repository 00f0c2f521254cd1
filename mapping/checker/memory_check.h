// Slots in the tile buffer.
#pragma once

#include <vector>

#include "mapping/checker/code_check.h"
#include "mapping/checker/part_check.h"
#include "mapping/program_checker.h"

namespace tessera::mapping::checker {

/// Checks that slots are aligned and lie inside the buffer and that no two slots that a tile needs
/// at the same time overlap. A slot is needed by the tiles whose code appends to it, in its stage;
/// one that is served to other tiles until the last stage that reads its part. Stages of a fusion,
/// and those that rings tie together, need theirs until the last of them. `facts` are per stage and
/// code. UserError names stage, tile and slots.
void check_memory(const Program& program, const std::vector<std::vector<AppendedSlots>>& appended,
                  const PartUse& parts, const ProgramLimits& limits);

}  // namespace tessera::mapping::checker
