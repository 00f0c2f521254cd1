// What the tiles will do for a layer, counted from its plan: for estimates of energy.
#pragma once

#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/estimate.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// One layer as planned, as far as counting goes.
struct PlannedLayer {
  const workloads::Layer& layer;
  const StagePlan& plan;
  std::vector<std::int64_t> nominal;  ///< largest share of each rank, of one pass
  std::vector<bool> from_tiles;       ///< per input: other tiles hold it, no memory
  bool output_leaves = true;          ///< to a memory; else readers come for it
  std::int64_t passes = 1;            ///< the plan is gone through so often, as with image groups
};

/// Largest share of each rank when `whole` is dealt out.
std::vector<std::int64_t> dealt(std::vector<std::int64_t> whole,
                                const std::vector<PartitionSplit>& splits);

/// Tiles with a share.
std::int64_t tiles_with_work(const workloads::Layer& layer,
                             const std::vector<PartitionSplit>& splits);

/// Links that one flit for `members` tiles crosses: a tree that spans them plus the way there, or
/// every way by itself where the network does not fork packets.
double links_to(const hw::Accelerator& accelerator, double members, bool from_memory,
                bool multicast);

/// What leaves the tiles: bytes x links, bytes of DRAM and of shared buffers; and the tile-cycles.
void add_transport(Estimate& estimate, double link_bytes, double dram_bytes, double shared_bytes,
                   const hw::Accelerator& accelerator);

/// Events of arrays, vector units and tile buffers. The largest tile stands for all, scaled to the
/// operations that there are, and padding is not told from data; operands' part of network and DRAM
/// is not in it.
hw::EventCounts events_on_tiles(const PlannedLayer& planned);

/// Words x links of a layer's inputs on their way to its tiles, and of a shared one going round.
/// Heads of packets count as data do.
double input_hop_words(const PlannedLayer& planned, const hw::Accelerator& accelerator,
                       bool multicast);

}  // namespace tessera::mapping
