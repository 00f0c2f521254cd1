// Simulations one after the other from one program, each in a process of its own.
#pragma once

#include <optional>

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "sim/base/types.h"
#include "sim/machine/machine.h"

namespace tessera::sim {

/// Cycles of a program on a machine, simulated in a child process. What the simulation throws is
/// thrown here, with the same type and text.
Cycle cycles_in_child(const hw::Accelerator& accelerator, const mapping::Program& program,
                      MachineOptions options);

/// The same, but none when it takes more than `limit` cycles; such a run is ended soon after. 0: no
/// limit.
std::optional<Cycle> cycles_up_to(const hw::Accelerator& accelerator,
                                  const mapping::Program& program, Cycle limit);

}  // namespace tessera::sim
