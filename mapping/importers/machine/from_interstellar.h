// An Interstellar architecture as our machine.
#pragma once

#include "mapping/importers/interstellar/architecture.h"
#include "mapping/importers/machine/tool_machine.h"
#include "mapping/schedule.h"

namespace tessera::mapping::importers {

/// Registers, a buffer, DRAM. The tool knows no bandwidth: all are as wide as the array can use.
/// UserError naming the level that our machine does not have.
ToolMachine machine_of(const interstellar::Architecture& architecture, Schedule& schedule,
                       const workloads::Network& network);

}  // namespace tessera::mapping::importers
