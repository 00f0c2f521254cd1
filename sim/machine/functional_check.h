// Functional mode's verdict.
#pragma once

#include "sim/machine/machine.h"

namespace tessera::sim {

/// Compares every network output in the machine's DRAM with the plain reference executor, element
/// by element. InvariantViolation naming the first that differs.
void check_outputs(const Machine& machine, std::uint64_t seed);

}  // namespace tessera::sim
