// Tiles that share a copy of an operand and pass its pieces on: TANGRAM's buffer sharing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mapping/program.h"

namespace tessera::mapping {

/// Orders the tiles of a sharing group along a snake and cuts it into chains of `shared_by`: each
/// tile takes its pieces over from the next one in its chain, the last one from the first. The
/// snake follows the axis along which the group's tiles are nearer to each other. UserError naming
/// the layer when the group is no multiple of `shared_by`.
///
/// Source: Gao et al., "TANGRAM", ASPLOS 2019, buffer sharing dataflow; nn_dataflow, BufShrScheme.
std::map<TileId, TileShare::Rotation> chain(const std::vector<TileId>& tiles, int shared_by,
                                            int columns, const std::string& layer);

}  // namespace tessera::mapping
