// Which words of a moving tile are new, as Timeloop counts them.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/layer.h"

namespace tessera::mapping {

/// The bounding box of a region: gaps between strided elements count as words.
workloads::Region bounding_box(workloads::Region region);

/// Timeloop's rule (timeloop @ 4cf6d4c, operation-space.cpp SaveAndSubtractIfSameStride): a tile
/// that has not moved needs nothing; one that has moved along a single axis, overlaps the tile
/// before and moves by the same vector as the last move needs what lies outside the tile before;
/// any other needs all, and the vector is forgotten.
class SlidingWindow {
 public:
  /// Part of the tile that is new; the tile becomes the one before. Both have step 1.
  workloads::Region advance(const workloads::Region& tile);
  /// The tile before now stands so much further on: for moves that were not made one by one.
  void translate(const std::vector<std::int64_t>& by);

 private:
  std::vector<std::int64_t> move_to(const workloads::Region& tile) const;

  workloads::Region before_;
  std::vector<std::int64_t> vector_;  ///< empty: any will do
};

}  // namespace tessera::mapping
