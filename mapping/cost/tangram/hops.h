// Word-hops in nn_dataflow's model: words times the links of an XY route between where a datum lies
// and the tiles that need it.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/importers/tangram/document.h"

namespace tessera::mapping::tangram {

using Tiles = std::vector<const TileShare*>;

/// Tiles that need, or add to, the same words of a datum.
std::vector<Tiles> tiles_alike(const LayerDecisions& layer, Datum datum);

/// Word-hops to move the datum once between its place and such tiles: to each of them by itself,
/// or along the minimum tree where the hardware forwards.
std::int64_t group_hops(const LayerDecisions& layer, Datum datum, const Tiles& tiles,
                        const HardwareFacts& hardware);

/// Of outputs: between the tile that completes them and their place, and of the partial sums that
/// the other tiles send to it. These go one way and count half of what an exchange would.
struct OutputHops {
  std::int64_t layout = 0, sums = 0;
};
OutputHops output_hops(const LayerDecisions& layer, const Tiles& tiles,
                       const HardwareFacts& hardware);

/// To move every datum once, all tiles together.
PerDatum<std::int64_t> hops_once(const LayerDecisions& layer, const HardwareFacts& hardware);

}  // namespace tessera::mapping::tangram
