// DRAM layouts made for the pieces in which a schedule moves a tensor.
#pragma once

#include <cstdint>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// One layer's way to move a tensor between DRAM and the tiles.
struct DramAccess {
  std::vector<std::int64_t> piece;  ///< indices in each dimension
  double times = 1;                 ///< pieces moved
};

/// Order and blocks of a tensor in DRAM.
struct Blocking {
  std::vector<int> order;           ///< dimensions, slowest first
  std::vector<std::int64_t> block;  ///< extent per dimension
};

/// Bytes of whole bursts that all accesses cost. A piece is a set of contiguous runs, each of which
/// may begin anywhere in a burst unless it fills whole ones.
double burst_bytes(const Blocking& blocking, const std::vector<std::int64_t>& extents,
                   const std::vector<DramAccess>& accesses, int word_bytes, Bytes burst);

/// The cheapest of: channels fastest or rows and columns fastest, blocks as long in each dimension
/// as the tensor or as a piece. Of equally cheap ones the first in this order: `usual`, larger
/// blocks, channels fastest.
Blocking fit_blocking(const Blocking& usual, const std::vector<std::int64_t>& extents,
                      const std::vector<DramAccess>& accesses, int word_bytes, Bytes burst);

/// How the layers of `plans` move a tensor. Layers that get the same words by multicast count once.
std::vector<DramAccess> accesses_to(workloads::TensorId tensor, const std::vector<StagePlan>& plans,
                                    const workloads::Network& network, TileGrid grid);

}  // namespace tessera::mapping
