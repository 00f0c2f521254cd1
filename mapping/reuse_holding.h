// Operands that bypass the tile buffer although the tile uses them again, held in the buffer.
#pragma once

#include <map>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Operands of a layer that bypass the tile buffer, and that the staging FIFO and the registers are
/// too small to hold between two uses, would be fetched for every use (outputs: leave as partial
/// sums and come back). They are held in the buffer instead, those first that would move most
/// words, in pieces as large as it has room for beside what else the layer holds there: the tile's
/// code then goes through blocks of the ranks that index them. Shared inputs go round once for
/// every block. What is left of the buffer goes to second copies; partners' sums pass through the
/// FIFO. True when anything is held now; layers whose outputs rotate, or whose data stay for other
/// layers, are left as they are.
bool hold_reused(StagePlan& plan, const workloads::Network& network,
                 const hw::Accelerator& accelerator);

/// The same for the layers of a schedule that do not take turns, until there is no room.
class ReusedOperands {
 public:
  /// `plans` outlive it; none is changed where `hold` is not set.
  ReusedOperands(bool hold, std::vector<StagePlan>& plans, const workloads::Network& network,
                 const hw::Accelerator& accelerator);

  /// A layer for which there is no room beside what stays from others lets its operands stream;
  /// false when it holds none. `plan` may be -1.
  bool give_way(int plan);

 private:
  bool stays_for_others(workloads::LayerId layer) const;

  std::vector<StagePlan>& plans_;
  const workloads::Network& network_;
  const hw::Accelerator& accelerator_;
  std::map<int, StagePlan> streaming_;  ///< by plan: what it was before
};

}  // namespace tessera::mapping
