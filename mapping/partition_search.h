// Finds how to deal one layer to the tiles and how to block it for the tile buffers, by analytical
// cost.
#pragma once

#include <optional>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/stage_plan.h"

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

/// Where an input comes from.
struct InputSource {
  Home home = Home::kDram;
  DealSignature signature;  ///< kTiles: how its producer dealt it
};

/// Which tiles of a layer compete.
enum class Blocking {
  kLargestTiles,  ///< the largest that fit, with a second copy of what streams in or without
  /// Also smaller ones that leave room for second copies. Inputs with a single copy are priced as
  /// arriving in turns with computing, memory included.
  kOverlap,
};

/// What scheduling needs to know of parts described elsewhere.
struct MachineRates {
  double dram_bytes_per_cycle = 16;   ///< peak of all channels per chip cycle
  double dram_burst_bytes = 32;       ///< least that a channel moves
  double shared_bytes_per_cycle = 0;  ///< of all shared buffers together
  double link_bytes_per_cycle = 16;   ///< of one network link
  bool multicast = true;              ///< the network forks packets
};

/// What the search knows of the machine beside the tile.
struct SearchLimits {
  Bytes working_bytes = 0;         ///< tile buffer left for this layer's slots
  Home output_home = Home::kDram;  ///< in the tiles, outputs are held outside working_bytes
  MachineRates rates;
  Blocking blocking = Blocking::kLargestTiles;
};

/// Chip cycles by cause, before overlap: of the fullest tile's array or vector unit, of data into
/// the fullest tile, of all channels, of all shared buffers, of the network's links together.
struct LayerCost {
  double compute = 0, ingest = 0, dram = 0, shared = 0, network = 0;
  double in_turns = 0;     ///< inputs with a single copy, while nothing is computed
  double exposed = 0;      ///< overlaps with nothing
  double flit_links = 0;   ///< no cycles: flits x links they cross
  double dram_bytes = 0;   ///< no cycles: wanted, without what bursts waste
  double first_fetch = 0;  ///< until the first granules are there; shrinks with blocking
  /// What blocking cannot go below.
  double bound() const;
  double total() const { return bound() + first_fetch; }
};

/// A plan with its price.
struct LayerChoice {
  StagePlan plan;
  LayerCost cost;
  Bytes output_share_bytes = 0;  ///< of the fullest tile, in whole granules
};

/// Bytes of the slots of the smallest tile of a layer without a second copy of anything: with less
/// it cannot run.
Bytes smallest_working_set(const workloads::Layer& layer, const hw::Accelerator& accelerator);

/// Best plan found, or nothing when not even the smallest tile fits into `working_bytes`.
std::optional<LayerChoice> search_partition(const workloads::Network& network,
                                            workloads::LayerId layer,
                                            const std::vector<InputSource>& sources,
                                            const hw::Accelerator& accelerator,
                                            const SearchLimits& limits);

/// The best `places` plans, best first.
std::vector<LayerChoice> search_partitions(const workloads::Network& network,
                                           workloads::LayerId layer,
                                           const std::vector<InputSource>& sources,
                                           const hw::Accelerator& accelerator,
                                           const SearchLimits& limits, int places);

}  // namespace tessera::mapping
