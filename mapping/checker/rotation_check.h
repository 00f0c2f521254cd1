// Do tiles that share an operand get each of its pieces from the tile that had it, and do partial
// sums end their way where outputs are looked for?
#pragma once

#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

/// For every tile and rotating slot: the tile named as next is at the following place, has the same
/// slot, and held, as many granules before as the tile's part has, the same region. So a piece is
/// visited by every tile once in each round, from where it is empty to where it is passed on no
/// more; outputs that end there are those that `completed` names.
///
/// Such programs never wait in a circle: a granule that is taken over depends on an earlier one of
/// the next tile, and its place on the tile before having begun an earlier one, as the ring has a
/// place more than the largest part. A run in lockstep that ends without these waits is therefore
/// an order that keeps them.
void check_rotations(const StageView& view);

}  // namespace tessera::mapping::checker
