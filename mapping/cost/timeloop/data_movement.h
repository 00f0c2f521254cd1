// How many words every level of a loop nest passes down: the heart of the Timeloop model.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/cost/predictor.h"
#include "mapping/cost/timeloop/loop_nest.h"
#include "mapping/cost/timeloop/tile.h"

namespace tessera::mapping::timeloop {

/// Words that leave a level `scatter` ways at a time, each to `multicast` children.
struct DeliveredWords {
  std::int64_t multicast = 1;
  std::int64_t scatter = 1;
  double words = 0;
};

/// What one instance of a level does for one tensor, before bypassing is looked at.
struct TensorMovement {
  std::int64_t tile_words = 0;      ///< largest tile
  std::int64_t children_words = 0;  ///< data of all children together (fan-outs)
  std::vector<DeliveredWords> delivered;
  std::int64_t passed_on = 0;  ///< words children get from a mesh neighbour
};

struct LevelMovement {
  std::int64_t instances = 1;  ///< used
  std::int64_t fanout = 1;     ///< children used
  std::vector<TensorMovement> tensors;
};

struct DataMovement {
  std::vector<LevelMovement> levels;  ///< as the nest's, outermost first
  std::int64_t compute_steps = 0;     ///< of one compute unit, the first, which has the most
  std::int64_t compute_instances = 1;
};

/// Walks the nest as the tool does: only the first child of every fan-out, the others being its
/// translations; of every temporal loop the first and second iteration, the second standing for
/// all that follow, and the last two as well when factors have residuals.
///
/// A level keeps one tile; what it fetches when the tile changes is the new part. As shipped the
/// new part is known only while the tile keeps moving by the same vector along one axis; when it
/// turns, at a loop's carry, the whole tile is fetched again. Fixed, the new part is what the
/// previous tile did not hold.
///
/// Source: Parashar et al., "Timeloop", ISPASS 2019, section VI; behaviour of the published
/// program.
DataMovement data_movement_of(const LoopNest& nest, Faults faults);

}  // namespace tessera::mapping::timeloop
