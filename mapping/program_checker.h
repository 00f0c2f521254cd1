// Runs a program without time before anything is simulated.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "sim/base/types.h"

namespace tessera::mapping {

/// What of the machine a program must fit.
struct ProgramLimits {
  int tiles = 0;
  Bytes buffer_bytes = 0;   ///< of one tile
  Bytes line_bytes = 1;     ///< of its buffer
  Bytes staging_bytes = 0;  ///< of the staging FIFO beside it
  int dram_channels = 0;    ///< 0: not looked at
  Bytes shared_bytes = 0;   ///< of one shared buffer, the smallest
  int shared_buffers = 0;
};

/// What a machine has of each.
ProgramLimits limits_of(const hw::Accelerator& accelerator);

/// Returns when the program is sound, whatever the timing of the machine.
///
/// Ids and queues: every id points at something, every instruction stands in a queue that executes
/// it.
///
/// Work: every layer is computed exactly once beside what fusions declare to compute again; each
/// output has one owner and all its terms.
///
/// Data: earlier stages, or those that run at the same time, produce everything that is received;
/// the members of a group receive the same.
///
/// Slots: every granule fits its slot, holds what its readers need, is released by every reader,
/// and leaves to the place where its part lives. Slots that a tile needs at the same time do not
/// overlap.
///
/// Waiting: no queue waits for ever. Stages are taken one after the other, since a slot waits only
/// for slots that are closed by then; those of a fusion, and those that rings tie together, are run
/// together.
///
/// What depends on finite queues outside the tile buffers (interfaces, network, DRAM) is not looked
/// at. UserError names stage, tile, queue and instruction, or the tensor.
void check(const Program& program, const ProgramLimits& limits);

}  // namespace tessera::mapping
