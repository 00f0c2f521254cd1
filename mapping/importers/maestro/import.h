// MAESTRO mapping files become networks and schedule trees.
#pragma once

#include <string>
#include <vector>

#include "mapping/importers/maestro/file.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::maestro {

struct Import {
  workloads::Network
      network;  ///< layers of the file; they share no tensors, the format has no edges
  std::vector<Schedule> schedules;  ///< one per layer, in the same order
};

/// Each cluster level becomes a run of loops and splits in directive order, levels separated by a
/// "group" store. What the tool fills in (dimensions a level does not name, Y' maps, strides) is
/// filled in here, so that the tree says everything. `num_pes` decides how many clusters the top
/// level has. UserError naming `origin`, line and directive for what the tool refuses or silently
/// gets wrong: no spatial map or more than two at a level, partial filter tiles, a Y' map without R
/// at its level.
Import import_mapping(const MappingText& text, const std::string& origin, std::int64_t num_pes);

}  // namespace tessera::mapping::maestro
