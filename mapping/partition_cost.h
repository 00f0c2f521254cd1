// What executing one layer takes by analysis, dealt to the tiles and blocked in one way.
#pragma once

#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/input_source.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

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

/// Prices the plans of one layer. All it is built from must outlive it.
class PartitionCost {
 public:
  PartitionCost(const workloads::Network& network, workloads::LayerId layer,
                const std::vector<InputSource>& sources, const hw::Accelerator& accelerator,
                const MachineRates& rates, Blocking blocking);

  /// `extents`: of the fullest tile's share per rank; `compute`: cycles of its array or vector
  /// unit.
  LayerCost of(const StagePlan& plan, const std::vector<std::int64_t>& extents,
               double compute) const;

  /// Tiles with different regions of an operand, when all axes are longer than their ranks.
  static double ways_indexing(const std::vector<PartitionSplit>& splits,
                              const workloads::Operand& operand);
  /// Tiles that get a share.
  double tiles_used(const std::vector<PartitionSplit>& splits) const;

 private:
  using Extents = std::vector<std::int64_t>;

  double hops_to(double members, bool from_memory, bool local) const;
  double sources_of(const workloads::Operand& operand, const InputSource& source,
                    const Extents& extents) const;
  double flits_of(double bytes, double pieces) const;
  void add_output(const StagePlan& plan, const Extents& extents, LayerCost& cost,
                  double& hops) const;
  double burst_overhead(const workloads::Operand& operand, const Extents& extents) const;

  const workloads::Network& network_;
  const workloads::Layer& layer_;
  const std::vector<InputSource>& sources_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  const Blocking blocking_;
};

}  // namespace tessera::mapping
