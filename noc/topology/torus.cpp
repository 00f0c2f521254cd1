#include "noc/topology/builders.h"
#include "noc/topology/grid_links.h"

namespace tessera::noc {

namespace {

void add_ring_links(const Grid& grid, RouterId router, const GridShape& shape,
                    std::vector<Link>& links) {
  const std::uint32_t x = grid.x(router);
  const std::uint32_t y = grid.y(router);
  const auto add = [&](RouterId to) {
    links.push_back({router, to, shape.link_latency, 0, 2 * shape.pitch_mm});
  };
  if (grid.columns > 1) {
    add(grid.at((x + 1) % grid.columns, y));
    if (grid.columns > 2) add(grid.at((x + grid.columns - 1) % grid.columns, y));
  }
  if (grid.rows > 1) {
    add(grid.at(x, (y + 1) % grid.rows));
    if (grid.rows > 2) add(grid.at(x, (y + grid.rows - 1) % grid.rows));
  }
}

}  // namespace

Topology build_torus(const GridShape& shape) {
  check_extent(shape, "torus");
  const Grid grid{shape.columns, shape.rows, true};
  const std::uint32_t routers = shape.columns * shape.rows;
  std::vector<Link> links;
  for (RouterId router = 0; router < routers; ++router) add_ring_links(grid, router, shape, links);
  return Topology("torus", routers, one_node_per_router(shape, routers), std::move(links), grid,
                  NodeGrid{shape.columns, shape.rows});
}

}  // namespace tessera::noc
