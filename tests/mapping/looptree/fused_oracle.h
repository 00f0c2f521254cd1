// The fused analysis done the slow way: operations and data are sets of points, what is still there
// is found by looking at every earlier iteration, and every step of every compute unit is walked.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "mapping/cost/looptree/fused_tree.h"

namespace tessera::mapping::looptree {

struct SlowMovement {
  std::string tags;
  std::int64_t tile_words_max = 0;
  std::int64_t fills = 0;
  std::int64_t from_parent = 0;
  std::int64_t from_peers = 0;
};

struct SlowResult {
  std::map<int, std::int64_t> operations;                       ///< per layer
  std::map<int, std::int64_t> steps;                            ///< per layer
  std::map<std::tuple<int, int, int>, SlowMovement> movements;  ///< level, tensor, layer
};

SlowResult analyse_every_point(const FusedTree& tree);

}  // namespace tessera::mapping::looptree
