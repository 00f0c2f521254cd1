// How an operand can go round among tiles that hold one copy of it between them.
#pragma once

#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Cycles from asking a neighbour for a piece to its first data.
constexpr double kStepLatency = 60;

/// One way: tiles that want the same share of an input hold a part of it each. Pieces along one
/// rank are dealt to them and go round once for every trip of an outer loop over a rank that the
/// input does not depend on.
struct Turning {
  int input = 0;                    ///< the shared one
  std::int64_t ways = 2;            ///< tiles that hold a copy between them
  workloads::RankId turning = 0;    ///< whose pieces are dealt
  workloads::RankId round = 0;      ///< of the outer loop
  std::int64_t tile = 1;            ///< of the outer loop
  std::vector<std::int64_t> piece;  ///< extents of a step; in `round` the tile's

  /// Loops of the buffer: over rounds, then those that rotate, the dealt one first.
  std::vector<BufferLoop> loops(const std::vector<std::int64_t>& share) const;
};

/// Ways to share an input of a layer of which the ranks extend over `whole`, dealt by these splits:
/// each list from the largest tile of the outer loop to the smallest. A piece is what the staging
/// FIFO holds. None for splits of sums, and none when tiles would make different numbers of trips:
/// a chain in which one has fewer stands still.
std::vector<std::vector<Turning>> turnings_of(const workloads::Layer& layer,
                                              const std::vector<std::int64_t>& whole,
                                              const std::vector<PartitionSplit>& splits,
                                              const hw::Accelerator& accelerator);

/// Bytes of an operand in whole buffer lines.
Bytes line_bytes_of(const workloads::Operand& operand, const std::vector<std::int64_t>& extents,
                    const hw::Accelerator& accelerator);

/// The path of a stage with the loops that rotate its shared inputs marked. Their holdings have the
/// depth at which they begin to turn.
Node shared_path(const workloads::Layer& layer, const StagePlan& plan);

}  // namespace tessera::mapping
