// Where the inputs of a layer come from, as far as its price depends on it.
#pragma once

#include <vector>

#include "mapping/stage_plan.h"
#include "workloads/network.h"

namespace tessera::mapping {

/// Which dimension of a tensor each mesh axis deals out: tiles with equal signatures hold equal
/// regions.
struct DimensionWays {
  int dimension = 0;
  int ways = 1;
  Axis axis = Axis::kTiles;
  bool operator==(const DimensionWays&) const = default;
};
using DealSignature = std::vector<DimensionWays>;
DealSignature signature_of(const std::vector<PartitionSplit>& partition,
                           const workloads::Operand& operand);

/// Where a layer leaves its output.
struct OutputPlace {
  Home home = Home::kDram;
  DealSignature signature;  ///< kTiles: how it is dealt
};

/// Where an input comes from.
struct InputSource {
  Home home = Home::kDram;
  DealSignature signature;  ///< kTiles: how its producer, the last of several, dealt it
  double share = 1;         ///< of its words at `home`; the rest is nearer
};

/// Where a tensor comes from when every layer leaves its output at the place of its id. Of a
/// concatenated one each producer has a part; `home` is that of the part farthest away, DRAM before
/// shared buffers before tiles.
InputSource source_of(const workloads::Network& network, workloads::TensorId tensor,
                      const std::vector<OutputPlace>& places);

/// The same for every input of a layer.
std::vector<InputSource> sources_of(const workloads::Network& network, workloads::LayerId layer,
                                    const std::vector<OutputPlace>& places);

}  // namespace tessera::mapping
