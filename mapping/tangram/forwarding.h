// Access forwarding switched off: every tile fetches its own copy.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/layerwise.h"

namespace tessera::mapping {

/// Every split over tiles sends all inputs to every part by itself.
void send_apart(Node& node, const workloads::Network& network);

/// True when lowering gives two tiles with the same weights a copy each if the tree says so: asked
/// of lowering itself, with a layer of two outputs on two tiles.
bool lowers_apart(const hw::Accelerator& accelerator);

/// `layerwise` chosen for and written with unicast fetches. UserError when lowering does not
/// distinguish them.
Schedule schedule_apart(const workloads::Network& network, const hw::Accelerator& accelerator,
                        MachineRates rates);

}  // namespace tessera::mapping
