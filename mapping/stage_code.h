// The instructions of a stage's three queues, from its loops and the depths at which its operands
// change.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/program.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// A loop around a piece of partners' sums.
struct SumsPiece {
  workloads::RankId rank;
  std::int64_t tile;
  std::int64_t count;
};

/// What the code of a stage is made of.
struct CodeFrame {
  const StagePlan& plan;
  const workloads::Layer& layer;
  const std::vector<std::int64_t>& counts;  ///< trips of each loop
  int output_depth = 0;                     ///< loops around a granule of outputs
  const std::vector<int>& input_depth;      ///< loops around the receive of each input
  const std::vector<SumsPiece>& pieces;     ///< none: partners' sums come by the granule
  bool restores = false;                    ///< outputs come back with their sums at every visit
  SlotId output_slot = -1, sums_slot = -1, partial_slot = -1;
};

/// Of a tile that owns its outputs and takes in so many granules of partial sums for each.
Code owner_code(const CodeFrame& frame, std::size_t partners);

/// Of a tile that sends its partial sums to an owner.
Code partner_code(const CodeFrame& frame);

}  // namespace tessera::mapping
