// Writes schedule trees of fused layers for tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::test {

/// Loops over ranks of the last layer, and per tensor of the network the number of loops around its
/// store in the tile buffer; tensors that are not named stand inside all loops.
struct FusedTree {
  struct Loop {
    std::string rank;
    std::int64_t tile;
  };
  struct Split {
    std::string rank;
    int ways;
    mapping::Axis axis;
  };
  std::vector<Loop> loops;
  std::map<std::string, int> held = {};
  std::vector<std::string> no_reuse = {};  ///< tensors whose store keeps nothing from tile to tile
  std::vector<Split> splits = {};
  bool pipelined = false;
  /// Pipelines: how the tiles are dealt to the layers, and over which rank each layer splits its
  /// own.
  mapping::Organisation organisation = mapping::Organisation::kExplicit;
  std::string dealt_rank = {};
  int ways = 1;
  /// Loops of every layer by itself; tensors that are not named in `held` then stand inside these.
  std::vector<Loop> own_loops = {};
  std::vector<std::string> double_buffered = {};
};

/// Every layer is a branch of its own, with one multiply-accumulate at a time on the array.
mapping::Schedule fused_schedule(const workloads::Network& network, const FusedTree& tree);

/// The branch of one layer: loops of the array and the leaf.
mapping::Node plain_branch(const workloads::Layer& layer);

/// A chain of nodes, each the only child of the one before.
mapping::Node chained(std::vector<mapping::Node> path);

}  // namespace tessera::test
