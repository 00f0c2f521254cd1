// Interstellar's layers and mappings become a network and a schedule tree.
#pragma once

#include <string>

#include "mapping/importers/interstellar/architecture.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::interstellar {

/// The layer of a layer file as a network of one. Loops FX FY OX OY OC IC ON become ranks S R Q P K
/// C N.
workloads::Network read_layer(const JsonValue& file, const std::string& name);

/// A mapping: per memory level from the inside, temporal loops and the spatial unroll of its units.
/// Reads `levels` only. Loops with one trip stay in the tree, since their place in the order counts
/// in the model. UserError with file, line and field, also when a loop's factors do not cover its
/// extent.
Schedule read_mapping(const JsonValue& mapping, const workloads::Layer& layer,
                      const Architecture& architecture);

}  // namespace tessera::mapping::interstellar
