// From a finished machine to the result, with the self-checks that every run makes.
#pragma once

#include "sim/machine/machine.h"
#include "sim/result.pb.h"

namespace tessera::sim {

/// Fills everything but the manifest. InvariantViolation when the books do not balance: MACs
/// executed against the network's, payload sent against delivered, flits injected against ejected,
/// each tile's cycle stack against the run, bytes read from and written to DRAM against what the
/// interfaces moved.
proto::Result collect(const Machine& machine, Cycle cycles);

}  // namespace tessera::sim
