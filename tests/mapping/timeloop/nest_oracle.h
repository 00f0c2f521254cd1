// The walk of a loop nest done the slow way: every child of every fan-out is walked, data are sets
// of points, sharing is found by comparing sets.
#pragma once

#include "mapping/cost/timeloop/data_movement.h"

namespace tessera::mapping::timeloop {

/// With kAsShipped temporal loops are sampled as documented for the tool and tiles compared with
/// its rule; with kFixed every iteration is walked and deltas are set differences. Only the
/// delivered words, the words passed on and the compute steps of the result are filled in. Nests
/// with residual factors only when fixed and without fan-outs.
DataMovement walk_every_child(const LoopNest& nest, Faults faults);

}  // namespace tessera::mapping::timeloop
