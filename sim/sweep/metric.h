// Numbers picked out of a run's result.json by their path.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tessera::sweep {

/// UserError with `origin` unless the path leads to a number of the result's schema. A step is a
/// field, `field[i]` for one entry of a list, or `field[]` for the sum over all.
void check_metric(const std::string& origin, const std::string& path);

/// The number; 0 where a list has no such entry or an optional part is left out.
double metric_of(const nlohmann::json& result, const std::string& path);

}  // namespace tessera::sweep
