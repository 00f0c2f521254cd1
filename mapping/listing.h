// What a tile executes, for people.
#pragma once

#include <string>

#include "mapping/program.h"

namespace tessera::mapping {

/// The code of one tile stage by stage: its share of the layer, slots, where operands come from and
/// with whom it receives them, where outputs go, the array mapping, and the three queues with loops
/// indented. Regions, bytes and work beside an instruction are those of the first trip of the loops
/// around it. UserError when the program has no such tile.
std::string listing(const Program& program, TileId tile);

/// Listings of several tiles, asked for as "tile=3,4". UserError naming the request when it is
/// anything else.
std::string requested_listing(const Program& program, const std::string& request);

}  // namespace tessera::mapping
