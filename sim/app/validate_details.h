// What `tessera validate` reports of a case besides cycles: its needs and its reuse.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/app/validation_cases.h"
#include "sim/base/output_directory.h"

namespace tessera::app {

/// What to do with every case.
struct DetailOptions {
  std::string model;
  mapping::PredictOptions how;
  std::vector<std::string> settings;  ///< --set: path.to.field=value in the machine
};

/// `--requirements`: capacities and bandwidths predicted and measured; requirements.csv.
void report_requirements(const DetailOptions& options, const std::vector<ValidationCase>& cases,
                         std::optional<OutputDirectory>& out);

/// `--reuse`: factors per operand and level, predicted and counted; reuse.csv.
void report_reuse(const DetailOptions& options, const std::vector<ValidationCase>& cases,
                  std::optional<OutputDirectory>& out);

}  // namespace tessera::app
