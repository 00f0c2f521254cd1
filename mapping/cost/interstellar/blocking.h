// The schedule tree as Interstellar sees it: factors of seven loops per memory level.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/schedule.h"
#include "workloads/layer.h"

namespace tessera::mapping::interstellar {

/// Trip count of a loop over one rank.
struct Factor {
  workloads::RankId rank = 0;
  std::int64_t trips = 1;
};

/// One row or column of the units of a level: neighbours, and the block that is repeated along it.
struct ArrayAxis {
  Factor near;
  Factor far;  ///< one trip when nothing is repeated
  bool repeats = false;
};

struct BlockingLevel {
  std::vector<Factor> loops;    ///< innermost first, loops of one trip included
  std::vector<ArrayAxis> axes;  ///< first one first; units outside this level's memory
};

/// Levels from the inside, one per store node. UserError naming the schedule and what the model
/// cannot read.
std::vector<BlockingLevel> blocking_levels(const Schedule& schedule, const workloads::Layer& layer);

}  // namespace tessera::mapping::interstellar
