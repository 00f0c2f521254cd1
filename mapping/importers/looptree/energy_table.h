// Energy per word, as the LoopTree reference states it.
#pragma once

#include <string>

#include "mapping/importers/timeloop/architecture.h"

namespace tessera::mapping::importers {

/// Reads columns component, action (read, write, compute) and energy_pJ_per_word into the
/// architecture. UserError for components and actions that are not known.
void load_energy_per_word(const std::string& path, TimeloopArchitecture& architecture);

}  // namespace tessera::mapping::importers
