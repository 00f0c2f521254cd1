// Words that every level of a fused tree takes in, and where they come from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/cost/looptree/tile_inference.h"

namespace tessera::mapping::looptree {

/// One tensor at one level on behalf of one layer. `tags` are the dimensions of time and space over
/// which its tile changes, outermost first: T temporal loop, Q sequential branch, P pipeline
/// branch, S spatial loop.
struct Movement {
  int level = 0;
  int tensor = 0;
  int layer = 0;
  std::string tags;
  std::int64_t tile_words_sample = 0;  ///< of the last tile in order of execution
  std::int64_t tile_words_max = 0;
  std::int64_t fills = 0;                 ///< new words, all instances
  std::int64_t from_parent = 0;           ///< of those, after neighbours and multicast
  std::int64_t from_peers = 0;            ///< of those, taken from a neighbour in the mesh
  std::int64_t fills_per_unit = 0;        ///< most of any instance
  std::int64_t from_parent_per_unit = 0;  ///< most to the children of any one parent
};

struct LeafMovement {
  int layer = 0;
  std::int64_t operations = 0;      ///< executed, recomputation included
  std::vector<std::int64_t> steps;  ///< temporal steps per entry of the leaf's outer tiles
  std::vector<Movement> movements;  ///< outermost level first, tensors in the layer's order
};

/// A level holds of a tensor what the loops below its store touch. New are the words that were not
/// there at the time before, which is the last one with a different temporal index; loops at which
/// nothing changes are passed over. Compute units keep nothing from step to step. New words come
/// from a neighbour in the mesh that held them one iteration of the innermost temporal loop
/// earlier, and otherwise from the parent, which sends the same word once to all its children.
LeafMovement movement_of(const FusedTree& tree, const LeafTiles& leaf);

}  // namespace tessera::mapping::looptree
