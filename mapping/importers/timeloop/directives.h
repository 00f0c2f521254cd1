// What the directives of a Timeloop mapping say about each unit of the architecture, checked,
// before it becomes a tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mapping/importers/timeloop/architecture.h"
#include "mapping/importers/yaml/yaml_value.h"
#include "workloads/network.h"

namespace tessera::mapping::importers {

/// All iterations use `factor`, the globally last one `residual`.
struct TimeloopFactor {
  std::int64_t factor = 1;
  std::int64_t residual = 1;
};

/// Directives that target one unit; ranks are indices into the layer.
struct UnitDirectives {
  std::vector<TimeloopFactor> factors;  ///< per rank
  std::vector<int> order;               ///< ranks, innermost first, all of them
  std::size_t split = 0;                ///< spatial: that many of `order` are on x, the rest on y
  std::vector<bool> kept;               ///< per tensor
  std::vector<bool> no_reuse;           ///< per tensor: temporal, fetched again in every iteration
  std::vector<bool> no_multicast;       ///< per tensor, spatial
  std::vector<bool> no_neighbour;       ///< per tensor, spatial
};

/// One entry per unit of the architecture.
std::vector<UnitDirectives> read_directives(const YamlValue& mapping,
                                            const TimeloopArchitecture& architecture,
                                            const workloads::Network& network);

}  // namespace tessera::mapping::importers
