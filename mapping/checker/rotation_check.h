// Do tiles that share an operand get each of its pieces from the tile that had it?
#pragma once

#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

/// For every tile and rotating slot: the tile named as next is at the following place, has the same
/// slot, and held, as many granules before as a tile's part has, the same region. Such programs
/// never wait in a circle: a granule that is taken over depends on an earlier one of the neighbour
/// alone, as the ring has a place more than the part.
void check_rotations(const StageView& view);

}  // namespace tessera::mapping::checker
