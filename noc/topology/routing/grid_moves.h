// Links of a grid sorted by direction and span, for the routing functions that work on coordinates.
#pragma once

#include <cstdint>
#include <vector>

#include "noc/topology/topology.h"

namespace tessera::noc {

enum Direction : std::uint8_t { kEast, kWest, kSouth, kNorth };  // +x, -x, +y, -y

/// Per router and direction the links along that direction, longest first.
class GridMoves {
 public:
  /// UserError naming the routing function when the topology is no grid, has a link that is neither
  /// along a row nor along a column, or lacks a unit link between neighbours.
  GridMoves(const Topology& topology, const char* routing);

  const Grid& grid() const { return grid_; }
  RouterId router_of(NodeId node) const { return routers_[node]; }

  /// Longest link in the direction whose span is at most `distance` (at least 1).
  LinkId longest_within(RouterId router, Direction direction, std::uint32_t distance) const {
    const std::uint32_t slot = router * 4 + direction;
    std::uint32_t move = begin_[slot];
    while (moves_[move].span > distance) ++move;
    return moves_[move].link;
  }

  /// The link one step in x (or y) towards the target; kNoLink when there already.
  LinkId toward_x(RouterId router, RouterId target) const {
    const std::uint32_t from = grid_.x(router);
    const std::uint32_t to = grid_.x(target);
    if (from == to) return kNoLink;
    return to > from ? longest_within(router, kEast, to - from)
                     : longest_within(router, kWest, from - to);
  }
  LinkId toward_y(RouterId router, RouterId target) const {
    const std::uint32_t from = grid_.y(router);
    const std::uint32_t to = grid_.y(target);
    if (from == to) return kNoLink;
    return to > from ? longest_within(router, kSouth, to - from)
                     : longest_within(router, kNorth, from - to);
  }

  bool has_long_links() const { return has_long_links_; }

 private:
  struct Move {
    LinkId link;
    std::uint32_t span;
  };

  void check_unit_links(const Topology& topology, const char* routing) const;

  Grid grid_;
  std::vector<RouterId> routers_;     // of each node
  std::vector<std::uint32_t> begin_;  // routers x 4, one more at the end
  std::vector<Move> moves_;
  bool has_long_links_ = false;
};

}  // namespace tessera::noc
