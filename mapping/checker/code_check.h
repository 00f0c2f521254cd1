// What can be said of code without running it.
#pragma once

#include <vector>

#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

/// Per slot of the stage: whether a code appends to it. The same on every tile that runs the code,
/// because loops make the same number of trips everywhere.
using AppendedSlots = std::vector<bool>;

/// Checks one code: every slot has one kind of writer; a queue reads only slots that count it among
/// their readers; exactly one instruction computes and one granule is reserved around it. A loop
/// moves through its rank in disjoint steps that start at the range's begin, so two instructions
/// that compute, or a repetition around one, would compute the same first point twice; and a loop
/// over a reduced rank around the reservation would produce the same outputs twice. UserError names
/// stage, tile and instruction.
AppendedSlots check_code(const StageView& view, int code);

}  // namespace tessera::mapping::checker
