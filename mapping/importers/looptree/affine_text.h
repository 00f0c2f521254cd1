// The two bits of isl notation that LoopTree workloads use.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mapping/importers/yaml/yaml_value.h"

namespace tessera::mapping::importers {

/// `2*P1 + R1 - 1`: coefficients by name, in the order written, and a constant.
struct AffineText {
  std::vector<std::pair<std::string, std::int64_t>> terms;
  std::int64_t constant = 0;
};

/// `[ C1, 2*P1 + R1, Q1 + S1 ]`. UserError with the value's place and the token that does not fit.
std::vector<AffineText> parse_projection(const YamlValue& value);

/// `0 <= P1 < 30 and 0 <= M1 <= 63`: extent by name. Every name has to start at zero.
std::map<std::string, std::int64_t> parse_extents(const YamlValue& value);

}  // namespace tessera::mapping::importers
