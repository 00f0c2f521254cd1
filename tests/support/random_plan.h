// Seeded random schedules: partitions, blockings, loop orders and homes that lowering accepts.
#pragma once

#include <optional>

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "mapping/schedule.h"
#include "sim/base/random.h"

namespace tessera::test {

struct RandomProgram {
  mapping::Schedule schedule;
  mapping::Program program;
  int refused = 0;  ///< draws before that lowering refused: too large for the tile buffer
};

/// Draws a plan for every layer until lowering accepts them all, blocking finer every time. Partial
/// sums never leave the tile buffer and the outputs of a tile are always a box; intermediate
/// tensors live in DRAM, in the tiles or in shared buffers at random. Nothing when no draw fits.
std::optional<RandomProgram> random_program(const workloads::Network& network,
                                            const hw::Accelerator& accelerator, Random& random);

}  // namespace tessera::test
