// The whole result of a simulation in a process of its own.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "sim/machine/machine.h"
#include "sim/result.pb.h"

namespace tessera::sim {

/// Runs a program and collects its result. What the simulation throws is thrown here, with the same
/// type and text.
proto::Result result_in_child(const hw::Accelerator& accelerator, const mapping::Program& program,
                              MachineOptions options);

}  // namespace tessera::sim
