#include "noc/topology/routing/grid_moves.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

Grid grid_of(const Topology& topology, const char* routing) {
  if (!topology.grid())
    throw UserError("routing ", routing, ": ", topology.name(),
                    " is no grid; allowed are SHORTEST_PATH and TABLE");
  if (topology.grid()->wraps)
    throw UserError("routing ", routing,
                    ": not for a torus; allowed are XY, YX, SHORTEST_PATH, TABLE");
  return *topology.grid();
}

struct Step {
  Direction direction;
  std::uint32_t span;
};

Step step_of(const Grid& grid, const Link& link, const char* routing) {
  const std::int64_t dx = std::int64_t{grid.x(link.to)} - grid.x(link.from);
  const std::int64_t dy = std::int64_t{grid.y(link.to)} - grid.y(link.from);
  if ((dx == 0) == (dy == 0))
    throw UserError("routing ", routing, ": link from router ", link.from, " to ", link.to,
                    " is neither along a row nor along a column");
  if (dy == 0) return {dx > 0 ? kEast : kWest, static_cast<std::uint32_t>(std::abs(dx))};
  return {dy > 0 ? kSouth : kNorth, static_cast<std::uint32_t>(std::abs(dy))};
}

}  // namespace

GridMoves::GridMoves(const Topology& topology, const char* routing)
    : grid_(grid_of(topology, routing)) {
  for (const Node& node : topology.nodes()) routers_.push_back(node.router);
  std::vector<std::vector<Move>> per_slot(std::size_t{topology.routers()} * 4);
  for (LinkId id = 0; id < topology.links().size(); ++id) {
    const Link& link = topology.links()[id];
    const Step step = step_of(grid_, link, routing);
    per_slot[link.from * 4 + step.direction].push_back({id, step.span});
    has_long_links_ |= step.span > 1;
  }
  for (auto& slot : per_slot) {
    std::stable_sort(slot.begin(), slot.end(),
                     [](const Move& a, const Move& b) { return a.span > b.span; });
    begin_.push_back(static_cast<std::uint32_t>(moves_.size()));
    moves_.insert(moves_.end(), slot.begin(), slot.end());
  }
  begin_.push_back(static_cast<std::uint32_t>(moves_.size()));
  check_unit_links(topology, routing);
}

void GridMoves::check_unit_links(const Topology& topology, const char* routing) const {
  const auto check = [&](RouterId router, Direction direction, bool needed) {
    const std::uint32_t slot = router * 4 + direction;
    const bool present = begin_[slot] < begin_[slot + 1] && moves_[begin_[slot + 1] - 1].span == 1;
    if (needed && !present)
      throw UserError("routing ", routing, ": router ", router, " of ", topology.name(),
                      " has no link to a neighbour in its row or column");
  };
  for (RouterId router = 0; router < topology.routers(); ++router) {
    check(router, kEast, grid_.x(router) + 1 < grid_.columns);
    check(router, kWest, grid_.x(router) > 0);
    check(router, kSouth, grid_.y(router) + 1 < grid_.rows);
    check(router, kNorth, grid_.y(router) > 0);
  }
}

}  // namespace tessera::noc
