// Interstellar behind the common interface.
#pragma once

#include <memory>

#include "mapping/cost/predictor.h"

namespace tessera::mapping {

/// `--network` a layer file, `--accelerator` an architecture, `--schedule` a mapping (an object
/// with `levels`). A folder of cases has cases.csv, schedules.jsonl, layer/ and arch/. Tables:
/// cases; access (per memory level and array); blocks (elements per level).
std::unique_ptr<Predictor> make_interstellar_predictor();

}  // namespace tessera::mapping
