// The cases that `tessera validate` compares: predictions on one side, what to simulate on the
// other.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mapping/cost/predictor.h"
#include "mapping/importers/machine/tool_case.h"

namespace tessera::app {

struct ValidationCase {
  std::string name;
  std::int64_t predicted_cycles = 0;
  std::string unusable;  ///< why the prediction is no target; "" when it is
  /// Loads the case for simulation; UserError when our machine lacks what it needs.
  std::function<mapping::importers::ToolCase(mapping::importers::ToolOptions)> load;
  mapping::CaseFiles
      files;  ///< for predictions in detail; empty where a case has no files of its own
};

/// One case from its files. Predictions come from our model or, when `model_csv` is given, from
/// that table of the tool's own output. UserError for models whose schedules are not simulated.
std::vector<ValidationCase> one_case(const std::string& model, const mapping::CaseFiles& files,
                                     const mapping::PredictOptions& how,
                                     const std::string& model_csv);

/// Every case of a folder laid out as the tool's reference data.
std::vector<ValidationCase> cases_of_folder(const std::string& model, const std::string& folder,
                                            const mapping::PredictOptions& how,
                                            const std::string& model_csv);

}  // namespace tessera::app
