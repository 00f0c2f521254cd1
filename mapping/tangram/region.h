// Regions of the tile grid for the stages of a segment.
#pragma once

#include <vector>

#include "mapping/program.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Tiles per stage in proportion to work, as multiples of a common factor of the grid's rows and at
/// least one multiple each. The largest factor with which at least 95 % of all tiles' time is used,
/// else the one that uses most. Empty when there are more stages than tiles.
///
/// Source: nn_dataflow, pipeline_segment.py, which refuses the segment below 95 %; here the cost of
/// the segment decides.
std::vector<int> region_sizes(const std::vector<double>& work, TileGrid grid);

/// Tiles of each region in logical order: the grid is cut into stripes of whole rows, as high as
/// the greatest common divisor of the sizes and the grid's rows; regions fill the stripes column by
/// column, back and forth, so that neighbouring regions touch.
std::vector<std::vector<TileId>> place_regions(const std::vector<int>& sizes, TileGrid grid);

}  // namespace tessera::mapping
