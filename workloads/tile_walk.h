// Visits every point of a rank tile and keeps, for each operand, the index it touches there.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/layer.h"

namespace tessera::workloads {

/// Odometer over the ranks of a tile, innermost last. Indices move incrementally; plain, but quick
/// enough for a few hundred million points.
class TileWalk {
 public:
  /// `order`: all ranks of the layer, outermost first.
  TileWalk(const RankTile& tile, std::vector<RankId> order);

  /// `strides`: elements per step of each stored dimension, for offset(); may be empty. Returns the
  /// operand's number in this walk.
  std::size_t follow(const Operand& operand, std::vector<std::int64_t> strides);

  bool empty() const { return volume(tile_) == 0; }
  /// Moves to the next point; false, back at the first point, after the last one.
  bool advance();

  std::span<const std::int64_t> index(std::size_t operand) const { return cursors_[operand].index; }
  std::int64_t offset(std::size_t operand) const { return cursors_[operand].offset; }
  /// False where the operand reads padding.
  bool is_inside(std::size_t operand) const;

 private:
  struct Cursor {
    std::vector<std::int64_t> index;
    std::vector<std::int64_t> strides;
    std::vector<RankRange> valid;
    std::vector<std::size_t>
        padded;  ///< dimensions that leave their valid range somewhere in the tile
    std::int64_t offset = 0;
  };
  struct Movement {
    std::size_t cursor;
    std::size_t dimension;
    std::int64_t coefficient;
  };

  void move(RankId rank, std::int64_t steps);

  RankTile tile_;
  std::vector<RankId> order_;
  std::vector<std::int64_t> position_;
  std::vector<std::vector<Movement>> movements_;  ///< per rank
  std::vector<Cursor> cursors_;
};

/// All ranks of the layer: first those for which `inner` is false, then the others, each in rank
/// order.
template <typename Predicate>
std::vector<RankId> ranks_with_last(const Layer& layer, Predicate inner) {
  std::vector<RankId> order;
  for (const bool wanted : {false, true})
    for (RankId id = 0; id < static_cast<RankId>(layer.ranks.size()); ++id)
      if (inner(id) == wanted) order.push_back(id);
  return order;
}

}  // namespace tessera::workloads
