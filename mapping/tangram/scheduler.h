// The schedule `tangram`.
#pragma once

#include "mapping/layerwise.h"
#include "mapping/refine/refinement.h"
#include "mapping/tangram/switches.h"

namespace tessera::mapping {

/// TANGRAM's space searched by analysis: every run of up to eight layers that can be a segment
/// competes with its layers one by one, as `layerwise` maps them; the cheapest cover of the network
/// is taken. UserError when forwarding is switched off and lowering would forward all the same.
///
/// Source: Gao et al., "TANGRAM", ASPLOS 2019.
Schedule schedule_tangram(const workloads::Network& network, const hw::Accelerator& accelerator,
                          const MachineRates& rates, const TangramSwitches& switches);

/// With the best segments at each layer decided by simulation. Never slower than `layerwise` (with
/// the same forwarding).
Refined refine_tangram(const workloads::Network& network, const hw::Accelerator& accelerator,
                       const MachineRates& rates, const TangramSwitches& switches,
                       const Simulate& simulate, const RefineOptions& options);

}  // namespace tessera::mapping
