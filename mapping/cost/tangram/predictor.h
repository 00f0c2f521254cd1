// nn_dataflow's model (the tool behind TANGRAM) behind the common interface.
#pragma once

#include <memory>

#include "mapping/cost/predictor.h"

namespace tessera::mapping {

/// `--schedule` an annotated nn_dataflow JSON, which brings layers and hardware. A folder of cases
/// has summary.csv and schedules/. Tables: summary; layers; segments.
std::unique_ptr<Predictor> make_tangram_predictor();

}  // namespace tessera::mapping
