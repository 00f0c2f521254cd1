// `tessera predict --model looptree`.
#pragma once

#include <memory>

#include "mapping/cost/predictor.h"

namespace tessera::mapping {

/// Case files: workload, mapping and architecture; an energy table (`.csv`) or an energy reference
/// table follows the architecture after a comma. What is left empty is looked for in the mapping
/// file. Folder: `cases.csv` with columns case, workload, arch; `mappings/CASE.yaml`,
/// `workloads/WORKLOAD.yaml`, `arch/ARCH.yaml` and `arch/energy.csv`.
/// Tables: cases, accesses, einsums, levels.
std::unique_ptr<Predictor> make_looptree_predictor();

}  // namespace tessera::mapping
