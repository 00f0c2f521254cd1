// What of a run a timeline shows.
#pragma once

#include <string>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"

namespace tessera::sim {

/// Cycles [from, to).
struct Window {
  Cycle from = 0;
  Cycle to = kNever;

  bool overlaps(Cycle begin, Cycle end) const { return begin < to && end > from; }
};

/// "FROM:TO" in cycles; either may be left out. UserError naming the text when it is not that.
Window parse_window(const std::string& text);

/// "all", or tile numbers and ranges such as "0,5,8-15", ascending and without repetitions.
/// UserError when a number is not a tile.
std::vector<mapping::TileId> parse_tiles(const std::string& text, int tiles);

/// As many tiles, spread over the mesh, as keep the timeline of a whole run near 30 MB: all of a
/// small job. At least one.
std::vector<mapping::TileId> choose_tiles(const mapping::Program& program,
                                          const hw::Accelerator& accelerator);

}  // namespace tessera::sim
