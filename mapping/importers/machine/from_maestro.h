// MAESTRO's hardware file as our machine.
#pragma once

#include "mapping/importers/machine/tool_machine.h"
#include "mapping/importers/maestro/file.h"
#include "mapping/schedule.h"

namespace tessera::mapping::importers {

/// PEs with L1, a shared L2, an off-chip link. The clusters of the tree are the rows of the array.
/// The tool's L2 holds whatever a mapping needs, so the buffer holds the layer's tensors when the
/// file gives no size.
ToolMachine machine_of(const maestro::HardwareText& hardware, Schedule& schedule,
                       const workloads::Network& network);

}  // namespace tessera::mapping::importers
