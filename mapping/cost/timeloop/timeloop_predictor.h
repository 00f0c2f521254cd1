// `tessera predict --model timeloop`.
#pragma once

#include <memory>

#include "mapping/cost/predictor.h"

namespace tessera::mapping {

/// Case files: problem, mapping and architecture; several architecture files (an energy reference
/// table beside the architecture) are separated by commas, and what is left empty is looked for in
/// the mapping file. Folder: `cases.csv` with columns case, arch, problem; `mappings/CASE.yaml`,
/// `arch/ARCH.yaml`, `arch/ert.yaml` when there is one, `problems/PROBLEM.yaml`.
/// Tables: cases, levels, networks.
std::unique_ptr<Predictor> make_timeloop_predictor();

}  // namespace tessera::mapping
