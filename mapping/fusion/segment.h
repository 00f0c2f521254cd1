// Runs of layers that could be fused, and trees that say how: what the schedulers `fused` and
// `pipeorgan` share.
#pragma once

#include <optional>
#include <vector>

#include "mapping/fusion/fusion_plan.h"
#include "mapping/layerwise.h"

namespace tessera::mapping {

/// Layers first .. last of a network, in its order.
struct Segment {
  int first = 0;
  int last = 0;
  int depth() const { return last - first + 1; }
};

/// True when the layers can take turns or form a pipeline: every output but the last one's is read
/// inside and only there, and no layer needs a whole rank at once.
bool can_fuse(const workloads::Network& network, Segment segment);

/// Ranks of the last layer along which feature maps are cut: rows and columns of an image, tokens
/// of a sequence.
std::vector<workloads::RankId> cut_ranks(const workloads::Layer& layer);

/// How a segment is executed. Depths count the loops around a tensor's store.
struct SegmentChoice {
  Segment segment;
  bool pipelined = false;
  Organisation organisation = Organisation::kExplicit;
  struct Loop {
    workloads::RankId rank = 0;
    std::int64_t tile = 1;
  };
  std::vector<Loop> loops;       ///< over ranks of the last layer
  std::vector<int> kept;         ///< per layer but the last: depth of its output's store
  bool weights_resident = true;  ///< held outside all loops, or fetched again for every tile
  /// Pipelines: tiles take shares of columns, then of channels; otherwise the other way round. Many
  /// channel shares are many tiles to fetch a granule from, many column shares many halos.
  bool columns_first = false;
  /// The next granule of what moves arrives, and the one before leaves, while one is computed.
  bool double_buffered = false;
};

/// The tree of a choice for a machine: shares of the last layer over the grid (in turns) or of each
/// layer over its own tiles (pipeline), loops, stores, and per layer the array mapping that suits
/// its largest tile.
Node segment_tree(const workloads::Network& network, const SegmentChoice& choice,
                  const hw::Accelerator& accelerator);

/// What a choice costs by analysis.
struct SegmentCost {
  double compute_cycles = 0;
  double dram_bytes = 0;
  double first_bytes = 0;      ///< from DRAM before anything can be computed: resident weights
  double handover_cycles = 0;  ///< of the stage that takes in most from other stages
  std::int64_t trips = 1;      ///< of the shared loops
  bool overlaps = false;       ///< fetching with computing
  std::int64_t recomputed = 0;
  Bytes buffer_bytes = 0;  ///< of the fullest tile
  double cycles(const MachineRates& rates) const;
};

/// None when the choice does not fit the tile buffer or cannot be lowered.
std::optional<SegmentCost> cost_of(const workloads::Network& network, const SegmentChoice& choice,
                                   const hw::Accelerator& accelerator);

/// Layer by layer, every map to DRAM and back: the same measure without fusing. None when nothing
/// fits.
std::optional<double> layerwise_cycles(const workloads::Network& network, Segment segment,
                                       const hw::Accelerator& accelerator,
                                       const MachineRates& rates);

/// Per layer of the schedule `layerwise`: its output stays in the tiles.
std::vector<bool> staying_outputs(const Schedule& layerwise);

/// `layerwise` where no choice covers a layer. Maps that stay in the tiles while a segment runs go
/// to DRAM when both do not fit; a segment that does not fit then either runs layer by layer.
Schedule with_segments(const workloads::Network& network, const std::vector<SegmentChoice>& choices,
                       const std::string& name, const hw::Accelerator& accelerator,
                       const MachineRates& rates);

}  // namespace tessera::mapping
