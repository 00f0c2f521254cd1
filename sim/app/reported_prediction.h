// A prediction put beside the run that it is of, for the run's report.
#pragma once

#include <filesystem>
#include <string>

#include "sim/validation.pb.h"

namespace tessera::app {

/// Writes validation.json into the folder of a run (`tessera run --out`) and makes its report.html
/// again, which then shows the ladder, and beside the simulated points of the roofline the
/// predicted one. `model` is whose prediction it is. UserError when the case was not simulated or
/// took other cycles than the run: nothing is written then.
void report_prediction(const sim::proto::ValidatedCase& one, const std::string& model,
                       const std::filesystem::path& folder);

}  // namespace tessera::app
