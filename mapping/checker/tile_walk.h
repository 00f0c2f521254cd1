// Follows the data through one tile: what each granule holds and whether it is what its readers
// need.
#pragma once

#include <vector>

#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

/// Checks each share of a stage: granules fit their space; every array or vector instruction finds
/// the elements it needs in the granules that the compute queue has acquired and writes inside the
/// granule that is reserved; sums of every partner are added to every output granule of an owner;
/// every output granule leaves exactly once, to the place that the part's home and the tile's role
/// demand; all points of the share are computed and all its outputs produced.
///
/// One share is walked for each set of shares that are equal up to moving: same code, same role,
/// same sizes of all ranks, and the same ranges of the ranks of every tensor dimension in which the
/// share touches padding. In the other dimensions no index is ever clipped, so all regions of such
/// shares differ by a translation and have the same sizes, and none of the conditions can tell them
/// apart. UserError names stage, tile and instruction.
void walk_shares(const StageView& view, const Part& output);

}  // namespace tessera::mapping::checker
