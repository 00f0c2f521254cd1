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

ProgramLimits limits_of(const hw::Accelerator& accelerator);

/// Returns when the program is sound, whatever the timing of the machine:
/// - every id points at something and every instruction stands in a queue that executes it;
/// - every layer is computed exactly once: each output has one owner and all its terms;
/// - everything received exists: parts of earlier stages cover it, and a group's members receive
/// the same;
/// - every granule fits its slot, holds what its readers need, is released by every reader, and
/// leaves to
///   the place where its part lives; the slots that a tile needs at the same time do not overlap;
/// - no queue waits for ever. Stages can be taken one after the other: parts come from earlier
/// stages, and a
///   slot waits only for slots that are closed by then. Within a stage the queues run untimed to
///   the end.
/// What depends on finite queues outside the tile buffers (interfaces, network, DRAM) is not looked
/// at.
///
/// UserError names stage, tile, queue and instruction, or the tensor.
void check(const Program& program, const ProgramLimits& limits);

}  // namespace tessera::mapping
