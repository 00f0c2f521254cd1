// A Timeloop architecture as our machine.
#pragma once

#include "mapping/importers/machine/tool_machine.h"
#include "mapping/importers/timeloop/architecture.h"
#include "mapping/schedule.h"

namespace tessera::mapping::importers {

/// DRAM, one buffer per tile, registers at the PEs. `schedule` says which tensors the register
/// levels keep; its array axes are turned when it reduces along columns. UserError naming the unit
/// or feature that our machine does not have.
ToolMachine machine_of(const TimeloopArchitecture& architecture, Schedule& schedule,
                       const workloads::Network& network);

}  // namespace tessera::mapping::importers
