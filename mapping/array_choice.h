// Chooses how a tile of a matrix layer runs on the PE array: spatial ranks, loop order, register
// residence.
#pragma once

#include <cstdint>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/array_mapping.h"

namespace tessera::mapping {

/// A mapping and what it is expected to take.
struct ArrayChoice {
  ArrayMapping mapping;
  std::int64_t cycles =
      0;  ///< estimate for one full tile: the slowest of steps and buses, plus first fills
  std::int64_t buffer_words = 0;  ///< words that cross the buses for one full tile
};

/// What a rank does in a layer with two inputs: which operands it indexes decides what can be
/// reused along it.
struct RankRole {
  bool input = false, weight = false, output = false;
  bool reduced() const { return !output; }
};
RankRole rank_role(const workloads::Layer& layer, workloads::RankId rank);

/// Words of one full tile between buffer and PEs.
struct ArrayTraffic {
  std::int64_t words = 0;  ///< across the buses, sums that come back included
  std::int64_t hops = 0;   ///< words x PEs that each reaches
  std::int64_t fills = 0;  ///< written into registers or read out of them, all PEs
};
ArrayTraffic array_traffic(const workloads::Layer& layer, const ArrayMapping& mapping,
                           const std::vector<std::int64_t>& extents);

/// Fewest estimated cycles over spatial pairs of ranks and output- or weight-stationary loop
/// orders; ties go to fewer words. `extents` is the size of a full tile per rank.
ArrayChoice choose_array_mapping(const workloads::Layer& layer,
                                 const std::vector<std::int64_t>& extents,
                                 const hw::PeArrayDescription& array, int word_bytes);

}  // namespace tessera::mapping
