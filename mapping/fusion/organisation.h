// PipeOrgan's ways of dealing the tile grid to the layers of a pipeline.
#pragma once

#include <vector>

#include "mapping/program.h"
#include "mapping/schedule.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Tiles of layer `index` of `depth`, ascending. Blocked-1D: bands of whole rows, as equal as
/// possible. Blocked-2D: a grid of rectangles, the factors of `depth` closest to a square, layers
/// row by row. Striped-1D: rows in turn. Checkerboard: diagonals in turn, so that a layer's right
/// and lower neighbours belong to the next one. UserError when a layer would get no tile.
///
/// Source: PipeOrgan, arXiv 2405.01736, for the names; shapes beyond depth 2 are our reading.
std::vector<TileId> organised_tiles(const PlaceNode& place, TileGrid grid);

}  // namespace tessera::mapping
