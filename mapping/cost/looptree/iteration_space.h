// Dimensions of a leaf's iterations, and walks over them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mapping/cost/looptree/tile_inference.h"

namespace tessera::mapping::looptree {

/// One loop or branch on the way to a leaf.
struct Dimension {
  std::size_t step = 0;  ///< in the leaf's path
  char tag = 'T';
  int target = -1;  ///< spatial: level whose instances it spreads over

  bool is_temporal() const { return tag == 'T' || tag == 'Q'; }
  bool spreads_over(int level) const { return tag == 'S' && target == level; }
};

using Dimensions = std::vector<Dimension>;
using Index = std::vector<std::int64_t>;

/// A spatial loop spreads over the instances of the next store's level, or of compute.
Dimensions dimensions_of(const LeafTiles& leaf, int compute_level);

std::string tags_of(const Dimensions& dimensions);

/// Calls `visit` for every iteration of the first `depth` steps, in order, with the operations left
/// inside.
void for_each_iteration(const LeafTiles& leaf, std::size_t depth,
                        const std::function<void(const Index&, const Region&)>& visit);

/// Size of the union.
std::int64_t union_size(const std::vector<Region>& regions);

}  // namespace tessera::mapping::looptree
