// What `tessera validate` reports of a case besides cycles: its needs and its reuse.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/app/validation_cases.h"
#include "sim/base/output_directory.h"

namespace tessera::app {

/// `--requirements`: capacities and bandwidths predicted and measured; requirements.csv.
void report_requirements(const std::string& model, const mapping::PredictOptions& how,
                         const std::vector<ValidationCase>& cases,
                         std::optional<OutputDirectory>& out);

/// `--reuse`: factors per operand and level, predicted and counted; reuse.csv.
void report_reuse(const std::string& model, const mapping::PredictOptions& how,
                  const std::vector<ValidationCase>& cases, std::optional<OutputDirectory>& out);

}  // namespace tessera::app
