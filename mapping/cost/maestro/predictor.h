// MAESTRO behind the common interface.
#pragma once

#include <memory>

#include "mapping/cost/predictor.h"

namespace tessera::mapping {

/// `--schedule` is a .m file (all its layers are predicted), `--accelerator` a hardware file; a
/// folder of cases has predictions.csv, mapping/ and hw/.
std::unique_ptr<Predictor> make_maestro_predictor();

}  // namespace tessera::mapping
