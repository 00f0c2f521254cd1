// One stage of a segment: how its layer is dealt to the region's tiles and blocked for their
// buffers.
#pragma once

#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/layerwise.h"
#include "mapping/stage_plan.h"
#include "mapping/tangram/handover.h"

namespace tessera::mapping {

/// What a stage has to fit.
struct StageTask {
  workloads::LayerId layer = 0;
  int tiles = 1;
  std::int64_t batch_groups = 1;
  Handover handover;
  /// How the layer has to be dealt; none: as is best.
  std::optional<std::vector<PartitionSplit>> dealing = {};
  /// An input goes round among the tiles that want it, inside the hand-over's loop.
  bool shares = false;

  bool operator<(const StageTask& other) const { return key() < other.key(); }

 private:
  using Key = std::tuple<workloads::LayerId, int, std::int64_t, StageLoop, std::int64_t, bool,
                         std::vector<std::pair<workloads::RankId, int>>>;
  Key key() const;
};

struct StageChoice {
  StagePlan plan;  ///< without tiles and homes; its loop is the handover's
  Handover handover;
  bool weights_resident = false;  ///< fetched once, before the first batch group
  double cycles = 0;              ///< of one batch group, the larger of array and arriving data
  double weight_bytes = 0;        ///< fetched for one batch group, or once when resident
  double map_bytes = 0;           ///< of all inputs together, fetched for one batch group
  double first_fetch = 0;         ///< until the first trip can begin
};

/// Chooses for one tile buffer; remembers what it chose.
class StageChooser {
 public:
  StageChooser(const workloads::Network& network, const hw::Accelerator& accelerator,
               const MachineRates& rates);

  /// Fewest cycles over partitions of images, channels, rows and columns, with second copies where
  /// they fit and weights resident where they do. None when nothing fits the tile buffer.
  const std::optional<StageChoice>& choose(const StageTask& task);

 private:
  const workloads::Network& network_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  std::map<StageTask, std::optional<StageChoice>> known_;
};

}  // namespace tessera::mapping
